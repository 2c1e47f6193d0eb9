// The public gateway that the proxy is compared with: Portkey's, from the npm registry, as its package is.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startChild } from './children.mjs'
import { HOST } from './world.mjs'

const NAME = '@portkey-ai/gateway'
const VERSION = '1.15.2'
/** With later versions, which its range allows, streams of the gateway fail: it writes to headers that cannot be written to (issue 1389 of its repository). */
const OVERRIDES = { '@hono/node-server': '1.14.1' }
export const PORTKEY = `${NAME} ${VERSION}`
const SCRIPT = `node_modules/${NAME}/build/start-server.js`
const INSTALL_MS = 180_000
const POLL_MS = 50

/** Installs it below a folder, without running scripts of packages. Returns its program; null, with the reason printed, when that does not work. */
export function installPortkey(folder) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { [NAME]: VERSION }, overrides: OVERRIDES }))
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
  const { status, stderr, error } = spawnSync('npm', args, { encoding: 'utf8', timeout: INSTALL_MS, shell: process.platform === 'win32' })
  const script = join(folder, SCRIPT)
  if (status === 0 && existsSync(script)) return script
  const reason = error?.message ?? stderr.split('\n').find((line) => /npm (error|ERR)/.test(line)) ?? `status ${status}`
  console.log(`${PORTKEY} could not be installed (${reason.trim()}): its rows are left out`)
  return null
}

/** Starts it without its log page. Resolves when it listens. */
export async function startPortkey(script) {
  const port = await freePort()
  const isReady = async () => {
    for (;;) {
      const answer = await fetch(`http://${HOST}:${port}/`).catch(() => null)
      await answer?.text()
      if (answer?.ok) return { url: `http://${HOST}:${port}` }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
  return startChild(script, { args: ['--headless', `--port=${port}`], env: { TRUSTED_CUSTOM_HOSTS: `${HOST},localhost` }, isReady })
}

/** Says where it passes requests on to. */
export function portkeyHeaders(upstreamPort) {
  return { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `http://${HOST}:${upstreamPort}/v1` }
}

function freePort() {
  const server = createServer()
  return new Promise((resolve) =>
    server.listen(0, HOST, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    }),
  )
}
