/** What the customer's commands have in common: keys that stay here, a node of the customer's own, and the service's HTTP API. */
import { join } from 'node:path'
import { createSubmitter, loadKey, type KeyPair, type Submitter } from '../chain/submit/index.js'
import { AppError } from '../core/errors.js'
import type { Hex } from '../core/records.js'
import { parseAccountId } from '../core/units/ss58.js'
import {
  createRegistrationClient,
  openJournal,
  type Journal,
  type RegistrationClient,
  type ToldRegistration,
} from '../pow-service/index.js'
import { connectChain, endpointsOf } from './indexing.js'
import type { CommandContext } from './run.js'

export type Options = Readonly<Record<string, unknown>>

export interface Customer {
  pair: KeyPair
  submitter: Submitter
  journal: Journal
}

/** Reads the key and connects to the chain. */
export async function openCustomer(context: CommandContext, keyFile: string): Promise<Customer> {
  const { config, log, life } = context
  const { pair, warnings } = await loadKey({ path: keyFile, signal: life.signal })
  for (const warning of warnings) log.warn(warning)
  const { rpc, chain } = await connectChain(context, endpointsOf(context))
  const submitter = createSubmitter({ rpc, reader: chain, log: log.child({ service: 'submit' }) })
  return { pair, submitter, journal: openJournal(join(config.database.dataDir, 'submissions'), await chain.hashOf(0)) }
}

export function clientOf({ config }: CommandContext): RegistrationClient {
  return createRegistrationClient({ url: config.client.serviceUrl, apiKey: config.client.apiKey })
}

export function textOf(options: Options, name: string, wanted: string): string {
  const value = options[name]
  if (typeof value === 'string' && value !== '') return value
  throw new AppError('CONFIG_INVALID', `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is missing; wanted ${wanted}`)
}

export function addressOf(options: Options, name: string): Hex {
  return parseAccountId(textOf(options, name, 'an ss58 address'))
}

export function netuidsOf(text: string): number[] {
  const netuids = text.split(',').map((part) => (/^\d{1,5}$/.test(part.trim()) ? Number(part) : NaN))
  if (netuids.every((netuid) => netuid <= 65_535)) return netuids
  throw new AppError('CONFIG_INVALID', `--netuid ${text} is no subnet; wanted whole numbers from 0 to 65535, separated by commas`)
}

/** One line for each thing that is new about a registration. */
export function newsPrinter(print: (text: string) => void): (told: ToldRegistration) => void {
  let last = ''
  return ({ id, state, reason, progress }) => {
    const rate = progress === null || progress.hashRate === 0 ? '' : ` at ${(progress.hashRate / 1e6).toFixed(1)} MH/s`
    const wait = typeof progress?.expectedSeconds === 'number' ? `, expected in ${Math.ceil(progress.expectedSeconds)} s` : ''
    const line = `${id}: ${state}${reason === null ? '' : ` (${reason.message})`}`
    if (line !== last) print(`${line}${state === 'solving' ? `${rate}${wait}` : ''}`)
    last = line
  }
}
