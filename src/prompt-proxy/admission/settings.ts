/** How much is let through at once, and how much of it may be one customer's. */
export interface AdmissionSettings {
  /** Requests at the engine at once; others wait. */
  maxInFlight: number
  /** Requests that may wait. */
  queue: number
  /** How long one of them waits at most. */
  maxWaitMs: number
  /** Requests of one customer (without a key: of one address) at once, waiting ones among them, where its key does not say; null: as many as one likes. */
  concurrentPrompts: number | null
  /** Tokens of prompts and answers in a minute of one customer or address, where its key does not say; null: as many as one likes. */
  tokensPerMinute: number | null
  /** Answers of a request for all of them that does not say how many, and the most of any: as the engine has them. */
  topN: number
  maxTopN: number
}
