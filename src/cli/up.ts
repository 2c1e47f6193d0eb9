import { startDevnet } from '../devnet/index.js'
import type { KeyPair } from '../core/wallet/keys.js'
import { startApiOn } from './api.js'
import { openMigratedDatabase } from './database.js'
import { startDevnetAxons } from './devnet-axons.js'
import { connectChain, startIndexerOn, untilIndexed } from './indexing.js'
import { openGateway, startGrpcOn } from './gateway.js'
import { startPowOn } from './pow.js'
import { openPromptWallet, startPromptsOn } from './prompt.js'
import type { CommandContext } from './run.js'

/** `taogate up`: everything in one process on one port. */
export async function up(context: CommandContext): Promise<void> {
  const { config, log, print } = context
  const { network } = config.chain
  const isDevnet = network.name === 'devnet'
  // Before anything else: it may ask for a password.
  const wallet = await openPromptWallet(context)
  const [database, chain] = await Promise.all([
    openMigratedDatabase(context),
    isDevnet ? startOwnChain(context) : { endpoints: network.endpoints, gatewayPair: null },
  ])
  const { endpoints } = chain
  const pair = wallet ?? chain.gatewayPair
  const connected = await connectChain(context, endpoints)
  const indexer = await startIndexerOn(context, database, connected)
  const gateway = await openGateway(context, database)
  const pow = await startPowOn(context, database, connected, gateway)
  const prompts = pair === null ? null : await startPromptsOn(context, database, pair, gateway)
  if (prompts === null) log.info('there is no prompt API: BT_WALLET_NAME names no wallet to sign with')
  const grpcAddress = await startGrpcOn(context, [pow.grpc, ...(prompts?.grpc ?? [])])
  const api = await startApiOn(context, database, { indexer, plugins: [pow.plugin, ...(prompts?.plugins ?? [])] })
  log.info({ url: api.url, chain: network.name }, 'ready')
  print(`GraphQL: ${api.url}/graphql`)
  print(`Registrations: ${api.url}${pow.plugin.prefix}, gRPC: ${grpcAddress}`)
  if (prompts !== null) print(`Prompts: ${api.url}/v1, gRPC: ${grpcAddress}`)
  if (isDevnet) print(`Chain: ${endpoints.join(', ')}`)
  await untilIndexed(context, indexer)
}

async function startOwnChain(context: CommandContext): Promise<{ endpoints: string[]; gatewayPair: KeyPair }> {
  const { config, log, life } = context
  const { axons, gatewayPair } = await startDevnetAxons(context)
  const { port = 0, ...settings } = config.devnet
  const { dataDir } = config.database
  const chain = life.add(await startDevnet({ ...settings, port, dataDir, axons, log: log.child({ service: 'devnet' }) }))
  return { endpoints: [chain.url], gatewayPair }
}
