import { prepareBurn, type KeyPair } from '../../chain/submit/index.js'
import { sleep } from '../../core/lifecycle.js'
import type { Hex } from '../../core/records.js'
import { ENDED_STATES } from '../../core/registrations.js'
import type { RegistrationClient, ToldRegistration } from './api-client.js'
import { sendOnce, stopped, type Registered, type SendOnce } from './send-once.js'
import { endedOtherwise } from './submit-work.js'

export interface BuyPlaceOptions extends SendOnce {
  netuid: number
  hotkey: Hex
  /** The coldkey, which pays. */
  pair: KeyPair
  /** The most that the place may cost, in rao. */
  limitRao: bigint
  /** A registration at a service that says when the price is right; without one the chain itself is watched. */
  told?: { client: RegistrationClient; id: string; onNews(told: ToldRegistration): void } | undefined
  /** How long to wait between two looks at the chain. */
  lookMs?: number
}

const LOOK_MS = 6_000

/**
 * Buys a place once the chain sells it within the limit. Whatever a service says, the price is read at the head before anything is signed, and an
 * extrinsic that was sent is followed to its end before there can be another.
 */
export async function buyPlace(options: BuyPlaceOptions): Promise<Registered> {
  const { signal, told } = options
  if (told === undefined) return untilBought(options, signal)
  const stop = new AbortController()
  const watching = AbortSignal.any([signal, stop.signal])
  let buying: Promise<Registered> | null = null
  let last: ToldRegistration | null = null
  let chance = new AbortController()
  try {
    for await (const news of told.client.follow(told.id, watching)) {
      last = news
      told.onNews(news)
      const isOffered = news.targets.some(({ netuid, offer }) => netuid === options.netuid && offer !== null)
      if (isOffered && buying === null) {
        chance = new AbortController()
        const current = untilBought(options, AbortSignal.any([signal, chance.signal]))
        buying = current
        void current.then(
          () => stop.abort(),
          () => {
            // Given up because the offer is over, or failed for good: which one, is told below.
            if (!chance.signal.aborted) stop.abort()
          },
        )
      } else if (!isOffered && buying !== null && !ENDED_STATES.includes(news.state)) {
        chance.abort()
        const bought = await buying.catch(() => null)
        if (bought !== null) return bought
        buying = null
      }
    }
  } finally {
    stop.abort()
  }
  if (buying !== null) return buying
  if (signal.aborted || last === null) throw stopped()
  throw endedOtherwise(last)
}

/** Tries at every look until it is bought. The signal ends the waiting, and not the watch over what was sent. */
async function untilBought(options: BuyPlaceOptions, chance: AbortSignal): Promise<Registered> {
  const { submitter, netuid, hotkey, pair, limitRao, log, lookMs = LOOK_MS } = options
  let why = ''
  for (;;) {
    if (chance.aborted) throw stopped()
    const outcome = await sendOnce(options, { netuid, hotkey }, () => prepareBurn(submitter, { netuid, hotkey, pair, limitRao }))
    if (outcome.is === 'registered') return outcome.place
    if (outcome.why !== why) log.info({ netuid, why: outcome.why }, 'waiting')
    why = outcome.why
    await sleep(lookMs, chance).catch(() => undefined)
  }
}
