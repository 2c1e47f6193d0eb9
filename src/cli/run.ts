/** What every command has in common: settings, log, metrics, signals, an orderly end and an exit status. */
import { loadConfig, printConfig, type Config, type ConfigSources } from '../core/config/index.js'
import { isAppError } from '../core/errors.js'
import { createLifecycle, DONE, type Lifecycle } from '../core/lifecycle.js'
import { createLogger, type Logger } from '../core/log.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import { watchProcess } from './signals.js'

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

export interface CommandContext {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly life: Lifecycle
  /** Writes an answer to standard output; logs go to standard error. */
  print(text: string): void
  /** Sets the exit status of a command that ends well; 0 unless it is called. */
  exitWith(status: number): void
}

export interface CommandInput extends Pick<ConfigSources, 'flags' | 'file'> {
  printOnly: boolean
}

/**
 * Runs a command to its end and tells the exit status. The command adds what it starts to the lifecycle, which is closed when its
 * promise settles; one that serves waits for `life.stopping`. Throws when the settings are wrong.
 */
export async function runCommand(input: CommandInput, run: (context: CommandContext) => Promise<void>): Promise<number> {
  const config = loadConfig({ flags: input.flags, file: input.file })
  if (input.printOnly) {
    print(printConfig(config))
    return EXIT_OK
  }
  const log = createLogger(config.log)
  const life = createLifecycle({ log })
  const metrics = createMetrics({ process: true })
  const failures: unknown[] = []
  let status = EXIT_OK
  watchProcess({
    stop: (reason) => void life.stop(reason),
    // A fault that nobody caught leaves unknown state behind: end, and let the supervisor start afresh.
    fail: (error) => {
      failures.push(error)
      void life.stop('fault')
    },
  })
  await run({ config, log, metrics, life, print, exitWith: (code) => (status = code) }).catch((error: unknown) => {
    // After a stop has begun, what was under way fails with its abort: that is the end that was asked for.
    if (!life.signal.aborted) failures.push(error)
  })
  const report = await life.stop(failures.length > 0 ? 'failure' : DONE)
  if (failures.length > 0) return Math.max(...failures.map(reportFailure))
  return report.late.length + report.failed.length > 0 ? EXIT_FAILED : status
}

/** Tells a person why the program ends: code and message of a known error, everything about an unknown one. */
export function reportFailure(error: unknown): number {
  if (isAppError(error)) {
    process.stderr.write(`${error.code}: ${error.message}\n`)
    return error.code === 'CONFIG_INVALID' ? EXIT_USAGE : EXIT_FAILED
  }
  process.stderr.write(`INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return EXIT_FAILED
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
