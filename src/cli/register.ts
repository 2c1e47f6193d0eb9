import { AppError } from '../core/errors.js'
import { parseTao, formatTao } from '../core/units/rao.js'
import { encodeSs58 } from '../core/units/ss58.js'
import { buyPlace } from '../pow-service/index.js'
import { addressOf, clientOf, netuidsOf, newsPrinter, openCustomer, textOf, type Options } from './customer.js'
import type { CommandContext } from './run.js'

/** `taogate register`: buys a place with the coldkey, which stays here, once it costs no more than the limit. */
export async function register(context: CommandContext, options: Options): Promise<void> {
  const { log, life, print } = context
  const hotkey = addressOf(options, 'hotkey')
  const [netuid, more] = netuidsOf(textOf(options, 'netuid', 'the subnet to register on'))
  if (netuid === undefined || more !== undefined) throw new AppError('CONFIG_INVALID', '--netuid: wanted one subnet')
  const limitRao = parseTao(textOf(options, 'maxCost', 'the most a place may cost, in TAO'))
  const { pair, submitter, journal } = await openCustomer(
    context,
    textOf(options, 'coldkeyFile', 'the key file of the coldkey, or - for standard input'),
  )
  const told = options['direct'] === true ? undefined : await ask()
  print(`Buying a place on subnet ${netuid} for ${encodeSs58(hotkey)}, for ${formatTao(limitRao)} TAO at most, paid by ${pair.address}`)
  const place = await buyPlace({
    ...{ netuid, hotkey, pair, limitRao, submitter, journal, told },
    ...{ log: log.child({ service: 'submit' }), signal: life.signal },
  })
  print(`Registered on subnet ${netuid} as uid ${place.uid} in block ${place.blockNumber}`)

  async function ask() {
    const client = clientOf(context)
    const asked = {
      hotkey: encodeSs58(hotkey),
      coldkey: pair.address,
      netuids: [netuid as number],
      mode: 'burn' as const,
      maxCost: String(limitRao),
    }
    return { client, id: (await client.create(asked)).id, onNews: newsPrinter(print) }
  }
}
