import { ENDED_STATES, type Registration, type RegistrationReason, type RegistrationTarget } from '../../core/registrations.js'
import { isAlive, type Head, type TargetFacts } from './facts.js'

export interface AdvanceContext {
  head: Head
  now: Date
  /** Solutions without a use after which a registration is given up. */
  maxSolutions: number
  /** Whether the chain would take one more solution of a subnet, those included that other registrations of this service have out. */
  hasRoom(netuid: number): boolean
}

export interface Advanced {
  /** The same object when nothing changed. */
  registration: Registration
  /** Subnets that a solution on this head is wanted for. */
  wanted: TargetFacts[]
  /** Solutions that nobody used in time, or whose block has left the chain. */
  stale: number
}

/**
 * What a registration is after a head, from what the chain says of its subnets. Pure: nothing is read, sent or stored here. Facts are missing
 * where they could not be read; such a subnet stays as it was.
 */
export function advance(before: Registration, facts: ReadonlyMap<number, TargetFacts>, context: AdvanceContext): Advanced {
  if (ENDED_STATES.includes(before.state)) return { registration: before, wanted: [], stale: 0 }
  const { head, now, maxSolutions } = context
  let stale = 0
  const targets = before.targets.map((target) => {
    const known = facts.get(target.netuid)
    if (target.solution !== null && !isAlive(target.solution, head)) stale++
    return known === undefined ? withoutDead(target, head) : advanceTarget(target, known, before, context)
  })
  const wanted = targets.flatMap((target) => {
    const known = facts.get(target.netuid)
    const open = before.mode !== 'burn' && known !== undefined && known.refusal === null && known.uid === null
    const solvable = known !== undefined && known.difficulty !== null && known.byteOrder !== null
    if (!open || !solvable || target.state === 'failed') return []
    const isNew = target.solution === null
    return isNew ? (context.hasRoom(target.netuid) ? [known] : []) : target.solution?.blockNumber === head.number ? [] : [known]
  })
  const after = settle({ ...before, targets }, { now, maxSolutions, searching: wanted.length > 0 })
  const ended = ENDED_STATES.includes(after.state)
  return { registration: isSame(before, after) ? before : after, wanted: ended ? [] : wanted, stale }
}

function withoutDead(target: RegistrationTarget, head: Head): RegistrationTarget {
  if (target.solution === null || isAlive(target.solution, head)) return target
  return { ...target, state: 'pending', solution: null }
}

function advanceTarget(
  target: RegistrationTarget,
  facts: TargetFacts,
  registration: Registration,
  { head, hasRoom }: AdvanceContext,
): RegistrationTarget {
  if (target.state === 'registered' || target.state === 'failed') return target
  if (facts.uid !== null) {
    return { ...target, state: 'registered', uid: facts.uid, registeredBlock: head.number, reason: null, solution: null, offer: null }
  }
  const reason = facts.refusal?.reason ?? null
  if (facts.refusal?.final === true) return { ...target, state: 'failed', reason, solution: null, offer: null }
  if (registration.mode === 'burn') return offerOf(target, facts, registration, head)
  // Work that is out may still be included though the counters are full now: they may be those of the block that is over.
  const solution = target.solution !== null && isAlive(target.solution, head) ? target.solution : null
  if (solution !== null) return { ...target, state: 'ready', solution, reason }
  return { ...target, state: 'pending', solution, reason: reason ?? (hasRoom(target.netuid) ? null : OTHERS_FIRST) }
}

const OTHERS_FIRST: RegistrationReason = {
  code: 'OTHERS_FIRST',
  message: 'as many solutions as the subnet takes are out for registrations that came before',
}

function offerOf(target: RegistrationTarget, facts: TargetFacts, { maxCost }: Registration, head: Head): RegistrationTarget {
  const { netuid, burn: price, refusal, hasRegisterLimit } = facts
  const reason = refusal?.reason ?? (price === null ? NO_PRICE : price > BigInt(maxCost ?? '0') ? tooExpensive(price, maxCost) : null)
  if (reason !== null) return { ...target, state: 'pending', reason, offer: null }
  const call = hasRegisterLimit ? 'register_limit' : 'burned_register'
  // Told once for as long as it stays: the customer's signer reads the price of its block itself.
  if (target.offer?.price === String(price) && target.offer.call === call) return { ...target, reason: null }
  return { ...target, state: 'ready', reason: null, offer: { netuid, price: String(price), atBlock: head.number, call } }
}

const NO_PRICE: RegistrationReason = { code: 'NO_PRICE', message: 'this runtime does not tell a price of registration' }

function tooExpensive(price: bigint, maxCost: string | null): RegistrationReason {
  return { code: 'TOO_EXPENSIVE', message: `a registration costs ${price} rao now, more than the limit of ${maxCost ?? '0'} rao` }
}

interface Settling {
  now: Date
  maxSolutions: number
  searching: boolean
}

/** The state of the whole, from that of its subnets. */
function settle(registration: Registration, { now, maxSolutions, searching }: Settling): Registration {
  const { targets, solutions, deadline } = registration
  const open = targets.filter(({ state }) => state === 'pending' || state === 'ready')
  if (open.length === 0) return end(registration, ...endOf(targets), now)
  if (Date.parse(deadline) <= now.getTime()) {
    return end(registration, 'expired', { code: 'DEADLINE', message: 'the deadline has passed' }, now)
  }
  const ready = open.some(({ state }) => state === 'ready')
  if (solutions >= maxSolutions && !ready) {
    return end(
      registration,
      'failed',
      { code: 'NOT_SUBMITTED', message: `${solutions} solutions were handed out and none was used in time` },
      now,
    )
  }
  if (ready) return { ...registration, state: 'ready', reason: null }
  if (searching) return { ...registration, state: 'solving', reason: null }
  const reason = open.find((target) => target.reason !== null)?.reason ?? registration.reason
  return { ...registration, state: 'waiting', reason }
}

function endOf(targets: readonly RegistrationTarget[]): ['registered' | 'failed', RegistrationReason | null] {
  const failed = targets.filter(({ state }) => state === 'failed')
  if (failed.length === 0) return ['registered', null]
  if (targets.length === 1) return ['failed', failed[0]?.reason ?? null]
  const done = targets.length - failed.length
  return ['failed', { code: 'NOT_ALL', message: `${done} of ${targets.length} subnets registered; the others say why not` }]
}

function end(
  registration: Registration,
  state: 'registered' | 'failed' | 'expired',
  reason: RegistrationReason | null,
  now: Date,
): Registration {
  const targets = registration.targets.map((target) => ({ ...target, solution: null, offer: null }))
  return { ...registration, targets, state, reason, endedAt: now.toISOString() }
}

function isSame(a: Registration, b: Registration): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
