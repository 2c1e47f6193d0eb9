import type { RegistrationFacts } from '../chain/registration/index.js'
import type { ByteOrder } from '../core/registrations.js'
import { leftIn, type PowChain } from './chain-port.js'
import type { Quote } from './contract.js'
import type { Load } from './events.js'
import { forecastPrices, type PriceRange } from './forecast.js'
import { P95_OF_MEAN } from './progress.js'
import type { Head } from './scheduler/facts.js'

export interface QuoteInput {
  head: Head
  facts: RegistrationFacts
  byteOrder: ByteOrder | null
  /** Absent while nobody drives registrations, or nothing was heard of it. */
  load: Load | undefined
  refusal: PowChain['refusal']
}

/** What a registration on a subnet takes now, by work and by paying. */
export function quoteOf({ head, facts, byteOrder, load, refusal }: QuoteInput): Quote {
  const { netuid, specVersion, difficulty, burn, quota } = facts
  const anyone = (mode: 'solve' | 'burn'): ReturnType<PowChain['refusal']> => refusal(facts, { mode, coldkey: null })
  const byWork = anyone('solve')
  const byBurn = anyone('burn')
  const rate = load?.hashRate ?? 0
  const searchSeconds = rate > 0 && difficulty !== null ? Number(difficulty.current) / rate : null
  return {
    netuid,
    block: { number: head.number, hash: head.hash },
    specVersion,
    pow: {
      possible: byWork === null || !byWork.final,
      reason: byWork?.reason ?? null,
      difficulty: difficulty === null || facts.powRemoved ? null : String(difficulty.current),
      byteOrder: facts.powRemoved ? null : byteOrder,
      hashRate: rate,
      expectedSeconds: searchSeconds,
      p95Seconds: searchSeconds === null ? null : searchSeconds * P95_OF_MEAN,
      waitSeconds: load?.waitSeconds ?? null,
    },
    quota: {
      perBlock: quota?.perBlock ?? null,
      usedThisBlock: quota?.usedInBlock ?? null,
      perInterval: quota?.perInterval ?? null,
      usedThisInterval: quota?.usedInInterval ?? null,
      left: leftIn(facts),
      intervalEndsAtBlock: quota?.intervalEndsAt ?? null,
    },
    burn: {
      possible: byBurn === null || !byBurn.final,
      reason: byBurn?.reason ?? null,
      price: burn === null ? null : String(burn.current),
      forecast: forecastPrices(facts).flatMap(({ block, burn: range }) => (range === null ? [] : [{ block, ...asText(range) }])),
    },
  }
}

function asText({ low, expected, high }: PriceRange): { low: string; expected: string; high: string } {
  return { low: String(low), expected: String(expected), high: String(high) }
}
