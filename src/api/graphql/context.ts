import type { ApiConfig } from '../../core/config/index.js'
import type { Readiness } from '../../core/lifecycle.js'
import type { ReadSession, Reads } from '../../store/read/index.js'
import type { Shape } from './limits/document.js'
import type { Loaders } from './loaders.js'

/** How far the node's chain is, as the indexer of the same process knows it. */
export interface ChainHead {
  /** Highest block that the index aims for. */
  target: number
  finalized: number
}

/** What the GraphQL part needs from outside, for all requests. */
export interface GraphqlDeps {
  config: ApiConfig
  reads: Reads
  chainHead?: () => ChainHead | null
  readiness?: () => Promise<Readiness>
}

/** Measures of a query, each with a limit of its own; `value` is the cost and `limit` the cost's. */
export interface Measured extends Shape {
  value?: number
  limit?: number
}

/** What one request carries: its own view of the database and its own loaders. */
export interface ApiContext extends GraphqlDeps {
  session: ReadSession
  loaders: Loaders
  requestId: string
  /** What the limits measured; part of the answer. */
  measured: Measured
}
