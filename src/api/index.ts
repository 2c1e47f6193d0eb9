export { type ApiDeps, type ApiService, startApi } from './service.js'
export type { ChainHead } from './graphql/context.js'
export { printSdl } from './graphql/schema.js'
