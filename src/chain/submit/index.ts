export { loadKey, type KeyPair } from './keys.js'
export type { Submission, SubmissionState } from './look-up.js'
export { prepareBurn, prepareProxyRegister, prepareRegister } from './register.js'
export { createSubmitter, type Submitter } from './submitter.js'
