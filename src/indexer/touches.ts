import type { DecodedEvent } from '../chain/codec/events.js'
import { SUBTENSOR } from '../chain/views/subnet-view.js'
import type { Hex, RegistrationMethod } from '../core/records.js'
import type { BlockExtrinsic, DecodedBlock, FlatCall } from './decode-block.js'

/** State that a block's events and calls say has changed. Pure: what is to be read, not what it is. */
export interface Touches {
  /** Accounts that extrinsics touched. */
  accounts: Set<Hex>
  /** Accounts that only the chain itself paid into, as it does to each subnet owner in every block. */
  credited: Set<Hex>
  /** Netuids whose parameters may have changed; -1 for those of the network. */
  params: Set<number>
  weights: { netuid: number; uid: number; extrinsicIndex: number | null }[]
  registrations: RegistrationTouch[]
  endpoints: { netuid: number; hotkey: Hex; kind: 'AXON' | 'PROMETHEUS' }[]
  /** Hotkeys whose owner, take or total may have changed. */
  hotkeys: Set<Hex>
  /** Stake pairs, as `hotkey` and `coldkey` joined. */
  pairs: Set<`${Hex}${Hex}`>
  /** Hotkeys whose every delegation may have changed. */
  allDelegationsOf: Set<Hex>
  /** Subnets of which everything may have changed. */
  subnets: Set<number>
  removedSubnets: Set<number>
  codeUpdated: boolean
}

export interface RegistrationTouch {
  netuid: number
  uid: number
  hotkey: Hex
  method: RegistrationMethod
  extrinsicIndex: number | null
}

export const NETWORK = -1

export function emptyTouches(): Touches {
  return {
    accounts: new Set(),
    credited: new Set(),
    params: new Set(),
    weights: [],
    registrations: [],
    endpoints: [],
    hotkeys: new Set(),
    pairs: new Set(),
    allDelegationsOf: new Set(),
    subnets: new Set(),
    removedSubnets: new Set(),
    codeUpdated: false,
  }
}

export function touchesOf(block: DecodedBlock): Touches {
  const out = emptyTouches()
  for (const extrinsic of block.extrinsics) touchedByExtrinsic(extrinsic, out)
  for (const event of block.events) {
    if (event.pallet === SUBTENSOR) touchedByEvent(event, block, out)
    else if (event.pallet === 'Balances' || event.pallet === 'System' || event.pallet === 'TransactionPayment') touchedAccounts(event, out)
  }
  for (const address of out.accounts) out.credited.delete(address)
  return out
}

function touchedByExtrinsic(extrinsic: BlockExtrinsic, out: Touches): void {
  const signer = extrinsic.decoded.signature?.signer
  if (signer) out.accounts.add(signer)
  for (const { call, outcome } of extrinsic.calls) {
    // Setters of the administration have no event in some runtimes. What is not known to have failed is read again.
    if (outcome.success === false) continue
    if (call.pallet === 'AdminUtils' || (call.pallet === SUBTENSOR && call.call.startsWith('sudo_set'))) {
      const { netuid } = call.values()
      out.params.add(typeof netuid === 'number' ? netuid : NETWORK)
    }
  }
}

/** Events of these pallets name accounts and amounts, and nothing else that is 32 bytes long. */
function touchedAccounts(event: DecodedEvent, out: Touches): void {
  if (event.pallet === 'System') {
    if (event.name === 'CodeUpdated') out.codeUpdated = true
    else if (event.name === 'NewAccount' || event.name === 'KilledAccount') out.accounts.add(event.values()[0] as Hex)
    return
  }
  const credit = event.name === 'Deposit' && event.phase === 'Initialization'
  for (const value of event.values()) if (isAccount(value)) (credit ? out.credited : out.accounts).add(value)
}

function isAccount(value: unknown): value is Hex {
  return typeof value === 'string' && value.length === 66
}

type EventRule = (values: unknown[], event: DecodedEvent, block: DecodedBlock, out: Touches) => void

/** Field order: stake was `(hotkey, amount)` before stake was per subnet, and starts with the coldkey since. */
function stakeRule(values: unknown[], event: DecodedEvent, block: DecodedBlock, out: Touches): void {
  const { hotkey, coldkey } = stakeParties(values, event, block)
  out.hotkeys.add(hotkey)
  if (coldkey) {
    out.pairs.add(`${hotkey}${coldkey}`)
    out.accounts.add(coldkey)
  } else out.allDelegationsOf.add(hotkey)
}

const RULES: Record<string, EventRule | undefined> = {
  StakeAdded: stakeRule,
  StakeRemoved: stakeRule,
  WeightsSet: ([netuid, uid], event, _block, out) => {
    out.weights.push({ netuid: netuid as number, uid: uid as number, extrinsicIndex: event.extrinsicIndex })
  },
  NeuronRegistered: ([netuid, uid, hotkey], event, block, out) => {
    const registration = { netuid: netuid as number, uid: uid as number, hotkey: hotkey as Hex }
    out.hotkeys.add(registration.hotkey)
    out.registrations.push({ ...registration, method: methodOf(registration, event, block), extrinsicIndex: event.extrinsicIndex })
  },
  BulkNeuronsRegistered: ([netuid], _event, _block, out) => {
    out.subnets.add(netuid as number)
  },
  AxonServed: ([netuid, hotkey], _event, _block, out) => {
    out.endpoints.push({ netuid: netuid as number, hotkey: hotkey as Hex, kind: 'AXON' })
  },
  PrometheusServed: ([netuid, hotkey], _event, _block, out) => {
    out.endpoints.push({ netuid: netuid as number, hotkey: hotkey as Hex, kind: 'PROMETHEUS' })
  },
  DelegateAdded: ([, hotkey], _event, _block, out) => {
    out.hotkeys.add(hotkey as Hex)
  },
  NetworkAdded: ([netuid], _event, _block, out) => {
    out.subnets.add(netuid as number)
    out.params.add(netuid as number).add(NETWORK)
  },
  NetworkRemoved: ([netuid], _event, _block, out) => {
    out.subnets.add(netuid as number).add(0) // its column goes out of the root weights
    out.removedSubnets.add(netuid as number)
    out.params.add(NETWORK)
  },
  HotkeySwapped: (values, _event, _block, out) => {
    for (const hotkey of values.slice(1, 3) as Hex[]) {
      out.hotkeys.add(hotkey)
      out.allDelegationsOf.add(hotkey)
    }
    out.subnets.add(ALL_SUBNETS)
  },
}
/** In `Touches.subnets`: every subnet. */
export const ALL_SUBNETS = -1

function touchedByEvent(event: DecodedEvent, block: DecodedBlock, out: Touches): void {
  const rule = RULES[event.name]
  if (rule) return rule(event.values(), event, block, out)
  // All other events of the pallet announce a value that was set: (netuid, value) for a subnet's, (value) for the network's.
  if (event.name.endsWith('Set') || event.name.endsWith('Allowed') || event.name.endsWith('Stake')) {
    const values = event.values()
    out.params.add(values.length > 1 && typeof values[0] === 'number' ? values[0] : NETWORK)
  }
}

export function stakeParties(
  values: unknown[],
  event: DecodedEvent,
  block: DecodedBlock,
): { hotkey: Hex; coldkey: Hex | null; netuid: number | null; amount: bigint } {
  if (values.length > 2) {
    // (coldkey, hotkey, tao, alpha, netuid, ...)
    return {
      coldkey: values[0] as Hex,
      hotkey: values[1] as Hex,
      amount: values[2] as bigint,
      netuid: typeof values[4] === 'number' ? values[4] : null,
    }
  }
  const hotkey = values[0] as Hex
  return { hotkey, coldkey: stakeOrigin(hotkey, event, block), amount: values[1] as bigint, netuid: null }
}

/** Who staked: the account for which a call that changes stake on this hotkey was made, when the extrinsic holds just one such account. */
function stakeOrigin(hotkey: Hex, event: DecodedEvent, block: DecodedBlock): Hex | null {
  const extrinsic = event.extrinsicIndex === null ? undefined : block.extrinsics[event.extrinsicIndex]
  if (!extrinsic) return null
  const origins = new Set(callsOn(extrinsic, hotkey, (name) => name.endsWith('_stake')).map((flat) => flat.origin))
  return origins.size === 1 ? ([...origins][0] ?? null) : null
}

function callsOn(extrinsic: BlockExtrinsic, hotkey: Hex, named: (call: string) => boolean): FlatCall[] {
  return extrinsic.calls.filter(({ call }) => call.pallet === SUBTENSOR && named(call.call) && call.values().hotkey === hotkey)
}

const METHODS: Record<string, RegistrationMethod | undefined> = {
  register: 'POW',
  burned_register: 'BURN',
  register_limit: 'BURN',
  root_register: 'ROOT',
  sudo_register: 'SUDO',
}

function methodOf(registration: { netuid: number; hotkey: Hex }, event: DecodedEvent, block: DecodedBlock): RegistrationMethod {
  const extrinsic = event.extrinsicIndex === null ? undefined : block.extrinsics[event.extrinsicIndex]
  const found = extrinsic ? callsOn(extrinsic, registration.hotkey, (name) => METHODS[name] !== undefined) : []
  const netuidOf = (flat: FlatCall): unknown => flat.call.values().netuid ?? 0
  const exact = found.find((flat) => netuidOf(flat) === registration.netuid) ?? found[0]
  // Without a call of its own it was the subnet's founder, put in by the chain.
  return METHODS[exact?.call.call ?? ''] ?? (registration.netuid === 0 ? 'ROOT' : 'SUDO')
}
