/** How requests are spread over targets. All are optional to the engine; these are the defaults. */
export interface EngineSettings {
  /** Attempts of one request that wants one answer, all in all. */
  maxAttempts: number
  /** Attempts of such a request at once. */
  maxParallel: number
  /** Targets asked side by side when a request does not say. */
  topN: number
  /** Most of them, whatever it says. */
  maxTopN: number
  /** Attempts beyond those, in place of ones that failed or are silent. */
  maxReplacements: number
  /** Time to a second attempt for a model that nothing is known of. */
  hedgeDefaultMs: number
  hedgeMinMs: number
  hedgeMaxMs: number
  /** `best_of`: how long the others may take once there is an answer: this many times what that one took, `graceMinMs` at least. */
  graceFactor: number
  graceMinMs: number
  /** A target that had less time than this and did not answer is not blamed: the caller was short of time. */
  patienceMs: number
  /** Most bytes of an answer. */
  maxAnswerBytes: number
  /** The model that is asked for upstream, by netuid, where the protocol can say one. */
  upstreamModels: ReadonlyMap<number, string>
}

export const ENGINE_DEFAULTS: EngineSettings = {
  maxAttempts: 4,
  maxParallel: 4,
  topN: 3,
  maxTopN: 10,
  maxReplacements: 3,
  hedgeDefaultMs: 1_500,
  hedgeMinMs: 50,
  hedgeMaxMs: 5_000,
  graceFactor: 2,
  graceMinMs: 1_000,
  patienceMs: 4_000,
  maxAnswerBytes: 4 * 1024 * 1024,
  upstreamModels: new Map(),
}
