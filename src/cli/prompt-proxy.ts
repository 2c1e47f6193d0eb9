import { AppError } from '../core/errors.js'
import { createHttpServer } from '../core/http/index.js'
import type { KeyPair } from '../core/wallet/keys.js'
import { sleep } from '../core/lifecycle.js'
import type { Database } from '../store/index.js'
import { readChainName } from '../store/read/chain-name.js'
import { openMigratedDatabase } from './database.js'
import { openGateway, startGrpcOn } from './gateway.js'
import { openPromptWallet, startPromptsOn } from './prompt.js'
import type { CommandContext } from './run.js'

/** `taogate prompt-proxy`: the prompt service alone, over a database that an indexer fills. */
export async function promptProxy(context: CommandContext): Promise<void> {
  const { config, log, metrics, life, print } = context
  const pair = (await openPromptWallet(context)) ?? (await pairOfDevnet(context))
  const database = await openMigratedDatabase(context)
  if (config.chain.network.name === 'devnet') await untilDevnet(context, database)
  const { plugins, grpc } = await startPromptsOn(context, database, pair, await openGateway(context, database))
  const { host, port, maxBodyBytes } = config.api
  const server = await createHttpServer({ name: 'prompt proxy', host, port, maxBodyBytes, log, metrics, ready: () => life.ready() })
  for (const plugin of plugins) await server.mount(plugin)
  const { url } = await server.listen()
  life.add({ name: 'http', close: () => server.close() })
  print(`Prompts: ${url}/v1`)
  if (grpc.length > 0) print(`gRPC: ${await startGrpcOn(context, grpc)}`)
  await life.stopping
}

/** On the devnet its own cast lends a hotkey. Everywhere else there has to be a wallet. */
async function pairOfDevnet({ config }: CommandContext): Promise<KeyPair> {
  // Loaded for the devnet only, as the whole of that chain comes along.
  if (config.chain.network.name === 'devnet') return (await import('./devnet-axons.js')).devnetGatewayPair(config.devnet)
  throw new AppError('CONFIG_INVALID', 'BT_WALLET_NAME is not set; wanted the name of a wallet whose hotkey is registered and has stake')
}

const LOOK_MS = 1_000

/**
 * What is fit for the devnet (callers of this machine without keys, private addresses) must not be done over the index of another chain because nobody said which it is.
 */
async function untilDevnet({ log, life }: CommandContext, database: Database): Promise<void> {
  const { DEVNET_NAME } = await import('../devnet/index.js')
  for (let looks = 0; ; looks++) {
    const name = await readChainName(database.pool)
    if (name === DEVNET_NAME) return
    if (name !== null)
      throw new AppError(
        'WRONG_CHAIN',
        `the database holds ${name}, and CHAIN is devnet; say with --chain which chain it is, such as finney`,
      )
    if (looks === 0) log.info('the index is empty: waiting for an indexer')
    await sleep(LOOK_MS, life.signal)
  }
}
