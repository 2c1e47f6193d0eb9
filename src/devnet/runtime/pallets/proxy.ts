/**
 * Proxies: accounts that may act for another one, within the limits of a type. Not in spec 143, which the devnet is otherwise; the chain has them since
 * March 2024, and this is their form of then. Announcements and pure proxies are left out.
 */
import type { Hex } from '../../../core/records.js'
import { args, events, map } from '../define.js'
import {
  moduleError,
  type CallDefinition,
  type CallValue,
  type Context,
  type DispatchInfo,
  type Origin,
  type PalletDefinition,
  type Weight,
} from '../types.js'
import { addWeights } from '../weights.js'
import { balancesError, freeBalance, mutateAccount } from './balances-currency.js'
import { lookup } from './balances.js'
import { ensureSigned } from './system.js'

const NAME = 'Proxy'
/** The first index that spec 143 leaves free. */
const INDEX = 20
const DEPOSIT_BASE = 60_000_000n
const DEPOSIT_FACTOR = 33_000_000n
const MAX_PROXIES = 20
const OWN_WEIGHT: Weight = { refTime: 16_000_000n, proofSize: 4_706n }

interface Definition {
  delegate: Hex
  proxy_type: { type: string }
  delay: number
}
type Stored = [Definition[], bigint]

const PALLET = 'SubtensorModule'
const isCall = ({ pallet, call }: CallValue, wanted: string, ...names: string[]): boolean =>
  pallet === wanted && (names.length === 0 || names.includes(call))

/** What a type lets through. The order is that of the chain's enum. */
const TYPES: Record<string, (call: CallValue) => boolean> = {
  Any: () => true,
  Owner: (call) => isCall(call, 'AdminUtils'),
  NonCritical: (call) => !isCall(call, PALLET, 'dissolve_network', 'root_register', 'burned_register') && !isCall(call, 'Triumvirate'),
  NonTransfer: (call) => !isCall(call, 'Balances'),
  Senate: (call) => isCall(call, 'SenateMembers'),
  NonFungibile: (call) =>
    !isCall(call, 'Balances') && !isCall(call, PALLET, 'add_stake', 'remove_stake', 'burned_register', 'root_register'),
  Triumvirate: (call) => isCall(call, 'Triumvirate') || isCall(call, 'TriumvirateMembers'),
  Governance: (call) => ['SenateMembers', 'Triumvirate', 'TriumvirateMembers'].some((pallet) => isCall(call, pallet)),
  Staking: (call) => isCall(call, PALLET, 'add_stake', 'remove_stake'),
  Registration: (call) => isCall(call, PALLET, 'burned_register', 'register'),
}

/** Calls inside a call pass the same filter: a batch opens nothing. Managing proxies is for `Any` alone. */
function isLet(type: string, call: CallValue): boolean {
  if (type !== 'Any' && isCall(call, NAME, 'add_proxy', 'remove_proxy', 'remove_proxies')) return false
  return TYPES[type]?.(call) === true && innerCalls(call).every((inner) => isLet(type, inner))
}

function innerCalls({ args: values }: CallValue): CallValue[] {
  const { call, calls } = values as { call?: CallValue; calls?: CallValue[] }
  return [...(call === undefined ? [] : [call]), ...(calls ?? [])]
}

function proxy(ctx: Context, origin: Origin, values: Record<string, unknown>): undefined {
  const who = ensureSigned(origin)
  const real = lookup(values.real)
  const forced = values.force_proxy_type as { type: string } | undefined
  const [definitions] = ctx.get<Stored>(NAME, 'Proxies', real)
  const found = definitions.find(
    ({ delegate, proxy_type }) => delegate === who && (forced === undefined || proxy_type.type === forced.type),
  )
  if (found === undefined) throw moduleError(NAME, 'NotProxy')
  if (found.delay !== 0) throw moduleError(NAME, 'Unannounced')
  const call = values.call as CallValue
  const outcome = isLet(found.proxy_type.type, call)
    ? ctx.dispatch({ type: 'Signed', who: real }, call)
    : { ok: false, error: moduleError('System', 'CallFiltered') }
  ctx.emit(NAME, 'ProxyExecuted', outcome)
  return undefined
}

function addProxy(ctx: Context, origin: Origin, values: Record<string, unknown>): undefined {
  const who = ensureSigned(origin)
  const added = { delegate: lookup(values.delegate), proxy_type: values.proxy_type as { type: string }, delay: values.delay as number }
  if (added.delegate === who) throw moduleError(NAME, 'NoSelfProxy')
  const [definitions, deposit] = ctx.get<Stored>(NAME, 'Proxies', who)
  if (definitions.some((one) => isSame(one, added))) throw moduleError(NAME, 'Duplicate')
  if (definitions.length === MAX_PROXIES) throw moduleError(NAME, 'TooMany')
  store(ctx, who, [...definitions, added], deposit)
  ctx.emit(NAME, 'ProxyAdded', who, added.delegate, added.proxy_type, added.delay)
  return undefined
}

function removeProxy(ctx: Context, origin: Origin, values: Record<string, unknown>): undefined {
  const who = ensureSigned(origin)
  const removed = { delegate: lookup(values.delegate), proxy_type: values.proxy_type as { type: string }, delay: values.delay as number }
  const [definitions, deposit] = ctx.get<Stored>(NAME, 'Proxies', who)
  const left = definitions.filter((one) => !isSame(one, removed))
  if (left.length === definitions.length) throw moduleError(NAME, 'NotFound')
  store(ctx, who, left, deposit)
  ctx.emit(NAME, 'ProxyRemoved', who, removed.delegate, removed.proxy_type, removed.delay)
  return undefined
}

function removeProxies(ctx: Context, origin: Origin): undefined {
  const who = ensureSigned(origin)
  store(ctx, who, [], ctx.get<Stored>(NAME, 'Proxies', who)[1])
  return undefined
}

function isSame(a: Definition, b: Definition): boolean {
  return a.delegate === b.delegate && a.proxy_type.type === b.proxy_type.type && a.delay === b.delay
}

/** Writes the list and keeps the deposit for it: reserved, what is not needed any more free again. */
function store(ctx: Context, who: Hex, definitions: Definition[], before: bigint): void {
  const deposit = definitions.length === 0 ? 0n : DEPOSIT_BASE + DEPOSIT_FACTOR * BigInt(definitions.length)
  const more = deposit - before
  if (more > 0n && freeBalance(ctx, who) < more) throw balancesError('InsufficientBalance')
  if (more !== 0n) {
    mutateAccount(ctx, who, (data) => ({ ...data, free: data.free - more, reserved: data.reserved + more }))
    ctx.emit('Balances', more > 0n ? 'Reserved' : 'Unreserved', who, more > 0n ? more : -more)
  }
  if (definitions.length === 0) ctx.remove(NAME, 'Proxies', who)
  else ctx.set(NAME, 'Proxies', [who], [definitions, deposit])
}

export function proxyPallet(): PalletDefinition {
  const call = (index: number, name: string, list: string, dispatch: CallDefinition['dispatch'], info?: CallDefinition['info']) => ({
    ...{ index, name, args: args(list), weight: OWN_WEIGHT, class: 'Normal' as const, paysFee: true, dispatch },
    ...(info !== undefined && { info }),
  })
  const around = (values: Record<string, unknown>, infoOf: (call: CallValue) => DispatchInfo): DispatchInfo => {
    const inner = infoOf(values.call as CallValue)
    return { weight: addWeights(OWN_WEIGHT, inner.weight), class: inner.class, paysFee: true }
  }
  const which = 'delegate: MultiAddress, proxy_type: ProxyType, delay: u32'
  return {
    name: NAME,
    index: INDEX,
    types: [
      {
        name: 'ProxyType',
        path: ['node_subtensor_runtime', 'ProxyType'],
        variants: Object.keys(TYPES).map((name, index) => ({ name, index })),
      },
      {
        name: 'ProxyDefinition',
        path: ['pallet_proxy', 'ProxyDefinition'],
        fields: args('delegate: AccountId, proxy_type: ProxyType, delay: u32'),
      },
    ],
    storage: [map('Proxies', [['Twox64Concat', 'AccountId']], '(BoundedVec<ProxyDefinition>, u64)', [[], 0n])],
    calls: [
      call(0, 'proxy', 'real: MultiAddress, force_proxy_type: Option<ProxyType>, call: RuntimeCall', proxy, around),
      call(1, 'add_proxy', which, addProxy),
      call(2, 'remove_proxy', which, removeProxy),
      call(3, 'remove_proxies', '', removeProxies),
    ],
    events: [
      ...events('ProxyExecuted(result: DispatchResult)'),
      ...events(
        'ProxyAdded(delegator: AccountId, delegatee: AccountId, proxy_type: ProxyType, delay: u32)',
        'ProxyRemoved(delegator: AccountId, delegatee: AccountId, proxy_type: ProxyType, delay: u32)',
      ).map((event) => ({ ...event, index: event.index + 3 })),
    ],
    errors: ['TooMany', 'NotFound', 'NotProxy', 'Unproxyable', 'Duplicate', 'NoPermission', 'Unannounced', 'NoSelfProxy'],
    constants: [
      { name: 'ProxyDepositBase', type: 'u64', value: DEPOSIT_BASE },
      { name: 'ProxyDepositFactor', type: 'u64', value: DEPOSIT_FACTOR },
      { name: 'MaxProxies', type: 'u32', value: MAX_PROXIES },
    ],
  }
}
