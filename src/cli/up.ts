import { startDevnet } from '../devnet/index.js'
import { startApiOn } from './api.js'
import { openMigratedDatabase } from './database.js'
import { connectChain, startIndexerOn, untilIndexed } from './indexing.js'
import { startPowOn } from './pow.js'
import type { CommandContext } from './run.js'

/** `taogate up`: everything in one process on one port. */
export async function up(context: CommandContext): Promise<void> {
  const { config, log, print } = context
  const { network } = config.chain
  const [database, endpoints] = await Promise.all([
    openMigratedDatabase(context),
    network.name === 'devnet' ? startOwnChain(context) : network.endpoints,
  ])
  const connected = await connectChain(context, endpoints)
  const indexer = await startIndexerOn(context, database, connected)
  const { plugin, grpcAddress } = await startPowOn(context, database, connected)
  const api = await startApiOn(context, database, { indexer, plugins: [plugin] })
  log.info({ url: api.url, chain: network.name }, 'ready')
  print(`GraphQL: ${api.url}/graphql`)
  print(`Registrations: ${api.url}${plugin.prefix}, gRPC: ${grpcAddress}`)
  if (network.name === 'devnet') print(`Chain: ${endpoints.join(', ')}`)
  await untilIndexed(context, indexer)
}

async function startOwnChain({ config, log, life }: CommandContext): Promise<string[]> {
  const { port = 0, ...settings } = config.devnet
  const chain = life.add(await startDevnet({ ...settings, port, dataDir: config.database.dataDir, log: log.child({ service: 'devnet' }) }))
  return [chain.url]
}
