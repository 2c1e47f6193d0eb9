export { createBatchWriter, type BatchWriter, type Outcome } from './batch-writer.js'
export type { ChainIdentity } from './chain.js'
export { covers, missingIn, type BlockRange } from './ranges.js'
export { retryWhileDown } from './retry.js'
