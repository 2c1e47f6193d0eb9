import { beforeEach, describe, expect, test } from 'vitest'
import { memoryCredits, memoryPrompt, type MemoryCredits, type MemoryPrompt, targetAt } from '../../../test/support/memory-prompt.js'
import { createVirtualClock, type VirtualClock } from '../../../test/support/prompt/virtual-clock.js'
import { NO_LIMITS, type ApiKeyLimits, type Caller } from '../../core/api-keys.js'
import { AppError } from '../../core/errors.js'
import { createLocalLimits } from '../../core/local-limits.js'
import { silentLog } from '../../core/log.js'
import { createMetrics, type Metrics } from '../../core/metrics.js'
import type { CallerStanding } from '../../core/prompting.js'
import type { PromptRequest, Receipt } from '../contract.js'
import { createAdmission, type Admission } from './admission.js'
import { CLOSING } from '../../core/lifecycle.js'
import type { AdmissionSettings } from './settings.js'

const TAO = 1_000_000_000n
const SETTINGS: AdmissionSettings = {
  ...{ maxInFlight: 2, queue: 3, maxWaitMs: 4_000, concurrentPrompts: null, tokensPerMinute: null, topN: 3, maxTopN: 5 },
}

let clock: VirtualClock
let engine: MemoryPrompt
let credits: MemoryCredits
let metrics: Metrics
/** What the index says, and how often it was asked. */
let stakes: Record<string, bigint | Error | Promise<CallerStanding>>
let readings: string[]

beforeEach(() => {
  clock = createVirtualClock()
  engine = memoryPrompt()
  credits = memoryCredits()
  metrics = createMetrics()
  stakes = {}
  readings = []
})

function open(settings: Partial<AdmissionSettings> = {}): Admission {
  return createAdmission({
    ...{ engine, credits, clock, metrics, log: silentLog, random: () => 0, settings: { ...SETTINGS, ...settings } },
    limits: createLocalLimits({ now: () => Math.floor(clock.now()) }),
    async standing(hotkey) {
      readings.push(hotkey)
      const stake = stakes[hotkey] ?? 0n
      if (stake instanceof Error) throw stake
      return typeof stake === 'bigint' ? { isRegistered: true, stake } : stake
    },
  })
}

function caller(customer = 'alice', limits: Partial<ApiKeyLimits> = {}, hotkey?: string): Caller {
  return { customer, limits: { ...NO_LIMITS, ...limits }, ...(hotkey === undefined ? {} : { hotkey }) }
}

function ask(over: Partial<PromptRequest> = {}): PromptRequest & { receipt: Receipt } {
  const receipt = { waitedMs: 0, credits: 0, creditsLeft: null, tokens: null }
  return { model: 'bittensor/sn1', messages: [{ role: 'user', content: 'hi' }], stream: true, timeoutMs: 30_000, receipt, ...over }
}

interface Asked {
  request: PromptRequest & { receipt: Receipt }
  hangUp: AbortController
  /** `code/reason`, the text, or null while it is under way. */
  how: string | null
}

/** Asks, and reads the answer to its end. */
function begin(admission: Admission, who: Caller, over: Partial<PromptRequest> = {}): Asked {
  const asked: Asked = { request: ask(over), hangUp: new AbortController(), how: null }
  void read().then(
    (how) => (asked.how = how),
    (error: unknown) => (asked.how = kindOf(error)),
  )
  return asked

  async function read(): Promise<string> {
    let text = ''
    for await (const piece of (await admission.prompt(who, asked.request, asked.hangUp.signal)).pieces) text += piece
    return text
  }
}

function kindOf(error: unknown): string {
  if (!(error instanceof AppError)) return String((error as Error).name)
  const { code, detail } = error
  return `${code}/${String(detail['reason'])}/${String(detail['retryAfterSeconds'])}`
}

function over(error: Promise<unknown>): Promise<string> {
  return error.then(
    () => 'it did not fail',
    (why: unknown) => kindOf(why),
  )
}

const signal = new AbortController().signal
const HANGS = { hangs: true }

describe('with room and no limits of its own', () => {
  test('a request is asked before anything is waited for, and as it is', async () => {
    const admission = open()
    const request = ask()
    const answer = admission.prompt(caller('alice', {}, 'rich'), request, signal)
    expect(engine.asked[0]?.request).toBe(request)
    for await (const piece of (await answer).pieces) expect(piece).toMatch(/echo|hi/)
    expect([admission.inFlight(), readings, request.receipt.waitedMs]).toEqual([0, [], 0])
    expect(admission.models()).toEqual(engine.models())
  })
})

describe('limits of a customer', () => {
  test('so many at once, by its key or the settings, whoever else asks', async () => {
    const admission = open({ concurrentPrompts: 1, maxInFlight: 10 })
    engine.plan(HANGS, HANGS, HANGS, HANGS)
    const [first] = [
      begin(admission, caller()),
      begin(admission, caller('bob')),
      begin(admission, caller('carol', { concurrentPrompts: 2 })),
    ]
    expect(await over(admission.prompt(caller(), ask(), signal))).toBe('RATE_LIMITED/too_many_at_once/1')
    begin(admission, caller('carol', { concurrentPrompts: 2 }))
    expect(await over(admission.promptAll(caller('carol', { concurrentPrompts: 2 }), ask(), signal))).toBe(
      'RATE_LIMITED/too_many_at_once/1',
    )
    first?.hangUp.abort()
    await clock.pass(0)
    begin(admission, caller())
    expect(engine.asked).toHaveLength(5)
  })

  test('callers without a key are one customer, and each address has limits of its own', async () => {
    const admission = open({ concurrentPrompts: 1, tokensPerMinute: 60, maxInFlight: 10 })
    const from = (party: string): Caller => ({ ...caller('open'), party })
    engine.plan(HANGS, HANGS)
    const messages = [{ role: 'user', content: 'x'.repeat(240) }]
    const here = begin(admission, from('open 192.0.2.1'), { messages })
    begin(admission, from('open 192.0.2.2'), { messages })
    expect(await over(admission.prompt(from('open 192.0.2.1'), ask(), signal))).toBe('RATE_LIMITED/too_many_at_once/1')
    here.hangUp.abort()
    await clock.pass(0)
    expect(await over(admission.prompt(from('open 192.0.2.1'), ask(), signal))).toBe('RATE_LIMITED/tokens_per_minute/1')
    expect(engine.asked).toHaveLength(2)
  })

  test('tokens of prompts are taken first, those of answers afterwards: who owes some waits', async () => {
    const admission = open()
    const poor = caller('alice', { tokensPerMinute: 60 })
    engine.plan({ pieces: ['x'.repeat(200), 'y'.repeat(200)] })
    const long = begin(admission, poor, { messages: [{ role: 'user', content: 'x'.repeat(40) }] })
    await clock.pass(0)
    expect(long.request.receipt.tokens).toEqual({ limit: 60, remaining: 50, resetSeconds: 10 })
    // 50 are left, the answer had 100.
    const refused = ask()
    expect(await over(admission.prompt(poor, refused, signal))).toBe('RATE_LIMITED/tokens_per_minute/51')
    expect(refused.receipt.tokens).toMatchObject({ limit: 60, remaining: 0 })
    await clock.pass(50_000)
    expect(await over(admission.prompt(poor, ask(), signal))).toBe('RATE_LIMITED/tokens_per_minute/1')
    await clock.pass(1_000)
    begin(admission, poor)
    await clock.pass(0)
    expect(engine.asked).toHaveLength(2)
  })

  test('no more tokens are counted than the request lets its answer have', async () => {
    const admission = open()
    const who = caller('alice', { tokensPerMinute: 1000 })
    engine.plan({ pieces: ['x'.repeat(2000)] }, { results: [{ target: targetAt(0), text: 'x'.repeat(2000), ms: 1 }] })
    begin(admission, who, { sampling: { maxTokens: 10 } })
    await admission.promptAll(who, ask({ sampling: { maxTokens: 10 } }), signal)
    await clock.pass(0)
    const last = begin(admission, who)
    expect(last.request.receipt.tokens?.remaining).toBe(1000 - 20 - 3)
  })

  test('a prompt that nobody was asked costs no tokens', async () => {
    const admission = open({ maxInFlight: 1, queue: 0 })
    engine.plan(HANGS)
    const who = caller('alice', { tokensPerMinute: 100 })
    begin(admission, who)
    for (let n = 0; n < 5; n++)
      expect(await over(admission.prompt(who, ask({ messages: [{ role: 'user', content: 'x'.repeat(360) }] }), signal))).toMatch(
        /^OVERLOADED/,
      )
  })

  test('credits are set aside for as many answers as may come, and charged for those that did', async () => {
    const admission = open()
    const who = caller('alice', { monthlyCredits: 6 })
    engine.plan({ error: new AppError('UPSTREAM_DOWN', 'nobody') })
    const failed = begin(admission, who)
    await clock.pass(0)
    expect([failed.how, failed.request.receipt]).toMatchObject([expect.stringMatching(/^UPSTREAM_DOWN/), { credits: 0, creditsLeft: 6 }])
    const all = ask({ topN: 2 })
    expect((await admission.promptAll(who, all, signal)).results).toHaveLength(2)
    expect(all.receipt).toMatchObject({ credits: 2, creditsLeft: 4 })
    // Two of three answers are wanted.
    const some = ask({ topN: 3, keep: 1 })
    expect((await admission.promptAll(who, some, signal)).results).toHaveLength(1)
    expect(some.receipt).toMatchObject({ credits: 1, creditsLeft: 3 })
    // By default three may come; two did.
    const usual = ask()
    await admission.promptAll(who, usual, signal)
    expect(usual.receipt).toMatchObject({ credits: 2, creditsLeft: 1 })
    expect(await over(admission.promptAll(who, ask({ topN: 2 }), signal))).toBe('RATE_LIMITED/insufficient_quota/86400')
    const last = begin(admission, who)
    await clock.pass(0)
    expect(last.request.receipt).toMatchObject({ credits: 1, creditsLeft: 0 })
    const none = ask()
    expect(await over(admission.prompt(who, none, signal))).toBe('RATE_LIMITED/insufficient_quota/86400')
    expect(none.receipt).toMatchObject({ credits: 0, creditsLeft: 0 })
    expect([credits.used(), credits.held(), credits.twice()]).toEqual([6, 0, 0])
  })
})

describe('an answer is charged', () => {
  const who = caller('alice', { monthlyCredits: 100 })
  const PIECES = { pieces: ['one ', 'two ', 'three'] }

  async function charged(
    script: Parameters<MemoryPrompt['plan']>[0],
    read: (pieces: AsyncIterator<string>, hangUp: AbortController) => Promise<unknown>,
  ) {
    const admission = open()
    engine.plan(script)
    const hangUp = new AbortController()
    const request = ask()
    const { pieces } = await admission.prompt(who, request, hangUp.signal)
    await read(pieces[Symbol.asyncIterator](), hangUp).catch(() => undefined)
    await clock.pass(0)
    expect([admission.inFlight(), credits.held(), credits.twice()]).toEqual([0, 0, 0])
    expect(request.receipt.credits).toBe(credits.used())
    return credits.used()
  }

  async function all(pieces: AsyncIterator<string>): Promise<void> {
    while ((await pieces.next()).done !== true);
  }

  test('when it was read to its end', async () => {
    expect(await charged(PIECES, all)).toBe(1)
  })

  test.each([1, 2, 3])('when its reader left after piece %d', async (count) => {
    const used = await charged(PIECES, async (pieces) => {
      for (let n = 0; n < count; n++) await pieces.next()
      await pieces.return?.()
    })
    expect(used).toBe(1)
  })

  test.each([1, 3])('when the caller hung up after piece %d', async (count) => {
    const used = await charged(PIECES, async (pieces, hangUp) => {
      for (let n = 0; n < count; n++) await pieces.next()
      hangUp.abort()
    })
    expect(used).toBe(1)
  })

  test('not when the caller hung up before there was one, although the engine went on', async () => {
    const admission = open()
    const hangUp = new AbortController()
    const answer = admission.prompt(who, ask(), hangUp.signal)
    await clock.pass(0)
    const late = admission.prompt(who, ask(), hangUp.signal)
    hangUp.abort()
    await Promise.allSettled([answer, late])
    expect([admission.inFlight(), credits.held(), credits.used()]).toEqual([0, 0, 0])
    const unheard = admission.prompt(caller(), ask(), AbortSignal.abort())
    await unheard
    expect(admission.inFlight()).toBe(0)
  })

  test.each([
    ['the target breaks it off', { pieces: ['one', new AppError('UPSTREAM_DOWN', 'broken')] }, all],
    ['the time is over', { pieces: ['one', new AppError('UPSTREAM_TIMEOUT', 'late')] }, all],
    ['its reader leaves before the first piece', PIECES, async (pieces: AsyncIterator<string>) => pieces.return?.()],
    ['the caller hangs up before the first piece', PIECES, async (_: unknown, hangUp: AbortController) => hangUp.abort()],
    [
      'the server closes',
      { pieces: ['one', new Promise<string>(() => undefined)] },
      async (pieces: AsyncIterator<string>, hangUp: AbortController) => {
        await pieces.next()
        hangUp.abort(new AppError('ABORTED', 'the server is closing', { reason: CLOSING }))
        await pieces.next()
      },
    ],
    [
      'the deadline of a gRPC call passes',
      { pieces: ['one', new Promise<string>(() => undefined)] },
      async (pieces: AsyncIterator<string>, hangUp: AbortController) => {
        await pieces.next()
        hangUp.abort(new AppError('ABORTED', 'the deadline of the call has passed', { reason: 'deadline' }))
        await pieces.next()
      },
    ],
  ])('not when %s', async (_when, script, read) => {
    expect(await charged(script, read)).toBe(0)
  })
})

describe('the queue', () => {
  const waiting = (asked: Asked[]): number[] => asked.flatMap(({ how }, n) => (how === null ? [n] : []))

  test('more stake of a hotkey goes first, then who came first; each hotkey is read once a minute', async () => {
    const admission = open({ maxInFlight: 1, queue: 10, maxWaitMs: 12_000 })
    Object.assign(stakes, { rich: 1000n * TAO, richer: 1001n * TAO })
    engine.plan(HANGS)
    const first = begin(admission, caller())
    const hotkeys = [undefined, 'rich', 'richer', 'rich', undefined]
    const others = hotkeys.map((hotkey, n) => begin(admission, caller(`c${n}`, {}, hotkey)))
    await clock.pass(1)
    expect([admission.waiting(), admission.inFlight(), readings]).toEqual([5, 1, ['rich', 'richer']])
    first.hangUp.abort()
    await clock.pass(0)
    expect(engine.asked.map(({ caller: { customer } }) => customer)).toEqual(['alice', 'c2', 'c1', 'c3', 'c0', 'c4'])
    expect(others.map(({ how }) => how)).toEqual(Array(5).fill('echo: hi'))
    await clock.pass(59_000)
    engine.plan(HANGS)
    begin(admission, caller())
    begin(admission, caller('d', {}, 'rich'))
    await clock.pass(2_000)
    expect(readings).toHaveLength(2)
    begin(admission, caller('d', {}, 'rich'))
    await clock.pass(0)
    expect(readings).toHaveLength(3)
  })

  test('the time until a stake is known counts as waiting', async () => {
    const admission = open({ maxInFlight: 1, maxWaitMs: 12_000 })
    engine.plan(HANGS)
    const first = begin(admission, caller())
    stakes['late'] = new Promise((resolve) => clock.after(400, () => resolve({ isRegistered: true, stake: TAO })))
    stakes['known'] = TAO
    begin(admission, caller('a', {}, 'late'))
    await clock.pass(100)
    begin(admission, caller('b', {}, 'known'))
    await clock.pass(1_000)
    first.hangUp.abort()
    await clock.pass(0)
    expect(engine.asked.map(({ caller: { customer } }) => customer)).toEqual(['alice', 'a', 'b'])
  })

  test('a stake that cannot be read is none, and one that is not there in half a second is not waited for', async () => {
    const admission = open({ maxInFlight: 1 })
    Object.assign(stakes, { broken: new Error('the database is away'), slow: new Promise(() => undefined) })
    engine.plan(HANGS)
    begin(admission, caller())
    begin(admission, caller('a', {}, 'slow'))
    begin(admission, caller('b', {}, 'broken'))
    await clock.pass(1)
    expect(admission.waiting()).toBe(1)
    await clock.pass(499)
    expect(admission.waiting()).toBe(2)
  })

  test('when it is full, more stake pushes out the last one that has less', async () => {
    const admission = open({ maxInFlight: 1 })
    Object.assign(stakes, { rich: 1000n * TAO, richer: 100_000n * TAO })
    engine.plan(HANGS)
    begin(admission, caller())
    const asked = [undefined, undefined, 'rich', undefined, 'rich', 'richer', 'rich', 'rich'].map((hotkey, n) =>
      begin(admission, caller(`c${n}`, {}, hotkey)),
    )
    await clock.pass(1)
    expect(waiting(asked)).toEqual([2, 4, 5])
    expect([0, 1, 3, 6, 7].map((n) => asked[n]?.how)).toEqual(Array(5).fill('OVERLOADED/queue_full/1'))
  })

  test('who waited has less time left, and who waited too long is refused: by the settings, or its own time', async () => {
    const admission = open({ maxInFlight: 1 })
    engine.plan(HANGS)
    const first = begin(admission, caller())
    const [patient, hasty, impatient] = [
      begin(admission, caller('a'), { firstTokenMs: 10_000 }),
      begin(admission, caller('b'), { timeoutMs: 1_000 }),
      begin(admission, caller('c'), { firstTokenMs: 2_000 }),
    ]
    await clock.pass(1_000)
    expect([patient?.how, hasty?.how, impatient?.how]).toEqual([null, 'OVERLOADED/waited_too_long/1', null])
    expect(hasty?.request.receipt.waitedMs).toBe(1_000)
    await clock.pass(1_500)
    expect(impatient?.how).toBe('OVERLOADED/waited_too_long/1')
    const late = begin(admission, caller('d'))
    first.hangUp.abort()
    await clock.pass(0)
    expect(engine.asked[1]?.request).toMatchObject({ timeoutMs: 27_500, firstTokenMs: 7_500 })
    expect([patient?.how, patient?.request.receipt.waitedMs, late.how]).toEqual(['echo: hi', 2_500, 'echo: hi'])
    engine.plan(HANGS)
    begin(admission, caller())
    const bored = begin(admission, caller('e'))
    await clock.pass(3_999)
    expect(bored.how).toBe(null)
    await clock.pass(1)
    expect(bored.how).toBe('OVERLOADED/waited_too_long/1')
  })

  test('who hangs up leaves it at once, and gives back what was taken', async () => {
    const admission = open({ maxInFlight: 1, concurrentPrompts: 1 })
    engine.plan(HANGS)
    begin(admission, caller())
    const who = caller('bob', { monthlyCredits: 1, tokensPerMinute: 1 })
    for (let n = 0; n < 3; n++) {
      const asked = begin(admission, who)
      await clock.pass(0)
      expect([admission.waiting(), credits.held()]).toEqual([1, 1])
      asked.hangUp.abort()
      expect(admission.waiting()).toBe(0)
      await clock.pass(0)
      expect([asked.how, credits.held()]).toEqual(['ABORTED/undefined/undefined', 0])
    }
  })
})

test('metrics: who waits, who has a place, how long it took, and why others were refused', async () => {
  const admission = open({ maxInFlight: 1, queue: 1, concurrentPrompts: 1 })
  engine.plan(HANGS)
  const first = begin(admission, caller())
  begin(admission, caller('a'))
  begin(admission, caller('a'))
  begin(admission, caller('b'))
  await admission.prompt(caller('c', { monthlyCredits: 0 }), ask(), signal).catch(() => undefined)
  begin(admission, caller('d', { tokensPerMinute: 0 }))
  await clock.pass(300)
  const text = await metrics.metrics()
  expect(text).toContain('tao_prompt_waiting 1')
  expect(text).toContain('tao_prompt_in_flight 1')
  for (const reason of ['too_many_at_once', 'queue_full', 'insufficient_quota', 'tokens_per_minute'])
    expect(text).toContain(`tao_prompt_refusals_total{reason="${reason}"} 1`)
  first.hangUp.abort()
  await clock.pass(0)
  expect(await metrics.metrics()).toContain('tao_prompt_wait_seconds_sum 0.3')
})
