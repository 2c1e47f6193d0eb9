import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { STRATEGIES, type PromptRequest } from '../contract.js'
import type { FailureCode } from '../targets/back-off.js'
import { createWorld, NOBODY, TAO, type Asked, type Script, type World } from '../../../test/support/prompt/scripted-world.js'

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

const CODES: FailureCode[] = [
  'UNAVAILABLE',
  'INVALID_RESPONSE',
  'BLACKLISTED',
  'INVALID_REQUEST',
  'NUCLEUS_FULL',
  'TIMEOUT',
  'UNKNOWN_EXCEPTION',
]
const afterMs = fc.integer({ min: 0, max: 6_000 })
const pieces = fc.array(fc.constantFrom('a', 'b c', ' ', '', '\n'), { minLength: 1, maxLength: 4 })
const answering: fc.Arbitrary<Script> = fc.record({
  does: fc.constant('answer'),
  afterMs,
  pieces,
  gapMs: fc.integer({ min: 0, max: 1_500 }),
})
const failing: fc.Arbitrary<Script> = fc.oneof(
  fc.record({ does: fc.constant('fail' as const), afterMs, code: fc.constantFrom(...CODES) }),
  fc.record({ does: fc.constant('end' as const), afterMs }),
  fc.constantFrom<Script>({ does: 'hang' }, { does: 'ignore' }, { does: 'throw' }),
)
const breaking: fc.Arbitrary<Script> = fc.record({
  does: fc.constant('break'),
  afterMs,
  pieces,
  gapMs: fc.integer({ min: 0, max: 1_500 }),
  code: fc.constantFrom(...CODES),
})
const stalling: fc.Arbitrary<Script> = fc.record({ does: fc.constant('stall'), afterMs, pieces })
const script: fc.Arbitrary<Script> = fc.oneof({ weight: 2, arbitrary: answering }, { weight: 2, arbitrary: failing }, breaking, stalling)
const settings = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 6 }),
  maxParallel: fc.integer({ min: 1, max: 6 }),
  maxReplacements: fc.integer({ min: 0, max: 3 }),
  hedgeDefaultMs: fc.integer({ min: 0, max: 3_000 }),
})
const question = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  stream: fc.boolean(),
  topN: fc.integer({ min: 1, max: 4 }),
  timeoutMs: fc.integer({ min: 100, max: 8_000 }),
  firstTokenMs: fc.option(fc.integer({ min: 100, max: 8_000 }), { nil: undefined }),
})

/** Milliseconds from a call to its first piece that is not blank, and to its end; null when it never comes. */
function course(of: Script): { firstMs: number | null; endMs: number | null } {
  if (of.does !== 'answer' && of.does !== 'break' && of.does !== 'stall') return { firstMs: null, endMs: null }
  const gapMs = of.does === 'stall' ? 0 : (of.gapMs ?? 0)
  const list = of.pieces ?? ['x']
  const first = list.findIndex((piece) => piece.trim() !== '')
  if (first < 0) return { firstMs: null, endMs: null }
  return { firstMs: of.afterMs + first * gapMs, endMs: of.does !== 'answer' ? null : of.afterMs + (list.length - 1) * gapMs }
}

interface Seen {
  /** null: it was never decided. */
  decidedAt: number | null
  winner: number | null
  failed: { uid: number }[]
}

/** Asks, reads to the end, and tells when it was decided. */
async function run(world: World, request: PromptRequest): Promise<Seen> {
  const seen: Seen = { decidedAt: null, winner: null, failed: [] }
  const reading = world.engine.prompt(NOBODY, request, new AbortController().signal).then(
    async ({ target, pieces: text }) => {
      seen.decidedAt = world.clock.now()
      seen.winner = target.uid
      try {
        for await (const _piece of text);
      } catch {
        // It broke off, or its time was over.
      }
    },
    (error: { detail: { failed: { uid: number }[] } }) => {
      seen.decidedAt = world.clock.now()
      seen.failed = error.detail.failed
    },
  )
  await world.clock.pass(request.timeoutMs)
  const late = await Promise.race([reading.then(() => false), new Promise((resolve) => setImmediate(resolve, true))])
  expect(late).toBe(false)
  return seen
}

function leftAt({ abortedAt, overAt }: Asked): number {
  return Math.min(abortedAt ?? Infinity, overAt ?? Infinity)
}

async function attemptsCounted(world: World): Promise<number> {
  const metric = await world.metrics.getSingleMetric('tao_prompt_attempts_total')?.get()
  return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0)
}

describe('any request to any targets', () => {
  it('is decided in time, succeeds when one that was asked would answer in time, and leaves nothing behind', async () => {
    const scripts = fc.array(script, { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(scripts, settings, question, fc.nat(), async (list, engine, wanted, seed) => {
        const world = await createWorld({ scripts: list, engine, seed })
        const request = world.request(wanted)
        const { timeoutMs, firstTokenMs = Infinity, strategy, stream, topN } = wanted
        const seen = await run(world, request)

        // `run` would not have come back had it gone on past the deadline.
        expect(seen.decidedAt).toBeLessThanOrEqual(timeoutMs)
        const isRace = strategy === 'fastest' || strategy === 'stake'
        const could = world.asked.some(({ uid, at }) => {
          const { firstMs, endMs } = course(list[uid] as Script)
          const goodMs = isRace && stream ? firstMs : endMs
          return firstMs !== null && goodMs !== null && at + firstMs < firstTokenMs && at + goodMs < timeoutMs
        })
        if (could) expect(seen.winner).not.toBeNull()
        if (seen.winner !== null) expect(course(list[seen.winner] as Script).firstMs).not.toBeNull()

        // Nobody twice, no more than may be, and not too many at once.
        const wants = isRace ? 1 : Math.min(topN, list.length)
        expect(new Set(world.asked.map(({ uid }) => uid)).size).toBe(world.asked.length)
        expect(world.asked.length).toBeLessThanOrEqual(wants === 1 ? engine.maxAttempts : wants + engine.maxReplacements)
        for (const { at } of world.asked) {
          expect(at).toBeLessThanOrEqual(Math.min(timeoutMs, firstTokenMs))
          const atOnce = world.asked.filter((other) => other.at <= at && leftAt(other) > at).length
          expect(atOnce).toBeLessThanOrEqual(Math.max(engine.maxParallel, wants))
        }

        // Every call ended by itself or was told to, no later than the request; every attempt was counted once; nobody is busy.
        for (const call of world.asked) {
          if (call.uid !== seen.winner) expect(leftAt(call)).toBeLessThanOrEqual(seen.decidedAt as number)
        }
        expect(await attemptsCounted(world)).toBe(world.asked.length)
        expect(world.targets.state().every(({ inFlight }) => inFlight === 0)).toBe(true)
        if (seen.winner === null) expect(seen.failed.map(({ uid }) => uid).sort()).toEqual(world.asked.map(({ uid }) => uid).sort())
        // Who was cancelled has no mark against it.
        for (const { uid, successRate, lastReturnCode } of world.targets.state())
          if (!world.asked.some((call) => call.uid === uid)) expect([successRate, lastReturnCode]).toEqual([null, null])
      }),
      { numRuns: 600 },
    )
  })

  it('succeeds when all but one of its targets are dead, slow, lying, silent or deaf, whatever the strategy', async () => {
    const bad = fc.array(failing, { minLength: 0, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(bad, fc.nat(4), question, fc.nat(), async (list, place, wanted, seed) => {
        const scripts = list.toSpliced(place, 0, { does: 'answer', afterMs: 50 })
        const world = await createWorld({ scripts, seed, engine: { maxAttempts: 5, maxParallel: 5, maxReplacements: 4 } })
        const timeoutMs = 6_000
        const request = world.request({ ...wanted, timeoutMs, firstTokenMs: undefined as never })
        const { winner } = await run(world, request)
        expect(scripts[winner ?? -1]).toEqual({ does: 'answer', afterMs: 50 })
      }),
      { numRuns: 300 },
    )
  })
})

describe('many requests', () => {
  it('keep every deadline and every limit while targets change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(script, { minLength: 3, maxLength: 6 }),
        fc.array(question, { minLength: 20, maxLength: 40 }),
        fc.nat(),
        async (list, questions, seed) => {
          const maxInFlight = 3
          const world = await createWorld({ scripts: list, seed, targets: { maxInFlight } })
          let most = 0
          const decided = questions.map(async (wanted, i) => {
            await new Promise<void>((resolve) => void world.clock.after(i * 300, resolve))
            const startedAt = world.clock.now()
            const request = world.request({ ...wanted, timeoutMs: wanted.timeoutMs })
            const signal = new AbortController().signal
            await world.engine.prompt(NOBODY, request, signal).then(
              async ({ pieces: text }) => {
                try {
                  for await (const _piece of text);
                } catch {
                  // It broke off.
                }
              },
              () => undefined,
            )
            expect(world.clock.now() - startedAt).toBeLessThanOrEqual(wanted.timeoutMs)
          })
          for (let passed = 0; passed < questions.length * 300 + 9_000; passed += 100) {
            await world.clock.pass(100)
            most = Math.max(most, ...world.targets.state().map(({ inFlight }) => inFlight))
          }
          await Promise.all(decided)
          expect(most).toBeLessThanOrEqual(maxInFlight)
          expect(world.targets.state().every(({ inFlight }) => inFlight === 0)).toBe(true)
          expect(await attemptsCounted(world)).toBe(world.asked.length)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('go round a dead target while its circuit is open, and come back to it when it is up again', async () => {
    const world = await createWorld({
      scripts: [
        { does: 'fail', afterMs: 5, code: 'UNAVAILABLE' },
        { does: 'answer', afterMs: 100 },
      ],
      stakes: [10n ** 9n * TAO, 1_000n * TAO],
    })
    for (let i = 0; i < 12; i++) expect(await world.ask()).toMatchObject({ ok: true, uid: 1 })
    expect(world.asked.filter(({ uid }) => uid === 0)).toHaveLength(3)
    expect(world.targets.state()[0]).toMatchObject({ circuit: 'open' })
    expect(await world.metrics.metrics()).toContain('tao_prompt_circuits{netuid="1",circuit="open"} 1')
    await world.clock.pass(5_000)
    expect(world.targets.state()[0]).toMatchObject({ circuit: 'half-open' })
    world.set(0, { does: 'answer', afterMs: 5 })
    for (let i = 0; i < 10; i++) await world.ask()
    expect(world.targets.state()[0]).toMatchObject({ circuit: 'closed' })
  })

  it('come to prefer the one of two targets that answers better, by failures', async () => {
    const counts = await shares(
      [
        { does: 'fail', afterMs: 10, code: 'UNKNOWN_EXCEPTION' },
        { does: 'answer', afterMs: 10 },
      ],
      'fastest',
    )
    expect(counts[1]).toBeGreaterThan(190)
  })

  it('come to prefer the one of two targets that answers better, by the picks of a scorer', async () => {
    const says = (text: string): Script => ({ does: 'answer', afterMs: 10, pieces: [text] })
    const scorer = { score: (_: unknown, answers: readonly { text: string }[]) => answers.map(({ text }) => (text === 'good' ? 1 : 0)) }
    const world = await createWorld({ scripts: [says('bad'), says('good')], scorer })
    for (let i = 0; i < 40; i++) expect(await world.ask({ strategy: 'best_of', topN: 2 })).toMatchObject({ text: 'good' })
    const gatings = world.targets.choose(bestOf(world)).map(({ target, gating }) => [target.uid, gating])
    expect(Object.fromEntries(gatings)).toMatchObject({ 0: expect.closeTo(0, 2), 1: expect.closeTo(1, 2) })
    // Learnt for the model that was asked for, and for no other.
    for (const { gating } of world.targets.choose({ ...bestOf(world), id: 'bittensor/sn1:all' })) expect(gating).toBe(0.5)
  })

  it('come to prefer the one of two targets that is not silent, though it is never blamed', async () => {
    const counts = await shares([{ does: 'hang' }, { does: 'answer', afterMs: 10 }], 'fastest')
    // Its share would be above 25 of 200 by what is known of successes and latencies alone.
    expect(counts[0]).toBeLessThan(14)
  })
})

function bestOf(world: World): { id: string; netuid: number; strategy: 'best_of'; created: number; ownedBy: string } {
  const { id, netuid, created, ownedBy } = world.engine.models().find((model) => model.id === 'bittensor/sn1') as {
    id: string
    netuid: number
    created: number
    ownedBy: string
  }
  return { id, netuid, created, ownedBy, strategy: 'best_of' }
}

/** How often each of the targets was the first to be asked, in the last 200 of 260 requests. */
async function shares(scripts: readonly Script[], strategy: 'fastest'): Promise<number[]> {
  const world = await createWorld({ scripts, targets: { openAfter: 1_000 }, engine: { hedgeDefaultMs: 50 } })
  const counts = scripts.map(() => 0)
  for (let i = 0; i < 260; i++) {
    const before = world.asked.length
    await world.ask({ strategy })
    const uid = world.asked[before]?.uid ?? 0
    if (i >= 60) counts[uid] = (counts[uid] ?? 0) + 1
  }
  return counts
}
