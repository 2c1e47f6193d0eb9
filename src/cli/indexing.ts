/** What the commands that read a chain have in common. */
import { createChainReader, createRpcClient, type ChainReader, type RpcClient } from '../chain/index.js'
import { AppError } from '../core/errors.js'
import { startIndexer, type Indexer } from '../indexer/index.js'
import type { Database } from '../store/index.js'
import { createBatchWriter, type BatchWriter } from '../store/write/index.js'
import type { CommandContext } from './run.js'

export async function connectChain(
  { config, log, metrics, life }: CommandContext,
  endpoints: readonly string[],
): Promise<{ rpc: RpcClient; chain: ChainReader }> {
  const { rpcMaxInFlight, rpcTimeoutMs } = config.chain
  const rpc = createRpcClient({
    endpoints,
    maxInFlight: rpcMaxInFlight,
    timeoutMs: rpcTimeoutMs,
    log: log.child({ service: 'chain' }),
    metrics,
    signal: life.signal,
  })
  life.add({ name: 'chain', close: () => rpc.close() })
  await rpc.ready()
  return { rpc, chain: createChainReader(rpc) }
}

export async function startIndexerOn(context: CommandContext, database: Database, endpoints: readonly string[]): Promise<Indexer> {
  const { config, log, metrics, life } = context
  const { rpc, chain } = await connectChain(context, endpoints)
  const writer = writerOf(context, database)
  return life.add(await startIndexer({ options: config.indexer, log: log.child({ service: 'indexer' }), metrics, rpc, chain, writer }))
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
