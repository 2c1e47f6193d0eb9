/** The built program as a user runs it, in a folder of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './waiting.js'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A command that goes on until it is stopped. */
export interface RunningCommand {
  /** The first group of what it has said so far on both of its outputs, or an empty text. */
  told(pattern: RegExp): string
  /** All it has said. */
  output(): string
  /** Ends it as Ctrl-C does, and tells its exit status. */
  stop(): Promise<number | null>
}

export interface Program extends AsyncDisposable {
  readonly folder: string
  /** Runs a command to its end. */
  run(...args: string[]): Promise<{ code: number | null; text: string }>
  /** Starts a command, and waits until it has said something. */
  start(args: readonly string[], until: RegExp, env?: Record<string, string>): Promise<RunningCommand>
}

/** Whatever still runs is ended with it. */
export async function openProgram(name: string): Promise<Program> {
  if (!existsSync(MAIN)) throw new Error('this test runs the built program: `npm run build` first, or `npm test`, which does')
  const folder = await mkdtemp(join(tmpdir(), `taogate-${name}-`))
  const running = new Set<ChildProcessWithoutNullStreams>()

  function begin(
    args: readonly string[],
    onText: (text: string) => void,
    env: Record<string, string> = {},
  ): ChildProcessWithoutNullStreams {
    const all = { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'info', LOG_FORMAT: 'json', ...env }
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: all })
    running.add(child)
    child.once('close', () => running.delete(child))
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => onText(chunk.toString()))
    return child
  }

  async function end(child: ChildProcessWithoutNullStreams): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode
    const closed = once(child, 'close')
    child.kill('SIGINT')
    return ((await closed) as [number | null])[0]
  }

  return {
    folder,
    async run(...args) {
      let text = ''
      const child = begin(args, (more) => (text += more))
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, text }
    },
    async start(args, until, env) {
      let output = ''
      const child = begin(args, (more) => (output += more), env)
      await eventually(
        `taogate ${args[0]} says ${until.source}`,
        () => {
          if (child.exitCode !== null) throw new Error(`taogate ${args[0]} ended with ${child.exitCode}: ${output}`)
          return until.test(output)
        },
        60_000,
      )
      return { told: (pattern) => pattern.exec(output)?.[1] ?? '', output: () => output, stop: () => end(child) }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map(end))
      // A database that has just ended may still be tidying up.
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
