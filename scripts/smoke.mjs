// Proves that `npm start` works: it comes up on a free port with a data folder of its own, answers GraphQL, stores new blocks, audits its epochs by the program's name, ends on
// Ctrl-C without leaving a process, and goes on where it stopped; two copies run side by side. `--one` does the first part alone.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const UP_WITHIN_MS = 60_000
const DOWN_WITHIN_MS = 20_000
const QUERY = '{ _metadata { lastProcessedHeight } metagraph(netuid: 1) { neurons { uid hotkey } } }'

const scratch = mkdtempSync(join(tmpdir(), 'taogate-smoke-'))
const running = new Set()

try {
  const first = await startCopy('a')
  const height = await newBlocks(first, 3)
  auditCopy(first)
  await stopCopy(first)
  if (!process.argv.includes('--one')) {
    const again = await startCopy('a')
    const other = await startCopy('b')
    const resumed = await heightOf(again)
    if (resumed < height) throw new Error(`the second start is at block ${resumed}; the first had reached ${height}`)
    await Promise.all([newBlocks(again, 2), newBlocks(other, 2)])
    await stopCopy(again)
    // Ending one copy must not touch the other.
    await newBlocks(other, 1)
    await stopCopy(other)
  }
  process.stdout.write('npm start works\n')
} catch (error) {
  process.stderr.write(`smoke test failed: ${error.message}\n`)
  for (const copy of running)
    process.stderr.write(`--- last answer of ${copy.name}\n${copy.answer}\n--- its output\n${ends(copy.output)}\n`)
  process.exitCode = 1
} finally {
  for (const copy of running) signalGroup(copy, 'SIGKILL')
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}

/** Runs the program by its name, beside the copy that holds the database: all epochs that the chain began with must be exact. */
function auditCopy({ dataDir }) {
  const args = ['--no', '--', 'taogate', 'audit', '--data-dir', dataDir, '--log-level', 'error']
  const { status, stdout, stderr } = spawnSync('npx', args, { cwd: root, encoding: 'utf8' })
  const [, all, exact] = /^(\d+) epochs: (\d+) exact/m.exec(stdout) ?? []
  if (status !== 0 || all === undefined || all === '0' || all !== exact)
    throw new Error(`taogate audit ended with ${status}: ${stdout}${stderr}`)
  process.stdout.write(stdout)
}

/** Starts `npm start` in a process group of its own, as a terminal would, and waits until the API answers. */
async function startCopy(name) {
  const port = await freePort()
  const dataDir = join(scratch, name)
  const args = [
    'start',
    '--silent',
    '--',
    '--port',
    String(port),
    '--data-dir',
    dataDir,
    '--devnet-block-ms',
    '500',
    '--devnet-neurons',
    '8',
  ]
  const child = spawn('npm', args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const copy = { name, child, dataDir, url: `http://127.0.0.1:${port}/graphql`, output: '', answer: 'none', exit: null }
  copy.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve((copy.exit = { code, signal }))))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (copy.output += chunk))
  running.add(copy)
  const startedAt = Date.now()
  await until(`${name} answers`, UP_WITHIN_MS, async () => (await ask(copy)) !== null || mustRun(copy))
  process.stdout.write(`${name}: up after ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
  return copy
}

/** Presses Ctrl-C: a terminal sends SIGINT to the whole group. Then nothing of the group, and no database, may be left. */
async function stopCopy(copy) {
  const startedAt = Date.now()
  signalGroup(copy, 'SIGINT')
  await Promise.race([copy.exited, sleep(DOWN_WITHIN_MS, null, { ref: false })])
  if (copy.exit === null) throw new Error(`${copy.name} still runs ${DOWN_WITHIN_MS / 1000} s after Ctrl-C`)
  // npm, which gets the Ctrl-C too, may report that rather than the status of the program.
  if (copy.exit.code !== 0 && copy.exit.signal !== 'SIGINT')
    throw new Error(`${copy.name} ended with ${JSON.stringify(copy.exit)} after Ctrl-C`)
  await until(`${copy.name} leaves no process`, DOWN_WITHIN_MS, () => processesOf(copy).length === 0)
  if (/did not close in time|failed to close|INTERNAL/.test(copy.output)) throw new Error(`${copy.name} did not end in order`)
  process.stdout.write(`${copy.name}: gone after ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
  running.delete(copy)
}

/** Waits until a copy has stored some more blocks; returns its height. */
async function newBlocks(copy, count) {
  const from = await heightOf(copy)
  let height = from
  await until(`${copy.name} stores ${count} more blocks`, 30_000, async () => {
    mustRun(copy)
    height = await heightOf(copy)
    return height >= from + count
  })
  return height
}

async function heightOf(copy) {
  const data = await ask(copy)
  if (data === null) throw new Error(`${copy.name} does not answer`)
  return data._metadata.lastProcessedHeight
}

/** The answer to the query once it shows a living subnet; null while the copy is not there yet. */
async function ask(copy) {
  try {
    const response = await fetch(copy.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: QUERY }),
      signal: AbortSignal.timeout(5000),
    })
    copy.answer = await response.text()
    const { data } = JSON.parse(copy.answer)
    return data?.metagraph?.neurons?.length > 0 ? data : null
  } catch {
    return null
  }
}

function mustRun(copy) {
  if (copy.exit !== null) throw new Error(`${copy.name} ended by itself with ${JSON.stringify(copy.exit)}`)
  return false
}

/** Processes of a copy: its group, and whatever names its data folder, such as its database. */
function processesOf(copy) {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
  return pids.filter((pid) => {
    try {
      const group = Number(
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[2],
      )
      return group === copy.child.pid || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(copy.dataDir)
    } catch {
      return false // it ended while it was looked at
    }
  })
}

/** The first and last lines of a long text. */
function ends(text) {
  const lines = text.split('\n')
  return lines.length <= 60 ? text : [...lines.slice(0, 30), '...', ...lines.slice(-30)].join('\n')
}

function signalGroup(copy, signal) {
  try {
    process.kill(-copy.child.pid, signal)
  } catch {
    // The group is gone.
  }
}

async function until(what, withinMs, check) {
  const deadline = Date.now() + withinMs
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs / 1000} s until ${what}`)
    await sleep(250)
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
