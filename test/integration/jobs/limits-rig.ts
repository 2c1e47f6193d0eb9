import { Writable } from 'node:stream'
import { createLogger, silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { openLimits } from '../../../src/jobs/index.js'
import { freshPrefix, wireTo } from './rig.js'

export type LimitsOptions = Parameters<typeof openLimits>[0]
type Opened = Awaited<ReturnType<typeof openLimits>>

/** Patient enough for a busy machine; places of the dead come free within a second. */
export const CALM: LimitsOptions['timing'] = { waitMs: 5_000, answerMs: 5_000, probeMs: 50, leaseMs: 800, renewMs: 150 }

export async function limitsAt(
  redisUrl: string | undefined,
  prefix: string,
  more: Partial<LimitsOptions> = {},
): Promise<Opened & AsyncDisposable> {
  const limits = await openLimits({ redisUrl, prefix, log: silentLog, metrics: createMetrics(), timing: CALM, ...more })
  return { ...limits, [Symbol.asyncDispose]: () => limits.close() }
}

/** Two instances of a service. */
export async function twoInstances(url: string, more: Partial<LimitsOptions> = {}) {
  const prefix = freshPrefix()
  const wire = await wireTo(url)
  const one = await limitsAt(url, prefix)
  const other = await limitsAt(wire.url, prefix, more)
  return {
    ...{ one, other, wire, prefix },
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()])
      await wire[Symbol.asyncDispose]()
    },
  }
}

/** The lines of a log, and what the gauge says. */
export function watched(timing: LimitsOptions['timing'] = CALM) {
  const lines: { level: number; msg: string }[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line) as { level: number; msg: string })
      done()
    },
  })
  const metrics = createMetrics()
  return {
    options: { log: createLogger({ stream, format: 'json' }), metrics, timing },
    told: () => lines.map(({ msg }) => msg),
    shared: async () => Number(/^tao_limits_shared (\d)$/m.exec(await metrics.metrics())?.[1]),
  }
}
