import type { Hex } from '../../core/records.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import { formatTao } from '../../core/units/rao.js'
import { isWorkBound, powCostsFee, type RegistrationFacts } from './facts.js'

/** The three ways in: the hotkey signs work, a proxy of the hotkey sends work, the coldkey pays. */
export type RegistrationWay = 'solve' | 'proxy' | 'burn'

/**
 * Why a registration is not possible now. `final`: waiting does not help, somebody has to act and ask again. `wait`: the chain's ordinary course may
 * change it.
 */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
  readonly kind: 'final' | 'wait'
  /** The first block that may be different, where that is known. */
  readonly retryAt?: number
}

export const REFUSALS = {
  POW_REMOVED: 'final',
  POW_UNBOUND: 'final',
  ROOT_SUBNET: 'final',
  SUBNET_NOT_FOUND: 'final',
  POW_DISABLED: 'final',
  REGISTRATION_DISABLED: 'final',
  PROXY_MISSING: 'final',
  QUOTA_USED: 'wait',
  ALREADY_REGISTERED: 'final',
  TOO_EXPENSIVE: 'wait',
  BALANCE_TOO_LOW: 'wait',
  OWNER_MISMATCH: 'final',
  NO_SLOT: 'wait',
  FEE_UNPAYABLE: 'final',
} as const satisfies Record<string, Refusal['kind']>
export type RefusalCode = keyof typeof REFUSALS

export interface RefusalQuestion {
  /** The owner to be. Not checked when absent. */
  readonly coldkey?: Hex
  /** Proxy: who sends for the hotkey. */
  readonly operator?: Hex
  /** Burn: the most that a place may cost, in rao. */
  readonly limitRao?: bigint
  /** What the extrinsic costs its signer, in rao, where that is known. */
  readonly feeRao?: bigint
  /** A local chain: work that anybody could take is nobody's loss. */
  readonly isLocal?: boolean
}

type Found = Omit<Refusal, 'kind'>
type Check = (facts: RegistrationFacts, question: RefusalQuestion) => Found | null

const ROOT_NETUID = 0

const runtimeTakesWork: Check = ({ powRemoved, specVersion }) =>
  powRemoved
    ? {
        code: 'POW_REMOVED',
        message: `the runtime (spec ${specVersion}) takes no proof of work; its call "register" would buy a place from the signer`,
      }
    : null

const workIsBound: Check = ({ specVersion }, { isLocal }) =>
  isWorkBound(specVersion) || isLocal
    ? null
    : {
        code: 'POW_UNBOUND',
        message: `before spec 120 whoever sees work can use it for himself; spec ${specVersion} is served on local chains only`,
      }

const notRoot: Check = ({ netuid }) =>
  netuid === ROOT_NETUID ? { code: 'ROOT_SUBNET', message: 'subnet 0 is the root network, which has its own way in' } : null

const subnetExists: Check = ({ exists, netuid }) =>
  exists ? null : { code: 'SUBNET_NOT_FOUND', message: `there is no subnet ${netuid} on this chain` }

const workIsAllowed: Check = ({ powAllowed, netuid }) =>
  powAllowed ? null : { code: 'POW_DISABLED', message: `subnet ${netuid} does not admit by proof of work` }

const payingIsAllowed: Check = ({ registrationAllowed, netuid }) =>
  registrationAllowed ? null : { code: 'REGISTRATION_DISABLED', message: `subnet ${netuid} does not admit anybody now` }

/** Judged for the next block, in which the extrinsic executes at the earliest: its own counter is 0 and the interval may have ended. */
const quotaIsLeft: Check = ({ quota, netuid, block }) => {
  if (quota === null) return null
  if (quota.perBlock === 0) return { code: 'QUOTA_USED', message: `subnet ${netuid} admits 0 in a block` }
  const endsNext = quota.intervalEndsAt <= block.number + 1
  const used = endsNext ? 0 : quota.usedInInterval
  if (used < quota.perInterval) return null
  const message = `subnet ${netuid} admits ${quota.perInterval} in ${quota.intervalBlocks} blocks, and ${used} have come`
  return quota.perInterval === 0
    ? { code: 'QUOTA_USED', message }
    : {
        code: 'QUOTA_USED',
        message: `${message}; the next interval starts in block ${quota.intervalEndsAt}`,
        retryAt: quota.intervalEndsAt,
      }
}

const notRegistered: Check = ({ hotkey, netuid }) =>
  hotkey === null || hotkey.uid === null
    ? null
    : { code: 'ALREADY_REGISTERED', message: `${encodeSs58(hotkey.id)} is uid ${hotkey.uid} of subnet ${netuid} already` }

const withinLimit: Check = ({ burn, netuid }, { limitRao }) =>
  limitRao === undefined || burn === null || burn.current <= limitRao
    ? null
    : {
        code: 'TOO_EXPENSIVE',
        message: `a place on subnet ${netuid} costs ${formatTao(burn.current)} TAO now, the limit is ${formatTao(limitRao)}`,
      }

/** The account must outlive the payment. */
const coldkeyCanPay: Check = ({ burn, coldkey, existentialDeposit }, { feeRao = 0n }) => {
  if (coldkey === null || burn === null) return null
  const needed = burn.current + feeRao + existentialDeposit
  if (coldkey.free >= needed) return null
  return {
    code: 'BALANCE_TOO_LOW',
    message: `${encodeSs58(coldkey.id)} has ${formatTao(coldkey.free)} TAO; ${formatTao(needed)} are needed now: the price, the fee and what must stay on the account`,
  }
}

const ownerAgrees: Check = ({ hotkey }, { coldkey }) =>
  coldkey === undefined || hotkey === null || hotkey.owner === null || hotkey.owner === coldkey
    ? null
    : { code: 'OWNER_MISMATCH', message: `${encodeSs58(hotkey.id)} belongs to ${encodeSs58(hotkey.owner)}, not to ${encodeSs58(coldkey)}` }

const slotIsThere: Check = ({ slot, netuid, maxNeurons }) =>
  slot !== 'none'
    ? null
    : {
        code: 'NO_SLOT',
        message:
          maxNeurons === 0
            ? `subnet ${netuid} has no places`
            : `all ${maxNeurons} places of subnet ${netuid} are taken, and nobody can be pruned now`,
      }

/** The type that lets through registrations and nothing else. One that lets more is not asked for, and not used. */
const PROXY_TYPE = 'Registration'

const proxyIsThere: Check = ({ hotkey }, { operator }) => {
  if (hotkey === null) return null
  if (hotkey.proxies === null) return { code: 'PROXY_MISSING', message: 'this runtime has no proxies' }
  const own = hotkey.proxies.filter(({ delegate }) => delegate === operator)
  if (own.some(({ type, delayBlocks }) => type === PROXY_TYPE && delayBlocks === 0)) return null
  const found =
    own.length === 0 ? 'has none' : `has ${own.map(({ type, delayBlocks }) => `${type} with a delay of ${delayBlocks}`).join(', ')}`
  const wanted = operator === undefined ? 'the service' : encodeSs58(operator)
  return { code: 'PROXY_MISSING', message: `a Registration proxy without delay for ${wanted} is wanted; ${encodeSs58(hotkey.id)} ${found}` }
}

const hotkeyCanPay: Check = ({ hotkey, specVersion, existentialDeposit }, { feeRao = 1n }) => {
  if (hotkey === null || !powCostsFee(specVersion)) return null
  if (hotkey.alive && hotkey.free >= feeRao + existentialDeposit) return null
  const has = hotkey.alive ? `has ${formatTao(hotkey.free)} TAO` : 'is no account of the chain yet'
  return {
    code: 'FEE_UNPAYABLE',
    message: `the hotkey pays the fee of "register" (since spec 302); ${encodeSs58(hotkey.id)} ${has}, at least ${formatTao(feeRao + existentialDeposit)} are needed`,
  }
}

/** In the order of the chain's own checks, as far as they do not concern the work itself (age, difficulty, seal). */
const CHECKS: Record<RegistrationWay, readonly Check[]> = {
  solve: [
    runtimeTakesWork,
    workIsBound,
    notRoot,
    subnetExists,
    workIsAllowed,
    quotaIsLeft,
    notRegistered,
    ownerAgrees,
    slotIsThere,
    hotkeyCanPay,
  ],
  proxy: [
    runtimeTakesWork,
    workIsBound,
    proxyIsThere,
    notRoot,
    subnetExists,
    workIsAllowed,
    quotaIsLeft,
    notRegistered,
    ownerAgrees,
    slotIsThere,
  ],
  burn: [notRoot, subnetExists, payingIsAllowed, quotaIsLeft, notRegistered, withinLimit, coldkeyCanPay, ownerAgrees, slotIsThere],
}

/**
 * Why the registration cannot be had, or null. Of several reasons the first final one, in the order of the chain's checks; without a final one the
 * first to wait for: there is no point in waiting for a quota when the hotkey has its place.
 */
export function refusalOf(facts: RegistrationFacts, question: RefusalQuestion, way: RegistrationWay): Refusal | null {
  const all = refusalsOf(facts, question, way)
  return all.find(({ kind }) => kind === 'final') ?? all[0] ?? null
}

/** Every reason, in the order of the chain's checks. */
export function refusalsOf(facts: RegistrationFacts, question: RefusalQuestion, way: RegistrationWay): Refusal[] {
  return CHECKS[way].flatMap((check) => {
    const found = check(facts, question)
    return found === null ? [] : [{ ...found, kind: REFUSALS[found.code] }]
  })
}
