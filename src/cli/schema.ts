import { fileURLToPath } from 'node:url'
import { printSdl } from '../api/index.js'
import { shownPath, writePage } from './docs.js'
import { EXIT_FAILED, EXIT_OK } from './run.js'

const PATH = fileURLToPath(new URL('../../schema.graphql', import.meta.url))

/** Writes schema.graphql as the API serves it, or with `check` only tells whether it is out of date. */
export async function writeSchema(check: boolean): Promise<number> {
  const stale = await writePage(PATH, printSdl(), check)
  if (!stale) return EXIT_OK
  process.stdout.write(check ? `${shownPath(PATH)} is out of date; run node dist/main.js schema\n` : `${shownPath(PATH)} written\n`)
  return check ? EXIT_FAILED : EXIT_OK
}
