export { backfill, type BackfillDeps, type BackfillRequest } from './backfill.js'
export { startIndexer, type Indexer, type IndexerDeps, type IndexerOptions } from './service.js'
