import { encodeSs58 } from '../core/units/ss58.js'
import { submitWork } from '../pow-service/index.js'
import { addressOf, clientOf, netuidsOf, newsPrinter, openCustomer, textOf, type Options } from './customer.js'
import { isLocalChain } from './pow.js'
import type { CommandContext } from './run.js'

/** `taogate pow-submit`: asks the service for work, checks it, and signs and sends it with the hotkey, which stays here. */
export async function powSubmit(context: CommandContext, options: Options): Promise<void> {
  const { log, life, print } = context
  const coldkey = addressOf(options, 'coldkey')
  const known = typeof options['registration'] === 'string' ? options['registration'] : undefined
  const netuids = known === undefined ? netuidsOf(textOf(options, 'netuid', 'the subnets to register on, or --registration ID')) : []
  const { pair, submitter, journal } = await openCustomer(
    context,
    textOf(options, 'hotkeyFile', 'the key file of the hotkey, or - for standard input'),
  )
  const client = clientOf(context)
  const id = known ?? (await client.create({ hotkey: pair.address, coldkey: encodeSs58(coldkey), netuids, mode: 'solve' })).id
  print(`Registration ${id} of ${pair.address}`)
  const places = await submitWork({
    ...{ client, id, pair, coldkey, submitter, journal, isLocal: isLocalChain(context) },
    ...{ log: log.child({ service: 'submit' }), signal: life.signal, onNews: newsPrinter(print) },
  })
  for (const { netuid, uid, blockNumber } of places) print(`Registered on subnet ${netuid} as uid ${uid} in block ${blockNumber}`)
}
