/** What the commands that read a chain have in common. */
import { createChainReader, createRpcClient, type ChainReader, type RpcClient } from '../chain/index.js'
import { AppError, errorMessage } from '../core/errors.js'
import { sleep, type Readiness } from '../core/lifecycle.js'
import { startIndexer, type Indexer } from '../indexer/index.js'
import type { Database } from '../store/index.js'
import { createBatchWriter, type BatchWriter } from '../store/write/index.js'
import type { CommandContext } from './run.js'

export interface ConnectedChain {
  rpc: RpcClient
  chain: ChainReader
}

export async function connectChain({ config, log, metrics, life }: CommandContext, endpoints: readonly string[]): Promise<ConnectedChain> {
  const { rpcMaxInFlight, rpcTimeoutMs } = config.chain
  const rpc = createRpcClient({
    endpoints,
    maxInFlight: rpcMaxInFlight,
    timeoutMs: rpcTimeoutMs,
    log: log.child({ service: 'chain' }),
    metrics,
    signal: life.signal,
  })
  life.add({ name: 'chain', ready: () => nodeReadiness(rpc), close: () => rpc.close() })
  await rpc.ready()
  return { rpc, chain: createChainReader(rpc) }
}

/** A connection that is lost is made again at once as a rule; one that stays away longer is a reason. */
const RECONNECT_MS = 200

export async function nodeReadiness(rpc: Pick<RpcClient, 'ready' | 'endpoint'>): Promise<Readiness> {
  const settled = new AbortController()
  const refused = (reason: string): Readiness => ({ ok: false, reasons: [`chain: ${reason}`] })
  const connected = rpc.ready().then(
    (): Readiness => ({ ok: true }),
    (error: unknown) => refused(errorMessage(error)),
  )
  const late = sleep(RECONNECT_MS, settled.signal).then(() => refused(`not connected to ${rpc.endpoint}`))
  try {
    return await Promise.race([connected, late])
  } finally {
    settled.abort()
  }
}

/** An indexer, and whether it and its chain are ready. */
export interface ChainIndexer extends Indexer {
  chainReady(): Promise<Readiness>
}

export async function startIndexerOn(context: CommandContext, database: Database, { rpc, chain }: ConnectedChain): Promise<ChainIndexer> {
  const { config, log, metrics, life } = context
  const writer = writerOf(context, database)
  const options = { options: config.indexer, log: log.child({ service: 'indexer' }), metrics, rpc, chain, writer }
  const indexer = life.add(await startIndexer(options))
  return { ...indexer, chainReady: () => nodeReadiness(rpc) }
}

export function writerOf({ log, metrics }: CommandContext, database: Database): BatchWriter {
  return createBatchWriter({ pool: database.pool, log: log.child({ service: 'store' }), metrics })
}

/** The nodes of the settings, for commands that cannot bring a chain of their own. */
export function endpointsOf({ config }: CommandContext): readonly string[] {
  const { network } = config.chain
  if (network.name === 'devnet') {
    throw new AppError(
      'CONFIG_INVALID',
      'the built-in chain runs within `taogate up`; name a node with --chain, such as `local` for `taogate devnet`',
    )
  }
  return network.endpoints
}

/** Waits until the indexer is done (`TO` was reached, or it cannot go on) or a stop has begun. */
export async function untilIndexed({ life }: CommandContext, indexer: Indexer): Promise<void> {
  await Promise.race([life.stopping, indexer.done])
}
