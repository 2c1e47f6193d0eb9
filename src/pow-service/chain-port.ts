import {
  readByteOrder,
  readRegistrations,
  refusalOf,
  type RegistrationFacts,
  type RegistrationQuestion,
} from '../chain/registration/index.js'
import type { ChainReader, ChainState } from '../chain/index.js'
import type { Hex } from '../core/records.js'
import type { ByteOrder, Registration, RegistrationMode, RegistrationReason } from '../core/registrations.js'
import { parseAccountId } from '../core/units/ss58.js'
import { forecastPrices } from './forecast.js'
import { validIn, type Head, type TargetFacts } from './scheduler/facts.js'

/** The chain as the registration service sees it. */
export interface PowChain {
  /** The block that is best now, at a hash. */
  headAt(number: number, hash: Hex | null): Promise<Head>
  facts(
    head: Head,
    registrations: readonly Pick<Registration, 'id' | 'hotkey' | 'coldkey' | 'mode' | 'targets'>[],
  ): Promise<Map<string, Map<number, TargetFacts>>>
  /** Everything the chain says of one subnet, for a quote. */
  subnet(head: Head, netuid: number): Promise<{ facts: RegistrationFacts; byteOrder: ByteOrder | null }>
  /** Why the chain would refuse, apart from a price limit: final reasons first. */
  refusal(facts: RegistrationFacts, of: { mode: RegistrationMode; coldkey: string | null }): TargetFacts['refusal']
}

export interface PowChainOptions {
  reader: ChainReader
  /** Development chains: work that anybody could take is nobody's loss. */
  isLocal: boolean
  /** Account of the service's proxy, where it has one. */
  operator: Hex | null
}

export function createPowChain({ reader, isLocal, operator }: PowChainOptions): PowChain {
  /** By spec version: it changes with the runtime only, and finding it out can take many blocks. */
  const orders = new Map<number, ByteOrder>()

  async function stateAt({ number, hash }: Head): Promise<ChainState> {
    return reader.reading().stateAt(number, hash)
  }

  async function byteOrderAt(state: ChainState): Promise<ByteOrder | null> {
    const { specVersion } = state.runtime
    const known = orders.get(specVersion)
    if (known !== undefined) return known
    const read = await readByteOrder(reader, state)
    if (read === 'unknown') return null
    orders.set(specVersion, read)
    return read
  }

  function refusal(
    facts: RegistrationFacts,
    { mode, coldkey }: { mode: RegistrationMode; coldkey: string | null },
  ): TargetFacts['refusal'] {
    const question = {
      ...(coldkey !== null && { coldkey: parseAccountId(coldkey) }),
      ...(operator !== null && { operator }),
      isLocal,
    }
    const found = refusalOf(facts, question, mode)
    if (found === null) return null
    const { code, message, kind, retryAt } = found
    const reason: RegistrationReason = { code, message, ...(retryAt !== undefined && { retryAtBlock: retryAt }) }
    return { reason, final: kind === 'final' }
  }

  return {
    async headAt(number, known) {
      const hash = known ?? (await reader.hashOf(number))
      const state = await reader.reading().stateAt(number, hash)
      // The chain keeps the hashes of the blocks before; development nodes may name another parent in the header of block 1.
      const parentHash = number === 0 ? hash : await reader.hashOf(number - 1)
      return { number, hash, parentHash, specVersion: state.runtime.specVersion }
    },
    async facts(head, registrations) {
      const state = await stateAt(head)
      const asked = registrations.flatMap((registration) =>
        registration.targets.map(({ netuid }) => ({ registration, question: questionOf(registration, netuid) })),
      )
      const questions = asked.map(({ question }) => question)
      const [all, byteOrder] = await Promise.all([readRegistrations(state, questions), byteOrderAt(state)])
      const found = new Map<string, Map<number, TargetFacts>>()
      asked.forEach(({ registration }, i) => {
        const facts = all[i] as RegistrationFacts
        const targets = found.get(registration.id) ?? new Map<number, TargetFacts>()
        found.set(registration.id, targets.set(facts.netuid, targetFacts(facts, byteOrder, refusal(facts, registration))))
      })
      return found
    },
    async subnet(head, netuid) {
      const state = await stateAt(head)
      const [facts, byteOrder] = await Promise.all([readRegistrations(state, [{ netuid }]), byteOrderAt(state)])
      return { facts: facts[0] as RegistrationFacts, byteOrder }
    },
    refusal,
  }
}

function questionOf({ hotkey, coldkey }: Pick<Registration, 'hotkey' | 'coldkey'>, netuid: number): RegistrationQuestion {
  return { netuid, hotkey: parseAccountId(hotkey), ...(coldkey !== null && { coldkey: parseAccountId(coldkey) }) }
}

function targetFacts(facts: RegistrationFacts, byteOrder: ByteOrder | null, refusal: TargetFacts['refusal']): TargetFacts {
  const { netuid, burn, hotkey, hasRegisterLimit } = facts
  return {
    ...{ netuid, uid: hotkey?.uid ?? null, refusal: withoutDone(refusal), difficulty: difficultyFor(facts), byteOrder },
    ...{ burn: burn?.current ?? null, perBlock: facts.quota?.perBlock ?? null, left: leftIn(facts), hasRegisterLimit },
  }
}

/**
 * The difficulty that work on this head has to meet: where an interval ends in a block that may include it, the highest that may hold from there on. The
 * chain sets it anew before the extrinsics of that block.
 */
function difficultyFor(facts: RegistrationFacts): bigint | null {
  const { difficulty, block, quota } = facts
  if (difficulty === null || quota === null || quota.intervalEndsAt > validIn(block.number)[1]) return difficulty?.current ?? null
  const next = forecastPrices(facts, 1)[0]?.difficulty?.high ?? difficulty.current
  return next > difficulty.current ? next : difficulty.current
}

/** Once asked for, having the place is the aim and no refusal. */
function withoutDone(refusal: TargetFacts['refusal']): TargetFacts['refusal'] {
  return refusal?.reason.code === 'ALREADY_REGISTERED' ? null : refusal
}

/** How many the chain takes before the interval is over, from the next block on. */
export function leftIn({ quota, block }: RegistrationFacts): number | null {
  if (quota === null) return null
  const used = quota.intervalEndsAt <= block.number + 1 ? 0 : quota.usedInInterval
  return Math.max(0, quota.perInterval - used)
}
