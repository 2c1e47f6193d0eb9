// Child processes of a benchmark: the rig's servers, and the measured command.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const USAGE_HOOK = new URL('usage.mjs', import.meta.url).href
/** Loaded into a tool: its standard input closes when this process ends, however that happens, and then it ends too. */
const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads'
  if (isMainThread) process.stdin.on('end', () => process.exit()).resume().unref()
`)}`
const READY_MS = 60_000
const STOP_MS = 5_000

/** Starts a tool of the rig that serves; resolves with its ready line once it does. */
export async function startTool(rig, script, ...args) {
  const file = join(rig, script)
  if (!existsSync(file)) throw new Error(`TAOGATE_RIG is ${rig}, which holds no ${script}`)
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, file, ...args], { stdio: 'pipe' })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const errors = keepTail(child.stderr)
  const line = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${script} was not ready within ${READY_MS} ms`)), READY_MS)
    createInterface({ input: child.stdout }).once('line', (text) => resolve(text, clearTimeout(timer)))
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}: ${errors()}`), clearTimeout(timer)))
  })
  return {
    ...JSON.parse(line),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(force)
    },
  }
}

/** Runs `taogate COMMAND ...` to its end. Gives wall and CPU time in ms and the peak of its resident memory in MB, and what it printed. */
export async function runMeasured([command, ...args]) {
  if (!existsSync(MAIN)) throw new Error('dist/main.js is not there: npm run build')
  const folder = mkdtempSync(join(tmpdir(), 'taogate-bench-usage-'))
  const file = join(folder, 'usage.json')
  try {
    const env = { ...plainEnvironment(), TAOGATE_BENCH_USAGE: file, TAOGATE_BENCH_COMMAND: command }
    const startedAt = performance.now()
    // A program of the bench's own, or a command of taogate.
    const program = command.endsWith('.mjs') ? [command] : [MAIN, command]
    const nodeArgs = ['--import', USAGE_HOOK, ...program, ...args]
    const child = spawn(process.execPath, nodeArgs, { stdio: ['ignore', 'pipe', 'pipe'], env })
    killWithUs(child)
    const errors = keepTail(child.stderr)
    const printed = keepTail(child.stdout)
    const [code, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (...how) => resolve(how))
    })
    const wallMs = performance.now() - startedAt
    if (code !== 0) throw new Error(`taogate ${command} ${args.join(' ')} ended with ${signal ?? code}:\n${errors()}`)
    if (!existsSync(file)) throw new Error(`taogate ${command} left no measurement`)
    return { wallMs, printed: printed(), ...JSON.parse(readFileSync(file, 'utf8')) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a program needs to run, and none of the settings that the measured one would take from the environment. */
function plainEnvironment() {
  const names = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'TEMP', 'SystemRoot']
  return Object.fromEntries(names.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]]))
}

function killWithUs(child) {
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
}

function keepTail(stream) {
  let tail = ''
  stream.on('data', (chunk) => (tail = (tail + chunk).slice(-4000)))
  return () => tail.trim()
}
