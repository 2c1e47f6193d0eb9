import { createLatencies, type Latencies } from '../targets/latencies.js'
import type { EngineSettings } from './settings.js'

/** How long models take to their first piece. */
export interface LatencyModel {
  answered(model: string, ms: number): void
  /** An attempt was cancelled after so long: it would have taken longer. Without these the model would know the quick ones only and hedge ever earlier. */
  outrun(model: string, ms: number): void
  /** The p95 of the newest; null while there are too few. */
  p95(model: string): number | null
  /** Milliseconds after which a second target is asked: the p95, within the limits of the settings. */
  hedgeAfterMs(model: string): number
}

const KEPT = 128
/** With fewer the p95 is the slowest of a handful. */
const ENOUGH = 8

/** `models` are few and known beforehand: they are the operator's, not the callers'. */
export function createLatencyModel(settings: EngineSettings): LatencyModel {
  const models = new Map<string, Latencies>()

  function of(model: string): Latencies {
    const latencies = models.get(model) ?? createLatencies(KEPT)
    models.set(model, latencies)
    return latencies
  }

  function p95(model: string): number | null {
    const latencies = of(model)
    return latencies.count() < ENOUGH ? null : latencies.percentile(0.95)
  }

  return {
    answered: (model, ms) => of(model).add(ms),
    outrun(model, ms) {
      if (ms > (p95(model) ?? Infinity)) of(model).add(ms)
    },
    p95,
    hedgeAfterMs: (model) => Math.min(settings.hedgeMaxMs, Math.max(settings.hedgeMinMs, p95(model) ?? settings.hedgeDefaultMs)),
  }
}
