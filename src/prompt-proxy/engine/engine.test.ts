import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PromptModel } from '../contract.js'
import { createAgreementScorer } from './scorer.js'
import { createWorld, NOBODY, TAO } from '../../../test/support/prompt/scripted-world.js'

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

const GOOD = { does: 'answer', afterMs: 100 } as const
/** Stakes that make the weighted order, in all likelihood, that of the uids. */
const FALLING = [10n ** 18n * TAO, 10n ** 9n * TAO, 2_000n * TAO, 1_000n * TAO]

describe('fastest', () => {
  it('gives the answer of the first target, and asks nobody else while that is quick', async () => {
    const world = await createWorld({ scripts: [GOOD, GOOD], stakes: FALLING })
    expect(await world.ask()).toMatchObject({ ok: true, uid: 0, text: 'answer of 0', failed: [] })
    expect(world.asked.map(({ uid }) => uid)).toEqual([0])
    expect(world.targets.choose(world.engine.models()[0] as PromptModel, { uids: [0] })[0]?.gating).toBeGreaterThan(0.5)
    expect(world.targets.state()[0]).toMatchObject({
      successRate: expect.any(Number),
      latencyMs: 100,
      inFlight: 0,
      lastReturnCode: 'SUCCESS',
    })
  })

  it('turns to a target whose circuit is open after twice that time, and only when the others are silent', async () => {
    const world = await createWorld({
      scripts: [{ does: 'hang' }, { does: 'fail', afterMs: 5, code: 'UNAVAILABLE' }],
      engine: { hedgeDefaultMs: 700 },
    })
    for (let i = 0; i < 3; i++) await world.ask({ uids: [1] })
    world.set(1, GOOD)
    const startedAt = world.clock.now()
    expect(await world.ask()).toMatchObject({ ok: true, uid: 1 })
    expect(world.asked.slice(3).map(({ uid, at }) => [uid, at - startedAt])).toEqual([
      [0, 0],
      [1, 1_400],
    ])
  })

  it('asks a second one after the default delay, takes its answer and cancels the first, whom nothing is held against', async () => {
    const world = await createWorld({ scripts: [{ does: 'hang' }, GOOD], stakes: FALLING, engine: { hedgeDefaultMs: 700 } })
    const ended = await world.ask()
    expect(ended).toMatchObject({ ok: true, uid: 1, failed: [] })
    expect(world.asked.map(({ uid, at, abortedAt }) => ({ uid, at, abortedAt }))).toMatchObject([
      { uid: 0, at: 0, abortedAt: 800 },
      { uid: 1, at: 700 },
    ])
    expect(world.targets.state()[0]).toMatchObject({ successRate: null, circuit: 'closed', inFlight: 0, lastReturnCode: null })
    const text = await world.metrics.metrics()
    expect(text).toContain('tao_prompt_hedges_total{netuid="1"} 1')
    expect(text).toContain('tao_prompt_hedge_wins_total{netuid="1"} 1')
    expect(text).toContain('outcome="cancelled",code=""} 1')
  })

  it('hedges after the p95 of what the model took lately, within the limits', async () => {
    const world = await createWorld({ scripts: [{ does: 'answer', afterMs: 300 }, GOOD], stakes: FALLING, engine: { maxAttempts: 2 } })
    for (let i = 0; i < 10; i++) expect(await world.ask()).toMatchObject({ uid: 0 })
    world.set(0, { does: 'hang' })
    const before = world.asked.length
    const startedAt = world.clock.now()
    await world.ask()
    expect(world.asked[before + 1]).toMatchObject({ uid: 1, at: startedAt + 300 })
  })

  it('turns to the next one at once when one fails', async () => {
    const scripts = [
      { does: 'fail', afterMs: 10, code: 'UNAVAILABLE' } as const,
      { does: 'fail', afterMs: 10, code: 'INVALID_RESPONSE' } as const,
      GOOD,
    ]
    const world = await createWorld({ scripts, stakes: FALLING })
    const ended = await world.ask()
    expect(ended).toMatchObject({ ok: true, uid: 2, failed: ['UNAVAILABLE', 'INVALID_RESPONSE'] })
    expect(world.asked.map(({ at }) => at)).toEqual([0, 10, 20])
  })

  it('fails with what every target said when all failed, and asks no more of them than it may', async () => {
    const scripts = Array.from({ length: 9 }, () => ({ does: 'fail', afterMs: 10, code: 'NUCLEUS_FULL' }) as const)
    const world = await createWorld({ scripts, engine: { maxAttempts: 3 } })
    expect(await world.ask()).toMatchObject({ ok: false, code: 'UPSTREAM_DOWN', failed: ['NUCLEUS_FULL', 'NUCLEUS_FULL', 'NUCLEUS_FULL'] })
    expect(world.asked).toHaveLength(3)
  })

  it('ends at the deadline when dendrites ignore their signal, and blames the targets', async () => {
    const world = await createWorld({ scripts: [{ does: 'ignore' }, { does: 'ignore' }] })
    const startedAt = world.clock.now()
    const ended = await world.ask({ timeoutMs: 10_000 })
    expect(ended).toMatchObject({ ok: false, code: 'UPSTREAM_TIMEOUT', failed: ['TIMEOUT', 'TIMEOUT'] })
    expect(world.clock.now() - startedAt).toBe(10_000)
    expect(world.asked.every(({ abortedAt }) => abortedAt === 10_000)).toBe(true)
    expect(world.targets.state()).toMatchObject([
      { inFlight: 0, lastReturnCode: 'TIMEOUT' },
      { inFlight: 0, lastReturnCode: 'TIMEOUT' },
    ])
  })

  it('blames nobody for what a caller without patience did not wait for', async () => {
    const world = await createWorld({ scripts: [{ does: 'answer', afterMs: 500 }] })
    for (let i = 0; i < 5; i++) expect(await world.ask({ timeoutMs: 50 })).toMatchObject({ ok: false, code: 'UPSTREAM_TIMEOUT' })
    // A dendrite that keeps the deadline itself says so first.
    world.set(0, { does: 'fail', afterMs: 49, code: 'TIMEOUT' })
    for (let i = 0; i < 5; i++) expect(await world.ask({ timeoutMs: 50 })).toMatchObject({ ok: false, code: 'UPSTREAM_TIMEOUT' })
    world.set(0, { does: 'answer', afterMs: 500 })
    expect(world.targets.state()[0]).toMatchObject({ circuit: 'closed', successRate: null })
    expect(await world.ask()).toMatchObject({ ok: true })
  })

  it('asks nobody else after the time for the first piece, even when the one that had begun breaks off', async () => {
    const breaks = { does: 'break', afterMs: 50, pieces: ['a', 'b'], gapMs: 300, code: 'UNAVAILABLE' } as const
    const world = await createWorld({ scripts: [breaks, GOOD, GOOD], stakes: FALLING, engine: { maxParallel: 1 } })
    expect(await world.ask({ firstTokenMs: 120, timeoutMs: 2_000 })).toMatchObject({
      ok: false,
      code: 'UPSTREAM_DOWN',
      failed: ['UNAVAILABLE'],
    })
    expect(world.asked).toHaveLength(1)
  })

  it('gives up at the time for the first piece, but reads on what has begun', async () => {
    const slow = { does: 'answer', afterMs: 100, pieces: ['a', 'b', 'c'], gapMs: 400 } as const
    const world = await createWorld({ scripts: [slow] })
    expect(await world.ask({ firstTokenMs: 200, timeoutMs: 2_000 })).toMatchObject({ ok: true, text: 'abc' })
    world.set(0, { does: 'answer', afterMs: 300 })
    const startedAt = world.clock.now()
    expect(await world.ask({ firstTokenMs: 200, timeoutMs: 2_000 })).toMatchObject({
      ok: false,
      code: 'UPSTREAM_TIMEOUT',
      failed: ['TIMEOUT'],
    })
    expect(world.clock.now() - startedAt).toBe(200)
  })

  it.each([
    [{ does: 'end', afterMs: 5 } as const, 'EMPTY_RESPONSE'],
    [{ does: 'answer', afterMs: 5, pieces: [' ', '\n\n'] } as const, 'EMPTY_RESPONSE'],
    [{ does: 'answer', afterMs: 5, pieces: ['x'.repeat(600), 'y'.repeat(600)] } as const, 'INVALID_RESPONSE'],
    [{ does: 'throw' } as const, 'UNKNOWN_EXCEPTION'],
  ])('takes %j for a failure (%s)', async (script, code) => {
    const world = await createWorld({ scripts: [script, GOOD], stakes: FALLING, engine: { maxAnswerBytes: 1_000 } })
    expect(await world.ask()).toMatchObject({ ok: true, uid: 1, failed: [code] })
  })

  it('holds "your request is wrong" against a target only when another answers the same request', async () => {
    const wrong = { does: 'fail', afterMs: 5, code: 'INVALID_REQUEST' } as const
    const world = await createWorld({ scripts: [wrong, GOOD], stakes: FALLING })
    for (let i = 0; i < 3; i++) expect(await world.ask()).toMatchObject({ ok: true, uid: 1 })
    expect(world.targets.state()[0]).toMatchObject({ circuit: 'open', inFlight: 0 })
    const other = await createWorld({ scripts: [wrong, wrong] })
    for (let i = 0; i < 5; i++) expect(await other.ask()).toMatchObject({ ok: false, code: 'UPSTREAM_DOWN' })
    expect(other.targets.state()[0]).toMatchObject({ circuit: 'closed', successRate: null, inFlight: 0, lastReturnCode: 'INVALID_REQUEST' })
  })

  it('asks only who was named, and says when there is no such target or model', async () => {
    const world = await createWorld({ scripts: [GOOD, GOOD, GOOD], stakes: FALLING })
    expect(await world.ask({ uids: [2] })).toMatchObject({ uid: 2 })
    expect(await world.ask({ hotkeys: ['hotkey-1'] })).toMatchObject({ uid: 1 })
    expect(await world.ask({ uids: [77] })).toMatchObject({ ok: false, code: 'BAD_INPUT' })
    expect(await world.ask({ model: 'bittensor/sn9' })).toMatchObject({ ok: false, code: 'NOT_FOUND' })
    expect(world.asked.map(({ uid }) => uid)).toEqual([2, 1])
  })

  it('ends all calls when the caller goes away', async () => {
    const world = await createWorld({ scripts: [{ does: 'hang' }, { does: 'ignore' }], engine: { hedgeDefaultMs: 100 } })
    const controller = new AbortController()
    const answer = world.engine.prompt(NOBODY, world.request(), controller.signal).catch((error: unknown) => error)
    await world.clock.pass(1_000)
    expect(world.asked).toHaveLength(2)
    controller.abort()
    expect(await answer).toMatchObject({ code: 'ABORTED' })
    expect(world.asked.map(({ abortedAt }) => abortedAt)).toEqual([1_000, 1_000])
    expect(world.targets.state()).toMatchObject([
      { inFlight: 0, successRate: null },
      { inFlight: 0, successRate: null },
    ])
    expect(world.clock.pending()).toBe(0)
    expect(await world.engine.prompt(NOBODY, world.request(), controller.signal).catch((error: unknown) => error)).toMatchObject({
      code: 'ABORTED',
    })
    expect(world.asked).toHaveLength(2)
  })
})

describe('streams', () => {
  it('are won by the first piece, whoever would be done first', async () => {
    const early = { does: 'answer', afterMs: 600, pieces: ['ea', 'rly'], gapMs: 5_000 } as const
    const done = { does: 'answer', afterMs: 400, pieces: ['done'] } as const
    const world = await createWorld({ scripts: [early, done], stakes: FALLING, engine: { hedgeDefaultMs: 300 } })
    expect(await world.ask({ stream: true })).toMatchObject({ ok: true, uid: 0, text: 'early' })
    expect(world.asked[1]).toMatchObject({ uid: 1, abortedAt: 600 })
    expect(world.targets.state()).toMatchObject([
      { lastReturnCode: 'SUCCESS', inFlight: 0 },
      { successRate: null, inFlight: 0 },
    ])
  })

  it('keep white space before the first word', async () => {
    const world = await createWorld({ scripts: [{ does: 'answer', afterMs: 5, pieces: [' ', '\n', 'x', ' ', 'y'] }] })
    expect(await world.ask({ stream: true })).toMatchObject({ text: ' \nx y' })
    expect(world.clock.pending()).toBe(0)
  })

  it('end with an error when the target breaks off, and that is reported', async () => {
    const world = await createWorld({
      scripts: [{ does: 'break', afterMs: 5, pieces: ['a', 'b'], code: 'UNAVAILABLE' }, GOOD],
      stakes: FALLING,
    })
    const { pieces } = await settled(world, world.engine.prompt(NOBODY, world.request({ stream: true }), new AbortController().signal))
    const got: string[] = []
    await expect(read(pieces, got)).rejects.toMatchObject({
      code: 'UPSTREAM_DOWN',
      detail: { failed: [{ uid: 0, returnCode: 'UNAVAILABLE' }] },
    })
    expect(got).toEqual(['a', 'b'])
    expect(world.targets.state()[0]).toMatchObject({ lastReturnCode: 'UNAVAILABLE', inFlight: 0 })
    // Without a stream nothing was given away yet, and another target is asked.
    expect(await world.ask()).toMatchObject({ ok: true, uid: 1, failed: ['UNAVAILABLE'] })
  })

  it('end at the deadline, whether the target is silent or nobody reads', async () => {
    const world = await createWorld({ scripts: [{ does: 'answer', afterMs: 5, pieces: ['a', 'b'], gapMs: 60_000 }] })
    expect(await world.ask({ stream: true, timeoutMs: 5_000 })).toMatchObject({ ok: false, code: 'UPSTREAM_TIMEOUT', ms: 5_000 })
    expect(world.targets.state()[0]).toMatchObject({ lastReturnCode: 'TIMEOUT', inFlight: 0 })
    const answer = await settled(
      world,
      world.engine.prompt(NOBODY, world.request({ stream: true, timeoutMs: 5_000 }), new AbortController().signal),
    )
    await world.clock.pass(5_000)
    expect(world.asked[1]?.abortedAt).toBe(10_000)
    expect(world.targets.state()[0]).toMatchObject({ lastReturnCode: 'SUCCESS', inFlight: 0 })
    await expect(read(answer.pieces, [])).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  })

  it('end at the deadline when the target heeds nothing', async () => {
    const world = await createWorld({ scripts: [{ does: 'stall', afterMs: 5, pieces: ['a', 'b'] }] })
    expect(await world.ask({ stream: true, timeoutMs: 5_000 })).toMatchObject({ ok: false, code: 'UPSTREAM_TIMEOUT', ms: 5_000 })
    expect(world.targets.state()[0]).toMatchObject({ lastReturnCode: 'TIMEOUT', inFlight: 0 })
  })

  it('that are left between two pieces close the generator of the dendrite', async () => {
    const world = await createWorld({ scripts: [{ does: 'stall', afterMs: 5, pieces: ['a', 'b'] }] })
    const { pieces } = await settled(world, world.engine.prompt(NOBODY, world.request({ stream: true }), new AbortController().signal))
    for await (const _piece of pieces) break
    await world.clock.pass(0)
    expect(world.asked[0]?.overAt).toBe(world.clock.now())
    expect(world.targets.state()[0]).toMatchObject({ lastReturnCode: 'SUCCESS', inFlight: 0 })
  })

  it('end when the caller leaves at whatever moment around the first piece', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const pieces = ['a', 'b']
      const world = await createWorld({ scripts: [{ does: 'stall', afterMs: 5, pieces }] })
      const controller = new AbortController()
      // The target takes them out when it is about to give the first.
      pieces.entries = () => {
        void leave()
        return new Array(...pieces).entries()
      }
      const leave = async (): Promise<void> => {
        for (let i = 0; i < turns; i++) await Promise.resolve()
        controller.abort()
      }
      const answer = world.engine.prompt(NOBODY, world.request({ stream: true }), controller.signal).then((won) => read(won.pieces, []))
      const ended = answer.catch((error: unknown) => error)
      await world.clock.pass(10)
      expect(await ended).toMatchObject({ code: 'ABORTED' })
      expect(world.asked[0]?.abortedAt).toBe(5)
      expect(world.clock.pending()).toBe(0)
      expect(world.targets.state()[0]?.inFlight).toBe(0)
    }
  })

  it.each(['signal', 'return'])('end the call at once when the reader leaves (%s)', async (how) => {
    const world = await createWorld({ scripts: [{ does: 'answer', afterMs: 5, pieces: ['a', 'b'], gapMs: 1_000 }] })
    const controller = new AbortController()
    const { pieces } = await settled(world, world.engine.prompt(NOBODY, world.request({ stream: true }), controller.signal))
    const iterator = pieces[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 'a' })
    const waiting = iterator.next().catch((error: unknown) => error)
    await world.clock.pass(10)
    if (how === 'signal') controller.abort()
    else await iterator.return?.()
    expect(await waiting).toMatchObject(how === 'signal' ? { code: 'ABORTED' } : { done: true })
    expect(world.asked[0]?.abortedAt).toBe(world.clock.now())
    expect(world.targets.state()[0]).toMatchObject({ inFlight: 0, circuit: 'closed' })
  })
})

describe('stake', () => {
  it('goes down the order of stake, over those that fail', async () => {
    const down = { does: 'fail', afterMs: 5, code: 'UNAVAILABLE' } as const
    const world = await createWorld({ scripts: [GOOD, down, down], stakes: [1_500n * TAO, 3_000n * TAO, 2_000n * TAO] })
    expect(await world.ask({ strategy: 'stake' })).toMatchObject({ ok: true, uid: 0 })
    expect(world.asked.map(({ uid }) => uid)).toEqual([1, 2, 0])
  })

  it('goes on from a silent one in time for the others, and still takes its answer', async () => {
    const world = await createWorld({ scripts: [{ does: 'hang' }, GOOD], stakes: FALLING })
    expect(await world.ask({ strategy: 'stake', timeoutMs: 9_000 })).toMatchObject({ ok: true, uid: 1 })
    expect(world.asked[1]).toMatchObject({ uid: 1, at: 3_000 })
    world.set(0, { does: 'answer', afterMs: 4_000 })
    world.set(1, { does: 'hang' })
    expect(await world.ask({ strategy: 'stake', timeoutMs: 9_000 })).toMatchObject({ ok: true, uid: 0 })
  })
})

describe('best_of and all', () => {
  const says = (text: string, afterMs = 100): { does: 'answer'; afterMs: number; pieces: string[] } => ({
    does: 'answer',
    afterMs,
    pieces: [text],
  })

  it('give the answer that the others agree with', async () => {
    const world = await createWorld({ scripts: [says('the capital is paris'), says('bananas'), says('paris is the capital')] })
    expect([0, 2]).toContain(((await world.ask({ strategy: 'best_of' })) as { uid: number }).uid)
    expect(world.asked.map(({ at }) => at)).toEqual([0, 0, 0])
  })

  it('replace those that fail, and do not wait for a silent one for ever', async () => {
    const fails = { does: 'fail', afterMs: 10, code: 'BLACKLISTED' } as const
    const world = await createWorld({ scripts: [fails, says('one two'), { does: 'hang' }, says('one two')], stakes: FALLING })
    const ended = await world.ask({ strategy: 'best_of', topN: 3, timeoutMs: 30_000 })
    expect(ended).toMatchObject({ ok: true, failed: ['BLACKLISTED'] })
    expect(world.asked.find(({ uid }) => uid === 2)?.abortedAt).toBe(1_100)
  })

  it('ask one more when all asked are silent', async () => {
    const world = await createWorld({
      scripts: [{ does: 'ignore' }, { does: 'ignore' }, says('here')],
      stakes: FALLING,
      engine: { maxReplacements: 1 },
    })
    expect(await world.ask({ strategy: 'best_of', topN: 2 })).toMatchObject({ ok: true, uid: 2 })
  })

  it('give every answer that came in time, best first, and what failed', async () => {
    const down = { does: 'fail', afterMs: 10, code: 'UNAVAILABLE' } as const
    const world = await createWorld({ scripts: [says('x y z', 900), says('x y z w', 50), down, says('q', 10), { does: 'ignore' }] })
    const all = settled(
      world,
      world.engine.promptAll(NOBODY, world.request({ topN: 5, timeoutMs: 6_000 }), new AbortController().signal),
      6_000,
    )
    const { results, failed } = await all
    expect(results.map(({ text }) => text)).toEqual(['x y z w', 'x y z', 'q'])
    expect(results.map(({ ms }) => ms)).toEqual([50, 900, 10])
    expect(failed.map(({ uid, returnCode }) => [uid, returnCode])).toEqual(
      expect.arrayContaining([
        [2, 'UNAVAILABLE'],
        [4, 'TIMEOUT'],
      ]),
    )
    expect(world.clock.now()).toBe(6_000)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['hangs', () => new Promise<number[]>(() => undefined)],
    ['gives no numbers', () => [NaN, 1, 2]],
    ['gives too few', () => [1]],
  ])('fall back on what is known of the targets when the scorer %s', async (_how, score) => {
    const world = await createWorld({ scripts: [says('a'), says('b', 50), says('c')], scorer: { score } })
    expect(await world.ask({ strategy: 'best_of', timeoutMs: 5_000 })).toMatchObject({ ok: true, text: 'b' })
  })

  it('the scorer does not favour long or short answers', async () => {
    const answers = ['one two three four', 'one two three five', 'one two three four five six seven eight nine ten eleven twelve', 'one']
    const scores = await createAgreementScorer().score(
      [],
      answers.map((text) => ({ text, gating: 0.5, ms: 1 })),
      new AbortController().signal,
    )
    expect(Math.max(...scores.slice(2))).toBeLessThan(Math.min(...scores.slice(0, 2)))
  })
})

async function settled<T>(world: { clock: { pass(ms: number): Promise<void> } }, promise: Promise<T>, ms = 10): Promise<T> {
  await world.clock.pass(ms)
  return promise
}

async function read(pieces: AsyncIterable<string>, into: string[]): Promise<void> {
  for await (const piece of pieces) into.push(piece)
}
