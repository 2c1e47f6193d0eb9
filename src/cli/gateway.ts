/** What the services that customers use have in common: who is let in, how often, and the gRPC server that they share. */
import { isAppError } from '../core/errors.js'
import { startGrpcServer, type GrpcServer, type GrpcService } from '../core/grpc/index.js'
import { createAccess, type Access } from '../core/http/index.js'
import type { Limits } from '../core/limits.js'
import { readyTogether, type Readiness } from '../core/lifecycle.js'
import { openLimits } from '../jobs/index.js'
import { createApiKeyStore, type Database } from '../store/index.js'
import type { CommandContext } from './run.js'

export interface Gateway {
  access: Access
  limits: Limits
}

/** The devnet serves callers of its own machine without a key; everything else wants one, unless it is opened. */
export async function openGateway({ config, log, metrics, life }: CommandContext, database: Database): Promise<Gateway> {
  const { open, requestsPerMinute } = config.access
  const { redisUrl, prefix } = config.queue
  const limits = life.add(await openLimits({ redisUrl, prefix, log, metrics, signal: life.signal }))
  const keys = createApiKeyStore({ pool: database.pool })
  const isDevnet = config.chain.network.name === 'devnet'
  return { limits, access: createAccess({ keys, limits, open: open ?? (isDevnet ? 'loopback' : false), requestsPerMinute }) }
}

export interface GrpcPart {
  service: GrpcService
  ready(): Promise<Readiness>
}

/**
 * One server for all of them, on the port of the settings. A port that only follows from PORT may belong to another program: then any other will do.
 * Tells its host:port.
 */
export async function startGrpcOn({ config, log, life }: CommandContext, parts: readonly GrpcPart[]): Promise<string> {
  const { port, chosen } = config.grpc
  const { host } = config.api
  const options = {
    host,
    services: parts.map(({ service }) => service),
    ready: async () => readyTogether(await Promise.all(parts.map((part) => part.ready()))),
    log: log.child({ service: 'grpc' }),
    // Answers are bounded one by one; how many a message carries is the caller's choice.
    limits: { maxReceiveBytes: Math.max(MIN_MESSAGE_BYTES, config.prompt.maxBodyBytes), maxSendBytes: -1 },
  }
  const server: GrpcServer = life.add(
    await startGrpcServer({ ...options, port }).catch((error: unknown) => {
      if (chosen || !isAppError(error) || error.code !== 'PORT_IN_USE') throw error
      log.warn({ port }, 'the port beside that of HTTP is taken: gRPC has another one')
      return startGrpcServer({ ...options, port: 0 })
    }),
  )
  return `${host.includes(':') ? `[${host}]` : host}:${server.port}`
}
const MIN_MESSAGE_BYTES = 65_536
