export { createBatchWriter, type BatchWriter, type Outcome } from './batch-writer.js'
export { missingIn, type BlockRange } from './ranges.js'
export { retryWhileDown } from './retry.js'
