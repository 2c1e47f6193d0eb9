/** What the commands of the registration service have in common. */
import { createSubmitter, loadKey } from '../chain/submit/index.js'
import type { HttpPlugin } from '../core/http/index.js'
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
import { createRegistrationStore, type Database } from '../store/index.js'
import type { Gateway, GrpcPart } from './gateway.js'
import type { ConnectedChain } from './indexing.js'
import type { CommandContext } from './run.js'

export interface StartedPow {
  service: PowService
  /** The HTTP face, for the server of whoever starts it. */
  plugin: HttpPlugin
  grpc: GrpcPart
}

/** The registration service over a database and a chain. */
export async function startPowOn(
  context: CommandContext,
  database: Database,
  connected: ConnectedChain,
  { access }: Gateway,
): Promise<StartedPow> {
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
  const grpc = { service: powGrpc({ service, access }), ready: () => service.ready() }
  return { service, plugin: powRoutes({ service, access, log }), grpc }
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

export function isLocalChain({ config }: CommandContext): boolean {
  return config.chain.network.name === 'devnet' || config.chain.network.name === 'local'
}
