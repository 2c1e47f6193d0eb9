// `npm start -- ARGS` is `taogate ARGS`, built first if needed. It stays one process, so that Ctrl-C reaches the program itself.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from './build.mjs'

try {
  await build()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
const main = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/main.js')
process.argv[1] = main
await import(pathToFileURL(main).href)
