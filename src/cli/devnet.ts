import { startDevnet } from '../devnet/index.js'
import { startDevnetAxons } from './devnet-axons.js'
import type { CommandContext } from './run.js'

/** The port that local subtensor nodes listen on, and that `--chain local` expects. */
const DEFAULT_PORT = 9944

/** `taogate devnet`: the built-in chain alone. */
export async function devnet(context: CommandContext): Promise<void> {
  const { config, log, life, print } = context
  const { axons } = await startDevnetAxons(context)
  const { port = DEFAULT_PORT, ...settings } = config.devnet
  const chain = life.add(
    await startDevnet({ ...settings, port, dataDir: config.database.dataDir, axons, log: log.child({ service: 'devnet' }) }),
  )
  print(`devnet at ${chain.url}`)
  await life.stopping
}
