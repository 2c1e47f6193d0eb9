import { spawn, type ChildProcessWithoutNullStreams as ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'

/**
 * Tests against the real runtime need what this repository does not hold: the ground-truth rig (a folder of scripts around
 * Chopsticks, installed with its dependencies), a raw chain spec and a runtime. Where they lie is told by these variables.
 */
const VARIABLES = {
  TAOGATE_RIG: 'folder of the installed rig (start.mjs, scenario.mjs, truth.mjs, replay-node.mjs, ...)',
  TAOGATE_SPEC_103: 'raw chain spec whose runtime has spec version 103',
  TAOGATE_WASM_143: 'runtime code of spec version 143: wasm, compressed wasm or hex text',
} as const
type Variable = keyof typeof VARIABLES

export type SpecVersion = 103 | 143

export interface RigProcess {
  readonly url: string
  /** The line the tool printed when it was ready. */
  readonly info: Readonly<Record<string, unknown>>
  close(): Promise<void>
}

const START_MS = 60_000
const STOP_MS = 5_000
const PORT_TRIES = 3
/** Loaded into each tool: its standard input closes when the test process ends, however that happens, and then it ends too. */
const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads'
  if (isMainThread) process.stdin.on('end', () => process.exit()).resume().unref()
`)}`
const told = new Set<string>()

/** Whether tests against the real runtime can run; if not, says once what is missing: `test.skipIf(!needsRig())`. */
export function needsRig(variables: readonly Variable[] = ['TAOGATE_RIG', 'TAOGATE_SPEC_103', 'TAOGATE_WASM_143']): boolean {
  const missing = variables.filter((name) => (process.env[name] ?? '') === '')
  if (missing.length > 0) {
    const list = missing.map((name) => `  ${name}: ${VARIABLES[name]}`).join('\n')
    if (!told.has(list)) console.warn(`SKIPPED: tests against the real runtime. Not set:\n${list}`)
    told.add(list)
    return false
  }
  // A path that is set and wrong is a mistake to be shown, not a reason to skip.
  for (const name of variables) pathOf(name)
  return true
}

/** The path in a variable, which must exist. */
export function pathOf(name: Variable): string {
  const value = process.env[name] ?? ''
  const found = path.resolve(value)
  if (value === '' || !existsSync(found)) throw new Error(`${name} is "${value}", which does not exist; wanted the ${VARIABLES[name]}`)
  return found
}

/** A fresh node with the real runtime of a spec version, on a free port. Blocks are built on request (`dev_newBlock`). */
export async function startRig(spec: SpecVersion, flags: readonly string[] = []): Promise<RigProcess> {
  const code = spec === 143 ? ['--wasm', pathOf('TAOGATE_WASM_143')] : []
  for (let attempt = 1; ; attempt++) {
    // The node itself cannot take a port of its choice. Another process may take this one first: then the next try has another.
    const args = ['--spec', pathOf('TAOGATE_SPEC_103'), ...code, '--port', String(await freePort()), ...flags]
    try {
      const node = await startTool('start.mjs', args)
      if (node.info['specVersion'] === spec) return node
      await node.close()
      throw new Error(
        `the node runs spec ${String(node.info['specVersion'])}; wanted ${spec}: TAOGATE_SPEC_103 or TAOGATE_WASM_143 is another runtime`,
      )
    } catch (error) {
      if (attempt === PORT_TRIES || !String(error).includes('EADDRINUSE')) throw error
    }
  }
}

/** Serves a recording without its node (`replay-node.mjs`), or with `--upstream URL` among the flags records into it. */
export function replay(recordingFile: string, flags: readonly string[] = []): Promise<RigProcess> {
  const source = flags.includes('--upstream') ? [] : ['--offline']
  return startTool('replay-node.mjs', ['--record', recordingFile, ...source, '--port', '0', ...flags])
}

/** Serves a chain of the given length out of recorded blocks (`long-chain.mjs`). */
export function longChain(recordingFile: string, length: number, flags: readonly string[] = []): Promise<RigProcess> {
  return startTool('long-chain.mjs', ['--record', recordingFile, '--length', String(length), '--port', '0', ...flags])
}

/** Runs a tool of the rig that ends by itself (scenario, truth, heavy-blocks, read-range) and gives what it printed. */
export async function runTool(script: string, args: readonly string[], timeoutMs = 600_000): Promise<string> {
  const child = spawnTool(script, args)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const errors = tailOf(child)
  const [code, signal] = await ended(child)
  clearTimeout(timer)
  if (code !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${signal ?? code}:\n${errors()}`)
  return out
}

async function startTool(script: string, args: readonly string[]): Promise<RigProcess> {
  const child = spawnTool(script, args)
  const errors = tailOf(child)
  const exit = ended(child)
  const line = await firstLine(child, exit).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`${script} ${args.join(' ')}: ${(error as Error).message}\n${errors()}`)
  })
  const info = JSON.parse(line) as Record<string, unknown>
  return {
    url: String(info['ws']),
    info,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exit
      clearTimeout(force)
    },
  }
}

function spawnTool(script: string, args: readonly string[]): ChildProcess {
  const file = path.join(pathOf('TAOGATE_RIG'), script)
  if (!existsSync(file)) throw new Error(`TAOGATE_RIG holds no ${script}`)
  return spawn(process.execPath, ['--import', END_WITH_PARENT, file, ...args], { stdio: 'pipe' })
}

function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve([code, signal]))
  })
}

function firstLine(child: ChildProcess, exit: Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready within ${START_MS} ms`)), START_MS)
    const settle = (end: () => void): void => {
      clearTimeout(timer)
      end()
    }
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => line.startsWith('{') && settle(() => resolve(line)))
    exit.then(
      () => settle(() => reject(new Error('ended before it was ready'))),
      (error: Error) => settle(() => reject(error)),
    )
  })
}

/** Gives the last of what a child wrote to standard error. */
function tailOf(child: ChildProcess): () => string {
  let tail = ''
  child.stderr.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-4000)))
  return () => tail
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
