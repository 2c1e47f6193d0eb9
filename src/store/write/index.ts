export { createBatchWriter, type BatchWriter, type Outcome, type SavedAudit } from './batch-writer.js'
export { missingIn, type BlockRange } from './ranges.js'
export { retryWhileDown } from './retry.js'
