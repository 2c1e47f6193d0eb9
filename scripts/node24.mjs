// Runs the unit tests and one end-to-end run on Node 24, with the build that Node 20 made.
// Node comes as an npm package of its binary, in a folder of its own that is removed again.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAJOR = 24
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), `taogate-node${MAJOR}-`))

try {
  const node = installNode()
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` }
  must(run(node, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit'], env), 'unit tests')
  must(run(node, ['scripts/smoke.mjs', '--one'], env), 'end-to-end run')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The path of a Node of the wanted version, installed without running any install script. */
function installNode() {
  const name = `node-${process.platform}-${process.arch}`
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const install = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${MAJOR}`], {
    cwd: folder,
    stdio: 'inherit',
  })
  const node = join(folder, 'node_modules', name, 'bin/node')
  if (install.status !== 0 || !existsSync(node)) throw new Error(`npm package ${name}@${MAJOR} could not be installed`)
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  process.stdout.write(`running on ${stdout}`)
  if (!stdout.startsWith(`v${MAJOR}.`)) throw new Error(`wanted Node ${MAJOR}, got ${stdout}`)
  return node
}

function run(node, args, env) {
  return spawnSync(node, args, { cwd: root, env, stdio: 'inherit' }).status
}

function must(status, what) {
  if (status !== 0) throw new Error(`${what} failed on Node ${MAJOR}`)
}
