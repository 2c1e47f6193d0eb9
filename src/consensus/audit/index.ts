export { auditInputs, auditStored, notAuditable, type StoredEpoch } from './audit.js'
export type { StoredNeuron, StoredOutputs, StoredPayment } from './compare.js'
export { packInputs, type RootAuditInputs } from './inputs.js'
