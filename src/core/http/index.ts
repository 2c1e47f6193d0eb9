export { type Access, type AccessOptions, createAccess, type Credentials } from './access.js'
export { callerOf, registerAccess } from './access-hook.js'
export { type EventStreamOptions, sendEvents, type ServerEvent } from './events.js'
export { createHttpServer, type HttpPlugin, type HttpServer, type HttpServerOptions } from './server.js'
