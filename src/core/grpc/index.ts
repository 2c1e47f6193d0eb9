export type { GrpcCall, GrpcMethod } from './calls.js'
export { credentialsOf } from './credentials.js'
export { type GrpcLimits, type GrpcServer, type GrpcServerOptions, type GrpcService, startGrpcServer } from './server.js'
