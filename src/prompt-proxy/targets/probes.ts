import { DendriteError, type AxonTarget, type DendriteProtocol } from '../dendrite/types.js'
import type { FailureCode } from './back-off.js'
import type { Clock } from './clock.js'
import type { Health } from './health.js'
import type { TargetMetrics } from './metrics.js'
import type { TargetSettings } from './settings.js'

/** Asks a target for a sign of life. Rejects with a DendriteError when there is none. */
export type Probe = (target: AxonTarget, protocol: DendriteProtocol, signal: AbortSignal) => Promise<void>

interface ProbeJob {
  target: AxonTarget
  protocol: DendriteProtocol
  health: Health
}

interface ProbeOptions {
  probe: Probe
  clock: Clock
  settings: Pick<TargetSettings, 'maxProbes'>
  metrics: TargetMetrics
}

const PROBE_TIMEOUT_MS = 5_000

/** Probes all, `maxProbes` at once, and tells their health. Never throws; a probe that ignores its signal is given up all the same. */
export async function runProbes(jobs: readonly ProbeJob[], { probe, clock, settings, metrics }: ProbeOptions): Promise<void> {
  const waiting = [...jobs]
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const failure = await probeOne(job)
      metrics.probed(failure === null ? 'ok' : 'failed')
      job.health.probed(failure)
    }
  }
  await Promise.all(Array.from({ length: Math.min(settings.maxProbes, jobs.length) }, worker))

  function probeOne({ target, protocol }: ProbeJob): Promise<FailureCode | null> {
    return new Promise((resolve) => {
      const controller = new AbortController()
      const stop = clock.after(PROBE_TIMEOUT_MS, () => {
        resolve('TIMEOUT')
        controller.abort()
      })
      const settle = (failure: FailureCode | null): void => {
        stop()
        resolve(failure)
      }
      // Called inside of a promise: one that throws at once is no different.
      Promise.resolve()
        .then(() => probe(target, protocol, controller.signal))
        .then(
          () => settle(null),
          (error: unknown) => settle(failureOf(error)),
        )
    })
  }
}

/** The code of anything that was thrown. */
export function failureOf(error: unknown): FailureCode {
  const code = error instanceof DendriteError ? error.returnCode : 'UNKNOWN_EXCEPTION'
  return code === 'SUCCESS' ? 'UNKNOWN_EXCEPTION' : code
}
