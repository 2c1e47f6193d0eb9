import { describe, expect, it } from 'vitest'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import type { PromptModel } from '../contract.js'
import { DendriteError, PROTOCOLS, RETURN_CODES, type AxonTarget } from '../dendrite/types.js'
import { aNeuron, TAO } from '../../../test/support/prompt/scripted-world.js'
import { BACK_OFFS, backOffMs, type FailureCode } from './back-off.js'
import { systemClock } from './clock.js'
import { createLatencies } from './latencies.js'
import type { PromptNeuron } from '../../core/prompting.js'
import { inOrder, weightOf } from './order.js'
import { createProtocolOf } from './protocol.js'
import type { Probe } from './probes.js'
import { createTargets, type Candidate, type Targets } from './registry.js'
import { TARGET_DEFAULTS, type TargetSettings } from './settings.js'
import { createVirtualClock, seededRandom, type VirtualClock } from '../../../test/support/prompt/virtual-clock.js'

const MODEL: PromptModel = { id: 'bittensor/sn1', netuid: 1, strategy: 'fastest', created: 0, ownedBy: 'bittensor' }

interface Setup {
  targets: Targets
  clock: VirtualClock
  rows: PromptNeuron[]
  metrics: ReturnType<typeof createMetrics>
  fails: { source: boolean; hangs: boolean }
}

async function setUp(rows: PromptNeuron[], settings: Partial<TargetSettings> = {}, probe: Probe | null = null): Promise<Setup> {
  const clock = createVirtualClock()
  const metrics = createMetrics()
  const fails = { source: false, hangs: false }
  const targets = createTargets({
    source: async () => {
      if (fails.hangs) return new Promise<never>(() => undefined)
      if (fails.source) throw new Error('no database')
      return rows
    },
    isDialable: (ip, { allowPrivate }) => allowPrivate || !ip.startsWith('10.'),
    protocolOf: createProtocolOf(new Map()),
    settings: { netuids: [1], ...settings },
    ...{ probe, clock, random: seededRandom(7), log: silentLog, metrics },
  })
  await targets.refresh()
  return { targets, clock, rows, metrics, fails }
}

function only(targets: Targets, uid: number): Candidate {
  return targets.choose(MODEL, { uids: [uid] })[0] as Candidate
}

function fail(targets: Targets, uid: number, code: FailureCode, times = 1): void {
  for (let i = 0; i < times; i++) only(targets, uid).begin().end({ kind: 'failure', code })
}

describe('eligibility', () => {
  it.each([
    [{}, null],
    [{ netuid: 2 }, 'subnet 2 is not offered'],
    [{ hotkey: 'ours' }, 'it is our own hotkey'],
    [{ ip: 0n }, 'it does not serve'],
    [{ port: 0 }, 'it does not serve'],
    [{ ipType: 5 }, 'its address is none'],
    [{ ip: 1n << 40n }, 'its address is none'],
    [{ ip: 0x0a000001n }, 'its address may not be dialled'],
    [{ version: 369 }, 'axons of version 369 are not spoken to'],
    [{ validatorPermit: false }, 'it has no validator permit'],
    [{ stake: 1_000n * TAO - 1n }, 'its stake is below 1000000000000 rao'],
    [{ stake: 1_000n * TAO }, null],
    [{ stake: 0n, validatorPermit: false, hotkey: 'pinned' }, null],
    [{ ip: 0x0a000001n, hotkey: 'pinned' }, 'its address may not be dialled'],
    [{ ip: 0x20010db8n << 96n, ipType: 6 }, null],
  ] satisfies [Partial<PromptNeuron>, string | null][])('a neuron with %o: %s', async (over, refusal) => {
    const { targets } = await setUp([aNeuron(0, over)], { ownHotkeys: ['ours'], pinnedHotkeys: ['pinned'] })
    expect(targets.state()).toMatchObject([{ refusal }])
    if (refusal !== null && !('netuid' in over)) {
      expect(() => targets.choose(MODEL, { uids: [0] })).toThrow(
        expect.objectContaining({ code: 'UPSTREAM_DOWN', detail: { netuid: 1, reasons: { [refusal]: 1 }, failed: [] } }),
      )
    }
  })

  it('settings lift the permit, the stake and the address', async () => {
    const row = aNeuron(0, { validatorPermit: false, stake: 0n, ip: 0x0a000001n })
    const { targets } = await setUp([row], { requireValidatorPermit: false, minStake: 0n, allowPrivate: true })
    expect(targets.state()).toMatchObject([{ refusal: null, address: '10.0.0.1:8091', protocol: 'grpc' }])
  })

  it('a pinned hotkey that would not be chosen is asked by name only', async () => {
    const { targets } = await setUp([aNeuron(0), aNeuron(1, { stake: 0n, hotkey: 'pinned' })], { pinnedHotkeys: ['pinned'] })
    expect(targets.choose(MODEL).map(({ target }) => target.uid)).toEqual([0])
    expect(targets.choose(MODEL, { hotkeys: ['pinned'] }).map(({ target }) => target.uid)).toEqual([1])
  })

  it('uids and hotkeys that match nobody are refused, either is enough', async () => {
    const { targets } = await setUp([aNeuron(0), aNeuron(1), aNeuron(2)])
    expect(() => targets.choose(MODEL, { uids: [9] })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
    const uids = targets.choose(MODEL, { uids: [0, 9], hotkeys: ['hotkey-2'] }).map(({ target }) => target.uid)
    expect(uids.sort()).toEqual([0, 2])
  })

  it('the published version says the protocol, an override says it better', () => {
    const protocolOf = createProtocolOf(new Map([[4, 'epistula']]))
    const table = [0, 369, 370, 534, 599, 600, 694, 712, 724, 7_002_000, 10_002_000].map((version) => protocolOf(1, version))
    expect(table).toEqual([null, null, 'grpc', 'grpc', 'grpc', 'http', 'http', 'http', 'http', 'http', 'http'])
    expect(protocolOf(4, 0)).toBe('epistula')
    expect(PROTOCOLS).toContain(protocolOf(4, 7_002_000))
  })
})

describe('reading the metagraph again', () => {
  it('keeps health of the same hotkey at the same address, whatever its uid, and forgets what vanished or moved', async () => {
    const { targets, rows } = await setUp([aNeuron(0), aNeuron(1), aNeuron(2)])
    for (const uid of [0, 1, 2]) fail(targets, uid, 'BLACKLISTED')
    rows.splice(0, 3, aNeuron(7, { hotkey: 'hotkey-0', ip: aNeuron(0).ip }), aNeuron(1, { port: 9 }))
    await targets.refresh()
    expect(targets.state()).toMatchObject([
      { uid: 1, circuit: 'closed', lastReturnCode: null },
      { uid: 7, circuit: 'open', lastReturnCode: 'BLACKLISTED' },
    ])
    rows.splice(0, 2, aNeuron(2))
    await targets.refresh()
    expect(targets.state()).toMatchObject([{ uid: 2, circuit: 'closed', lastReturnCode: null }])
  })

  it('goes on by itself, and what was read last stays when it fails or hangs', async () => {
    const { targets, clock, rows, fails, metrics } = await setUp([aNeuron(0)])
    await targets.start()
    fails.source = true
    await clock.pass(60_000)
    fails.hangs = true
    await clock.pass(120_000)
    expect(targets.state()).toHaveLength(1)
    expect(await metrics.metrics()).toContain('tao_prompt_refreshes_total{outcome="failed"} 2')
    fails.source = fails.hangs = false
    rows.push(aNeuron(1))
    await clock.pass(120_000)
    expect(targets.state()).toHaveLength(2)
    expect(await metrics.metrics()).toContain('tao_prompt_targets{netuid="1",state="eligible"} 2')
    targets.close()
    expect(clock.pending()).toBe(0)
  })
})

it('a reading that comes back after a later one is not taken', async () => {
  const answers: ((rows: PromptNeuron[]) => void)[] = []
  const source = (): Promise<PromptNeuron[]> => new Promise((resolve) => answers.push(resolve))
  const targets = createTargets({
    ...{ source, isDialable: () => true, protocolOf: () => 'grpc', settings: { netuids: [1] }, probe: null },
    ...{ clock: createVirtualClock(), random: () => 0, log: silentLog, metrics: createMetrics() },
  })
  const readings = [targets.refresh(), targets.refresh()]
  await Promise.resolve()
  answers[1]?.([aNeuron(2)])
  await readings[1]
  answers[0]?.([aNeuron(1)])
  await readings[0]
  expect(targets.state()).toMatchObject([{ uid: 2 }])
})

describe('circuits', () => {
  it.each(Object.keys(RETURN_CODES).filter((code) => code !== 'SUCCESS') as FailureCode[])(
    '%s opens it for as long as the table says, longer each time',
    async (code) => {
      const { opensAtOnce, firstMs, mostMs } = BACK_OFFS[code]
      const { targets, clock } = await setUp([aNeuron(0)])
      fail(targets, 0, code, opensAtOnce ? 1 : 2)
      if (!opensAtOnce) {
        expect(targets.state()[0]).toMatchObject({ circuit: 'closed' })
        fail(targets, 0, code)
      }
      expect(targets.state()[0]).toMatchObject({ circuit: 'open', lastReturnCode: code })
      for (let times = 1; times < 12; times++) {
        const full = Math.min(mostMs, firstMs * 2 ** (times - 1))
        await clock.pass(full / 2 - 1)
        expect(targets.state()[0]).toMatchObject({ circuit: 'open' })
        await clock.pass(full / 2 + 1)
        expect(targets.state()[0]).toMatchObject({ circuit: 'half-open' })
        fail(targets, 0, code)
        expect(targets.state()[0]).toMatchObject({ circuit: 'open' })
      }
      await clock.pass(mostMs)
      only(targets, 0).begin().end({ kind: 'success', firstPieceMs: 5 })
      expect(targets.state()[0]).toMatchObject({ circuit: 'closed', lastReturnCode: 'SUCCESS' })
    },
  )

  it('back-off takes half to all of its length', () => {
    expect([backOffMs('TIMEOUT', 1, 0), backOffMs('TIMEOUT', 1, 0.5), backOffMs('TIMEOUT', 3, 0)]).toEqual([2_500, 3_750, 10_000])
    expect(backOffMs('TIMEOUT', 10_000, 0)).toBe(150_000)
  })

  it('let one trial through at a time when half-open; one that is cancelled leaves room for another', async () => {
    const { targets, clock } = await setUp([aNeuron(0), aNeuron(1)])
    fail(targets, 0, 'UNAVAILABLE', 3)
    await clock.pass(5_000)
    const candidates = targets.choose(MODEL)
    const trial = candidates.find(({ target }) => target.uid === 0) as Candidate
    expect(trial.isLastResort).toBe(false)
    const lease = trial.begin()
    expect(targets.choose(MODEL).find(({ target }) => target.uid === 0)?.isLastResort).toBe(true)
    lease.end({ kind: 'cancelled' })
    lease.end({ kind: 'failure', code: 'TIMEOUT' })
    expect(targets.state()[0]).toMatchObject({ circuit: 'half-open', inFlight: 0, lastReturnCode: 'UNAVAILABLE' })
    expect(targets.choose(MODEL).every(({ isLastResort }) => !isLastResort)).toBe(true)
  })

  it('failures of attempts that were under way do not make a back-off longer', async () => {
    const { targets, clock } = await setUp([aNeuron(0)])
    const leases = Array.from({ length: 20 }, () => only(targets, 0).begin())
    for (const lease of leases) lease.end({ kind: 'failure', code: 'UNAVAILABLE' })
    await clock.pass(5_000)
    expect(targets.state()[0]).toMatchObject({ circuit: 'half-open', inFlight: 0 })
  })

  it('open for a bad rate without failures in a row', async () => {
    const { targets } = await setUp([aNeuron(0)], { openAfter: 3, openBelowRate: 0.5, smoothing: 0.3 })
    for (let i = 0; i < 30 && targets.state()[0]?.circuit === 'closed'; i++) {
      if (i % 3 === 2) only(targets, 0).begin().end({ kind: 'success', firstPieceMs: 5 })
      else fail(targets, 0, 'TIMEOUT')
    }
    expect(targets.state()[0]).toMatchObject({ circuit: 'open' })
  })

  it('one who refuses us is asked by name only while its circuit is open, one who was not reached when all else failed', async () => {
    const { targets } = await setUp([aNeuron(0), aNeuron(1), aNeuron(2)])
    fail(targets, 0, 'BLACKLISTED')
    fail(targets, 1, 'UNAVAILABLE', 3)
    expect(targets.choose(MODEL).map(({ target, isLastResort }) => [target.uid, isLastResort])).toEqual([
      [2, false],
      [1, true],
    ])
    expect(targets.choose(MODEL, { uids: [0] })).toMatchObject([{ target: { uid: 0 }, isLastResort: true }])
    fail(targets, 2, 'UNAUTHENTICATED')
    fail(targets, 1, 'BLACKLISTED')
    expect(targets.choose(MODEL).map(({ target }) => target.uid)).toEqual([1])
  })

  it('a target takes no more attempts than it may have in flight', async () => {
    const { targets } = await setUp([aNeuron(0)], { maxInFlight: 2 })
    const [candidate] = targets.choose(MODEL) as [Candidate]
    const leases = [candidate.begin(), candidate.begin()]
    expect(candidate.isFree()).toBe(false)
    expect(() => targets.choose(MODEL)).toThrow(
      expect.objectContaining({ detail: { netuid: 1, reasons: { 'it has as many requests as it may': 1 }, failed: [] } }),
    )
    leases[0]?.end({ kind: 'cancelled' })
    expect(candidate.isFree()).toBe(true)
    expect(targets.state()[0]).toMatchObject({ inFlight: 1 })
  })
})

describe('probes', () => {
  it('go to targets without recent outcomes only, a few at once, and bring back those that were down', async () => {
    const probed: number[] = []
    let atOnce = 0
    let most = 0
    const gate = { down: true }
    const probe = async ({ uid }: AxonTarget): Promise<void> => {
      probed.push(uid)
      most = Math.max(most, ++atOnce)
      await Promise.resolve()
      atOnce--
      if (uid === 1 && gate.down) throw new DendriteError('UNAVAILABLE', 'refused')
    }
    const rows = [...Array.from({ length: 8 }, (_, uid) => aNeuron(uid)), aNeuron(8, { stake: 0n })]
    const { targets, clock, metrics } = await setUp(rows, { maxProbes: 3, forgetMs: 60_000 }, probe)
    await targets.start()
    await clock.pass(20_000)
    only(targets, 0).begin().end({ kind: 'success', firstPieceMs: 50 })
    await clock.pass(12_000)
    expect(probed.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(most).toBe(3)
    for (let i = 0; i < 4; i++) await clock.pass(31_000)
    expect(targets.state()[1]).toMatchObject({ circuit: expect.stringMatching('open'), lastReturnCode: 'UNAVAILABLE' })
    gate.down = false
    for (let i = 0; i < 20; i++) await clock.pass(31_000)
    expect(targets.state()[1]).toMatchObject({ circuit: 'closed' })
    expect(await metrics.metrics()).toMatch(/tao_prompt_probes_total\{outcome="failed"\} [3-9]/)
    targets.close()
  })

  it('that succeed speak for the target, by half of what an answer would', async () => {
    const { targets } = await setUp([aNeuron(0)], { openAfter: 100, probeMs: 0 }, async () => undefined)
    fail(targets, 0, 'TIMEOUT', 10)
    const before = targets.state()[0]?.successRate as number
    await targets.probe()
    expect(targets.state()[0]?.successRate as number).toBeCloseTo(before + 0.1 * (1 - before), 9)
  })

  it('do not lift a blacklist, and one that hangs is given up', async () => {
    const answers = { hangs: false }
    const { targets, clock } = await setUp([aNeuron(0)], {}, async () => (answers.hangs ? new Promise<never>(() => undefined) : undefined))
    fail(targets, 0, 'BLACKLISTED')
    await clock.pass(300_000)
    await targets.probe()
    expect(targets.state()[0]).toMatchObject({ circuit: 'half-open' })
    answers.hangs = true
    await clock.pass(30_000)
    const probing = targets.probe()
    await clock.pass(5_000)
    await probing
    expect(targets.state()[0]).toMatchObject({ circuit: 'open', lastReturnCode: 'TIMEOUT' })
  })
})

describe('the order', () => {
  const one = { stake: 2_000n * TAO, validatorTrust: 0, uid: 0, rate: 0.9, latencyMs: 500, gating: 0.5 }

  it('weighs stake, success, latency and gating as written', () => {
    const expected = Math.sqrt(2_001) * 0.81 * (2_000 / 2_500) * 0.55
    expect(weightOf(one, TARGET_DEFAULTS)).toBeCloseTo(expected, 9)
    expect(weightOf({ ...one, latencyMs: null }, TARGET_DEFAULTS)).toBeCloseTo((expected / 0.8) * 0.5, 9)
    expect(weightOf({ ...one, rate: 0, gating: 0, stake: 0n }, TARGET_DEFAULTS)).toBeGreaterThan(0)
  })

  it('is drawn with chances that are the shares of the weights, for the first and for the second place', () => {
    const random = seededRandom(11)
    const pool = [500n, 2_000n, 8_000n, 32_000n].map((stake, uid) => ({
      ...one,
      uid,
      stake: stake * TAO,
      gating: [1, 0.2, 0.6, 0.3][uid] ?? 0,
    }))
    const weights = pool.map((target) => weightOf(target, TARGET_DEFAULTS))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const draws = 40_000
    const firsts = [0, 0, 0, 0]
    const seconds = [0, 0, 0, 0]
    for (let i = 0; i < draws; i++) {
      const [first, second] = inOrder(pool, 'fastest', TARGET_DEFAULTS, random).map(({ uid }) => uid)
      firsts[first as number]! += 1
      seconds[second as number]! += 1
    }
    for (const [uid, weight] of weights.entries()) {
      const second = weights.reduce((sum, other, i) => (i === uid ? sum : sum + (other / total) * (weight / (total - other))), 0)
      // Four standard deviations of a share of 40,000 draws are 0.01 at most.
      expect(Math.abs((firsts[uid] as number) / draws - weight / total)).toBeLessThan(0.01)
      expect(Math.abs((seconds[uid] as number) / draws - second)).toBeLessThan(0.01)
    }
  })

  it('ends after as many as are wanted, those in need last', async () => {
    const { targets } = await setUp(Array.from({ length: 6 }, (_, uid) => aNeuron(uid)))
    for (const uid of [0, 1, 2]) fail(targets, uid, 'UNAVAILABLE', 3)
    const resort = (topN: number): boolean[] => targets.choose(MODEL, { topN }).map(({ isLastResort }) => isLastResort)
    expect(resort(2)).toEqual([false, false])
    expect(resort(4)).toEqual([false, false, false, true])
  })

  it('is the same for the same random numbers, and that of stake needs none', () => {
    const pool = Array.from({ length: 20 }, (_, uid) => ({ ...one, uid, validatorTrust: uid % 3, stake: BigInt(2_000 - (uid % 5)) * TAO }))
    const order = (seed: number): number[] => inOrder(pool, 'best_of', TARGET_DEFAULTS, seededRandom(seed)).map(({ uid }) => uid)
    expect(order(3)).toEqual(order(3))
    expect(order(3)).not.toEqual(order(4))
    const byStake = inOrder(pool, 'stake', TARGET_DEFAULTS, () => 0.5)
    expect(byStake.slice(0, 4).map(({ uid }) => uid)).toEqual([5, 10, 0, 15])
    const later = byStake.slice(1).every((target, i) => target.stake <= (byStake[i] as { stake: bigint }).stake)
    expect(later).toBe(true)
  })

  it('forgets old failures with time', async () => {
    const { targets, clock } = await setUp([aNeuron(0)], { openAfter: 100, openBelowRate: 0 })
    fail(targets, 0, 'TIMEOUT', 20)
    const before = targets.state()[0]?.successRate as number
    await clock.pass(600_000)
    expect(targets.state()[0]?.successRate as number).toBeCloseTo((before + 0.75) / 2, 5)
  })
})

it('percentiles are of the newest, by nearest rank', () => {
  const latencies = createLatencies(20)
  expect(latencies.percentile(0.95)).toBeNull()
  for (let ms = 1; ms <= 30; ms++) latencies.add(ms)
  expect([
    latencies.count(),
    latencies.percentile(0),
    latencies.percentile(0.5),
    latencies.percentile(0.95),
    latencies.percentile(1),
  ]).toEqual([20, 11, 20, 29, 30])
})

it('the clock of the process runs timers once, and not those that were taken back', async () => {
  const ran: string[] = []
  const startedAt = systemClock.now()
  systemClock.after(1, () => ran.push('never'))()
  const kept = setTimeout(() => undefined, 1_000)
  await new Promise<void>((resolve) => void systemClock.after(20, resolve))
  clearTimeout(kept)
  expect(systemClock.now() - startedAt).toBeGreaterThan(15)
  expect(ran).toEqual([])
})
