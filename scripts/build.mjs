// Makes dist/ and the database client, each only when what it is made from has changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withBuildLock } from './lock.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const GENERATED = join(root, 'src/store/generated')
const DIST = join(root, 'dist')
const CACHE = join(root, 'node_modules/.cache')
const TSC_STATE = join(CACHE, 'tsc.build.tsbuildinfo')

/** Builds what is out of date; says one line per step that it took. */
export async function build() {
  // Without writing anything first: a finished build also runs from a checkout that is read-only.
  if (isCurrent(clientStamp()) && isCurrent(distStamp())) return
  mkdirSync(CACHE, { recursive: true })
  await withBuildLock(join(CACHE, 'build.lock'), () => {
    generateClient()
    compile()
  })
}

function generateClient() {
  const stamp = clientStamp()
  if (isCurrent(stamp)) return
  const startedAt = Date.now()
  // Prisma would download an engine that `generate` does not use; any file that exists keeps it from that.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }
  runNode([join(root, 'node_modules/prisma/build/index.js'), 'generate'], 'prisma generate', env)
  writeFileSync(stamp.path, stamp.hash)
  say('database client', startedAt)
}

function compile() {
  const stamp = distStamp()
  if (isCurrent(stamp)) return
  const startedAt = Date.now()
  // tsc believes its own notes over what is in dist, so they go when dist went.
  if (!existsSync(stamp.path)) rmSync(TSC_STATE, { force: true })
  rmSync(stamp.path, { force: true })
  removeOrphans()
  runNode([join(root, 'node_modules/typescript/lib/tsc.js'), '-p', 'tsconfig.build.json'], 'tsc')
  // The program of the package: `npx taogate` runs it as it is.
  chmodSync(join(DIST, 'main.js'), 0o755)
  writeFileSync(stamp.path, stamp.hash)
  say('dist', startedAt)
}

/** Output of sources that are gone: Node would still load it. */
function removeOrphans() {
  for (const file of filesUnder(DIST)) {
    const source = join(root, 'src', relative(DIST, file).replace(/\.js(\.map)?$/, '.ts'))
    if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(file)
  }
}

function clientStamp() {
  const inputs = ['prisma/schema.prisma', 'node_modules/prisma/package.json'].map((path) => join(root, path))
  return { path: join(GENERATED, '.made-from'), hash: hashOf(inputs) }
}

function distStamp() {
  const sources = filesUnder(join(root, 'src')).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'node_modules/typescript/package.json'].map((path) => join(root, path))
  return { path: join(DIST, '.made-from'), hash: hashOf([...sources, ...settings]) }
}

function isCurrent(stamp) {
  return existsSync(stamp.path) && readFileSync(stamp.path, 'utf8') === stamp.hash
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

function filesUnder(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function runNode(args, name, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
  throw new Error(`${name} failed${error ? `: ${error.message}` : ` with status ${status}`}`)
}

function say(what, startedAt) {
  process.stderr.write(`built ${what} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build().catch((error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
