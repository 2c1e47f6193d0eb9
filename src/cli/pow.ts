/** What the commands of the registration service have in common. */
import { createSubmitter, loadKey } from '../chain/submit/index.js'
import { createAccess, type Access, type HttpPlugin } from '../core/http/index.js'
import { isAppError } from '../core/errors.js'
import { startGrpcServer, type GrpcServer, type GrpcService } from '../core/grpc/index.js'
import type { Readiness } from '../core/lifecycle.js'
import { openJobs, type Jobs } from '../jobs/index.js'
import {
  createHashPool,
  createProxySender,
  powGrpc,
  powRoutes,
  startPow,
  type HashPool,
  type PowService,
  type ProxySender,
} from '../pow-service/index.js'
import { createApiKeyStore, createRegistrationStore, type Database } from '../store/index.js'
import type { ConnectedChain } from './indexing.js'
import type { CommandContext } from './run.js'

export interface StartedPow {
  service: PowService
  /** The HTTP face, for the server of whoever starts it. */
  plugin: HttpPlugin
  /** host:port of the gRPC server. */
  grpcAddress: string
}

/** The registration service over a database and a chain, with its gRPC server. */
export async function startPowOn(context: CommandContext, database: Database, connected: ConnectedChain): Promise<StartedPow> {
  const { config, metrics, life } = context
  const log = context.log.child({ service: 'pow' })
  const { rpc, chain: reader } = connected
  const isLocal = isLocalChain(context)
  // The solvers' tests take a while, and nothing waits for them but the service.
  const [jobs, pool, proxy, genesisHash] = await Promise.all([
    openJobsOn(context, database.url),
    openPool(context),
    openProxy(context, connected, isLocal),
    reader.hashOf(0),
  ])
  const service = life.add(
    await startPow({
      ...{ config: config.pow, rpc, reader, genesisHash, isLocal, jobs, pool, proxy, metrics, log, signal: life.signal },
      store: createRegistrationStore({ pool: database.pool }),
    }),
  )
  const access = accessOf(context, database)
  const grpc = life.add(await startGrpcOn(context, [powGrpc({ service, access })], () => service.ready()))
  return { service, plugin: powRoutes({ service, access, log }), grpcAddress: `${config.api.host}:${grpc.port}` }
}

/** On the port of the settings. One that only follows from PORT may belong to another program: then any other will do. */
async function startGrpcOn({ config, log }: CommandContext, services: GrpcService[], ready: () => Promise<Readiness>): Promise<GrpcServer> {
  const { port, chosen } = config.grpc
  const options = { host: config.api.host, services, ready, log: log.child({ service: 'grpc' }) }
  try {
    return await startGrpcServer({ ...options, port })
  } catch (error) {
    if (chosen || !isAppError(error) || error.code !== 'PORT_IN_USE') throw error
    log.warn({ port }, 'the port beside that of HTTP is taken: gRPC has another one')
    return startGrpcServer({ ...options, port: 0 })
  }
}

export async function openJobsOn({ config, log, metrics, life }: CommandContext, databaseUrl: string | undefined): Promise<Jobs> {
  const { redisUrl, prefix } = config.queue
  return life.add(await openJobs({ redisUrl, databaseUrl, prefix, log, metrics, signal: life.signal }))
}

/** The solvers of this machine; null where the settings leave it none. */
export async function openPool({ config, log, metrics, life }: CommandContext): Promise<HashPool | null> {
  const pool = await createHashPool({ ...config.pow, log: log.child({ service: 'solver' }), metrics })
  if (pool !== null) life.add({ name: 'solvers', close: () => pool.close() })
  return pool
}

async function openProxy({ config, log }: CommandContext, { rpc, chain }: ConnectedChain, isLocal: boolean): Promise<ProxySender | null> {
  const path = config.pow.proxyKeyFile
  if (path === undefined) return null
  const { pair, warnings } = await loadKey({ path })
  for (const warning of warnings) log.warn(warning)
  log.info({ address: pair.address }, 'proxy mode is offered: customers make this account a Registration proxy of their hotkey')
  return createProxySender({ submitter: createSubmitter({ rpc, reader: chain, log }), pair, isLocal })
}

/** The devnet serves callers of its own machine without a key; everything else wants one, unless it is opened. */
function accessOf({ config }: CommandContext, database: Database): Access {
  const { open, requestsPerMinute } = config.access
  const keys = createApiKeyStore({ pool: database.pool })
  return createAccess({ keys, open: open ?? (config.chain.network.name === 'devnet' ? 'loopback' : false), requestsPerMinute })
}

export function isLocalChain({ config }: CommandContext): boolean {
  return config.chain.network.name === 'devnet' || config.chain.network.name === 'local'
}
