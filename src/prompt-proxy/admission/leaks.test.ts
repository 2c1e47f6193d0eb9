/** Whatever becomes of requests, what they took is given back, once. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryCredits, memoryPrompt, type MemoryPrompt, type Script } from '../../../test/support/memory-prompt.js'
import { createVirtualClock } from '../../../test/support/prompt/virtual-clock.js'
import { NO_LIMITS, type Caller } from '../../core/api-keys.js'
import { AppError, isAppError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import { createLocalLimits, type LocalLimits } from '../../core/local-limits.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import type { PromptRequest } from '../contract.js'
import { estimateTokens, TOKEN_BYTES } from '../tokens.js'
import { createAdmission } from './admission.js'

const NEVER = new Promise<string>(() => undefined)
const CALLERS: Caller[] = [
  { customer: 'free', limits: NO_LIMITS },
  { customer: 'limited', limits: { ...NO_LIMITS, concurrentPrompts: 2, tokensPerMinute: 300, monthlyCredits: 4 }, hotkey: 'rich' },
  { customer: 'counted', limits: { ...NO_LIMITS, tokensPerMinute: 5000, monthlyCredits: 1000 } },
  { customer: 'hotkey:5', limits: { ...NO_LIMITS, monthlyCredits: 1000 }, hotkey: 'broken' },
]

const script: fc.Arbitrary<Script> = fc.oneof(
  fc.constant<Script>({}),
  fc.constant<Script>({ hangs: true }),
  fc.constant<Script>({ error: new AppError('UPSTREAM_DOWN', 'nobody') }),
  fc.constant<Script>({ error: new TypeError('a fault') }),
  fc
    .tuple(fc.array(fc.constantFrom('a', 'some words', 'x'.repeat(400)), { maxLength: 3 }), fc.constantFrom(null, 'breaks', 'stalls'))
    .map(([pieces, end]) => ({
      pieces: [...pieces, ...(end === 'breaks' ? [new AppError('UPSTREAM_TIMEOUT', 'late')] : end === 'stalls' ? [NEVER] : [])],
    })),
)

const plan = fc.record({
  caller: fc.constantFrom(...CALLERS),
  all: fc.boolean(),
  text: fc.constantFrom('hi', 'x'.repeat(200), 'x'.repeat(1600)),
  at: fc.nat(2_000),
  timeoutMs: fc.constantFrom(400, 5_000),
  script,
  /** Pieces that are read; Infinity: all of them. */
  reads: fc.constantFrom(0, 1, 2, Infinity),
  /** Whether the reader then says that it wants no more. */
  leaves: fc.boolean(),
  hangsUpAfter: fc.option(fc.nat(3_000)),
})
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

/** The same limits, with everything that is taken and given back counted; they answer later where `slow` says so. */
function counted(limits: LocalLimits, slow: boolean) {
  const count = { places: 0, twice: 0, tokens: 0 }
  const later = <T>(value: T): T | Promise<T> => (slow ? Promise.resolve().then(() => value) : value)
  const counting: Limits = {
    take(name, limit, cost = 1) {
      const quota = limits.take(name, limit, cost)
      if (quota.ok) count.tokens += Math.min(cost, limit)
      return later(quota)
    },
    spend(name, limit, cost) {
      count.tokens += cost
      limits.spend(name, limit, cost)
    },
    enter(name, limit) {
      const place = limits.enter(name, limit)
      if (place === null) return later(null)
      count.places++
      let isIn = true
      return later({
        leave() {
          if (isIn) count.places--
          else count.twice++
          isIn = false
          place.leave()
        },
      })
    },
    first: limits.first,
  }
  return { count, limits: counting }
}

test('requests that end in any way leave nothing behind, and cost what was read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      async (plans, slow, maxInFlight) => {
        const clock = createVirtualClock()
        const credits = memoryCredits()
        const { count, limits } = counted(createLocalLimits({ now: () => Math.floor(clock.now()) }), slow)
        /** Each request has an engine of its own, so that it meets its script in whatever order they are let in. */
        const engines = new Map<unknown, MemoryPrompt>()
        const engineOf = ({ receipt }: PromptRequest): MemoryPrompt => engines.get(receipt) as MemoryPrompt
        const admission = createAdmission({
          ...{ credits, limits, clock, log: silentLog, metrics: createMetrics(), random: () => 0 },
          engine: {
            ...memoryPrompt(),
            prompt: (caller, request, signal) => engineOf(request).prompt(caller, request, signal),
            promptAll: (caller, request, signal) => engineOf(request).promptAll(caller, request, signal),
          },
          standing: async (hotkey) => {
            if (hotkey === 'broken') throw new Error('the database is away')
            return { isRegistered: true, stake: 10n ** 15n }
          },
          settings: { maxInFlight, queue: 3, maxWaitMs: 1_000, concurrentPrompts: 4, tokensPerMinute: null, topN: 3, maxTopN: 5 },
        })
        const expected = { credits: 0, tokens: 0 }
        const unexpected: unknown[] = []
        const hangUps: AbortController[] = []
        for (const one of plans) clock.after(one.at, () => void run(one).catch(noteUnforeseen))
        await clock.pass(10_000)
        // Whoever only stopped reading goes at last.
        for (const hangUp of hangUps) hangUp.abort()
        await clock.pass(0)
        expect(unexpected).toEqual([])
        expect([admission.waiting(), admission.inFlight(), count.places, count.twice]).toEqual([0, 0, 0, 0])
        expect([credits.held(), credits.twice(), clock.pending()]).toEqual([0, 0, 0])
        expect({ credits: credits.used(), tokens: count.tokens }).toEqual(expected)

        async function run({ caller, all, text, timeoutMs, script, reads, leaves, hangsUpAfter }: Plan): Promise<void> {
          const hangUp = new AbortController()
          hangUps.push(hangUp)
          if (hangsUpAfter !== null) clock.after(hangsUpAfter, () => hangUp.abort())
          const receipt = { waitedMs: 0, credits: 0, creditsLeft: null, tokens: null }
          const messages = [{ role: 'user', content: text }]
          const request: PromptRequest = { model: 'bittensor/sn1', messages, stream: true, timeoutMs, topN: 2, receipt }
          const engine = memoryPrompt()
          engine.plan(script)
          engines.set(receipt, engine)
          const costs = caller.limits.monthlyCredits !== null
          const isCounted = caller.limits.tokensPerMinute !== null
          let [bytes, given, isCharged] = [0, 0, false]
          try {
            if (all) {
              const { results } = await admission.promptAll(caller, request, hangUp.signal)
              if (costs) expected.credits += results.length
              if (isCounted) for (const result of results) expected.tokens += estimateTokens(result.text)
              return
            }
            const { pieces } = await admission.prompt(caller, request, hangUp.signal)
            const reader = pieces[Symbol.asyncIterator]()
            while (given < reads && !isCharged) {
              const step = await reader.next()
              if (step.done === true) isCharged = true
              else [given, bytes] = [given + 1, bytes + Buffer.byteLength(step.value)]
            }
            isCharged ||= given > 0
            if (leaves) await reader.return?.()
          } catch (error) {
            isCharged = given > 0 && hangUp.signal.aborted
            throw error
          } finally {
            if (costs && isCharged) expected.credits++
            const promptTokens = Math.min(estimateTokens(text), caller.limits.tokensPerMinute ?? 0)
            if (isCounted && engine.asked.length > 0) expected.tokens += promptTokens + Math.ceil(bytes / TOKEN_BYTES)
          }
        }

        function noteUnforeseen(error: unknown): void {
          const isForeseen = isAppError(error) || error instanceof TypeError || (error as Error).name === 'AbortError'
          if (!isForeseen) unexpected.push(error)
        }
      },
    ),
    { numRuns: 300 },
  )
})
