export { readByteOrder } from './byte-order.js'
export type { PriceFacts, QuotaFacts, RegistrationFacts } from './facts.js'
export { readRegistration, readRegistrations, type RegistrationQuestion } from './read.js'
export { refusalOf, type Refusal, type RefusalCode, type RefusalQuestion, type RegistrationWay } from './refusal.js'
