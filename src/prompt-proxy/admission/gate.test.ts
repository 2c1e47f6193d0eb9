import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createVirtualClock, type VirtualClock } from '../../../test/support/prompt/virtual-clock.js'
import { createGate, type Gate } from './gate.js'
import { headStartMs } from './queue.js'

const TAO = 1_000_000_000n
const ROOMY = { maxInFlight: 1, queue: 100, maxWaitMs: 12_000 }

/** Stakes by the milliseconds that they are worth with `maxWaitMs` of 12 s. */
const STAKES: readonly [ms: number, rao: bigint][] = [
  [0, 0n],
  [1000, 9n * TAO],
  [2000, 99n * TAO],
  [3000, 999n * TAO],
  [6000, 999_999n * TAO],
  [6000, 21_000_000n * TAO],
]

interface Model {
  arrive(id: number, worth: number): void
  leave(): void
  abort(id: number): void
  pass(ms: number): void
  events: string[]
}

/** The rules, said as plainly as possible: all priorities are worked out whenever one is needed. */
function naive({ maxInFlight, queue: room, maxWaitMs }: typeof ROOMY, waitMs: number): Model {
  const events: string[] = []
  let now = 0
  let inFlight = 0
  let waiting: { id: number; worth: number; at: number }[] = []
  const priority = ({ worth, at }: { worth: number; at: number }): number => worth + (now - at)
  const ranked = (): typeof waiting => waiting.toSorted((a, b) => priority(b) - priority(a) || a.id - b.id)
  const drop = (id: number, event: string): void => {
    waiting = waiting.filter((one) => one.id !== id)
    events.push(`${event} ${id}`)
  }
  expect(maxWaitMs).toBeGreaterThanOrEqual(waitMs)
  return {
    events,
    arrive(id, worth) {
      if (inFlight < maxInFlight) {
        inFlight++
        events.push(`in ${id}`)
        return
      }
      waiting.push({ id, worth, at: now })
      if (waiting.length > room) drop((ranked().at(-1) as { id: number }).id, 'queue_full')
    },
    leave() {
      const [next] = ranked()
      if (next !== undefined) drop(next.id, 'in')
      else if (inFlight > 0) inFlight--
    },
    abort(id) {
      if (waiting.some((one) => one.id === id)) drop(id, 'ABORTED')
    },
    pass(ms) {
      now += ms
      const late = waiting.filter(({ at }) => at + waitMs <= now).toSorted((a, b) => a.at - b.at || a.id - b.id)
      for (const { id } of late) drop(id, 'waited_too_long')
    },
  }
}

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('arrive' as const), stake: fc.nat(STAKES.length - 1) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('leave' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('abort' as const), id: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(1, 500, 1000, 1001, 4000) }) },
)

test('whatever comes and goes, the queue does what the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 80 }),
      fc.record({ maxInFlight: fc.integer({ min: 1, max: 3 }), queue: fc.nat(5), maxWaitMs: fc.constant(12_000) }),
      fc.constantFrom(5_000, 12_000),
      async (operations, settings, waitMs) => {
        const clock = createVirtualClock()
        const gate = createGate({ settings, clock, random: () => 0 })
        const model = naive(settings, waitMs)
        const events: string[] = []
        const hangUps: AbortController[] = []
        for (const step of operations) {
          if (step.op === 'arrive') {
            const id = hangUps.length
            const [worth, stake] = STAKES[step.stake] as [number, bigint]
            model.arrive(id, worth)
            hangUps.push(new AbortController())
            void enter(gate, clock, { stake, waitMs, signal: (hangUps[id] as AbortController).signal }).then((how) =>
              events.push(`${how} ${id}`),
            )
          } else if (step.op === 'leave') {
            if (gate.inFlight() > 0) gate.leave()
            model.leave()
          } else if (step.op === 'abort') {
            hangUps[step.id]?.abort()
            model.abort(step.id)
          }
          const ms = step.op === 'pass' ? step.ms : 0
          await clock.pass(ms)
          model.pass(ms)
          expect(events).toEqual(model.events)
        }
        expect(gate.inFlight()).toBeLessThanOrEqual(settings.maxInFlight)
      },
    ),
    { numRuns: 300 },
  )
})

async function enter(
  gate: Gate,
  clock: VirtualClock,
  { stake = 0n, waitMs = 12_000, signal = new AbortController().signal }: { stake?: bigint; waitMs?: number; signal?: AbortSignal } = {},
): Promise<string> {
  try {
    await gate.enter({ stake, since: clock.now(), waitMs, signal })
    return 'in'
  } catch (error) {
    const { code, detail } = error as { code: string; detail: { reason?: string } }
    return detail.reason ?? code
  }
}

describe('starvation', () => {
  test('a caller without stake is served while richer ones keep coming: nobody who comes half of maxWaitMs after it is before it', async () => {
    const clock = createVirtualClock()
    const gate = createGate({ settings: { ...ROOMY, queue: 10_000, maxWaitMs: 60_000 }, clock, random: () => 0 })
    const order: string[] = []
    const come = (name: string, stake: bigint): void => {
      void enter(gate, clock, { stake, waitMs: 600_000 }).then(() => {
        order.push(name)
        clock.after(100, gate.leave)
      })
    }
    come('first', 0n)
    come('poor', 0n)
    // Two come for every one that is served: with stake alone in charge the poor one would wait for ever.
    for (let at = 0; at < 90_000; at += 50) {
      come(`rich at ${at}`, 21_000_000n * TAO)
      await clock.pass(50)
    }
    const place = order.indexOf('poor')
    expect(place).toBeGreaterThan(0)
    // Those that came within 30 s of it, two each 100 ms, take a minute to be served.
    expect(place).toBe(1 + 600)
    expect(order.slice(0, place)).toContain('rich at 29950')
    expect(order.slice(0, place)).not.toContain('rich at 30000')
  }, 20_000)

  test('what stake is worth is bounded and never falls', () => {
    const worth = [-1n, 0n, 1n, TAO, 9n * TAO, 10n * TAO, 999_999n * TAO, 2n ** 64n].map((stake) =>
      headStartMs(stake < 0n ? 0n : stake, 6000),
    )
    expect(worth).toEqual(worth.toSorted((a, b) => a - b))
    expect([worth[0], worth[4], worth.at(-1)]).toEqual([0, 1000, 6000])
    expect(worth[2]).toBeGreaterThan(0)
  })
})

describe('refusals', () => {
  test('say when to come again: later the longer the queue and the slower it goes, spread by chance, a minute at most', async () => {
    const clock = createVirtualClock()
    let chance = 0
    const gate = createGate({ settings: { maxInFlight: 1, queue: 4, maxWaitMs: 600_000 }, clock, random: () => chance })
    const refused = async (): Promise<unknown> => {
      const error = await gate
        .enter({ stake: 0n, since: clock.now(), waitMs: 1, signal: new AbortController().signal })
        .catch((why: unknown) => why)
      return (error as { detail: { retryAfterSeconds: number } }).detail.retryAfterSeconds
    }
    const fill = (): void => {
      while (gate.waiting() < 4) void enter(gate, clock, { waitMs: 600_000 })
    }
    expect(gate.tryEnter()).toBe(true)
    fill()
    expect(await refused()).toBe(1)
    for (let n = 0; n < 3; n++) {
      await clock.pass(2_000)
      gate.leave()
      fill()
    }
    expect(await refused()).toBe(10)
    chance = 0.9
    expect(await refused()).toBe(15)
    for (let n = 0; n < 30; n++) {
      await clock.pass(30_000)
      gate.leave()
      fill()
    }
    expect(await refused()).toBe(60)
  })

  test('where nobody may wait, nobody does', async () => {
    const clock = createVirtualClock()
    const gate = createGate({ settings: { ...ROOMY, queue: 0 }, clock, random: () => 0 })
    expect(await enter(gate, clock)).toBe('in')
    expect(await enter(gate, clock, { stake: 21_000_000n * TAO })).toBe('queue_full')
    expect(await enter(gate, clock, { waitMs: 0 })).toBe('waited_too_long')
    expect(await enter(gate, clock, { signal: AbortSignal.abort() })).toBe('ABORTED')
    gate.leave()
    expect([gate.inFlight(), gate.waiting(), clock.pending()]).toEqual([0, 0, 0])
  })
})
