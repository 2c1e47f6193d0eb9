// Processes of `bench/prompt.mjs`: each tells what it used when it is asked, and ends with the process that started it.
import { fork } from 'node:child_process'

const READY_MS = 60_000
const STOP_MS = 5_000
/** Loaded into every child, whoever wrote it. Nothing runs in between: CPU time is that of its work. */
const HOOK = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads'
  if (isMainThread) {
    process.on('disconnect', () => process.exit())
    process.on('message', (message) => {
      if (message.usage === undefined) return
      const { user, system } = process.cpuUsage()
      process.send({ usage: message.usage, cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 1048576 })
    })
  }
`)}`
const KEPT_VARIABLES = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'TEMP', 'SystemRoot']

/**
 * Starts a script. `isReady` gives what it says of itself when it serves, by its first message where absent. `usage()` resolves with its CPU time in ms (all of its
 * threads, from its start) and its resident memory in MB. `BENCH_NODE_ARGS` has further arguments of Node for all of them, such as `--cpu-prof`.
 */
export async function startChild(script, { args = [], env = {}, isReady = readyMessage } = {}) {
  const kept = Object.fromEntries(KEPT_VARIABLES.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]]))
  const execArgv = ['--import', HOOK, ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? [])]
  const child = fork(script, args, { env: { ...kept, ...env, NODE_ENV: 'production' }, execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (tail = (tail + chunk).slice(-4000)))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  let timer
  let isClosing = false
  const ended = exited.then((code) => Promise.reject(new Error(`${script} ended with ${code}: ${tail}`)))
  ended.catch((error) => isClosing || process.stderr.write(`${error.message}\n`))
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${script} was not ready within ${READY_MS} ms: ${tail}`)), READY_MS)
  })
  const said = await Promise.race([isReady(child), ended, late]).finally(() => clearTimeout(timer))

  let asked = 0
  return {
    ...said,
    usage() {
      const number = ++asked
      return new Promise((resolve) => {
        const take = (message) => {
          if (message.usage !== number) return
          child.off('message', take)
          resolve(message)
        }
        child.on('message', take).send({ usage: number })
      })
    },
    async close() {
      isClosing = true
      process.off('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.disconnect()
      const force = setTimeout(kill, STOP_MS)
      await exited
      clearTimeout(force)
    },
  }
}

function readyMessage(child) {
  return new Promise((resolve) => child.on('message', (message) => message.ready && resolve(message.ready)))
}
