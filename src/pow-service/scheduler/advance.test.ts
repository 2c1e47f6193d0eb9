import { describe, expect, it } from 'vitest'
import type { Registration, RegistrationTarget } from '../../core/registrations.js'
import { advance, type AdvanceContext } from './advance.js'
import type { Head, TargetFacts } from './facts.js'

const HEAD: Head = { number: 100, hash: '0xaa', parentHash: '0x99', specVersion: 143 }
const NOW = new Date('2026-01-01T00:00:00Z')

function context(over: Partial<AdvanceContext> = {}): AdvanceContext {
  return { head: HEAD, now: NOW, maxSolutions: 3, hasRoom: () => true, ...over }
}

function target(over: Partial<RegistrationTarget> = {}): RegistrationTarget {
  return { netuid: 1, state: 'pending', reason: null, solution: null, offer: null, uid: null, registeredBlock: null, ...over }
}

function registration(over: Partial<Registration> = {}): Registration {
  return {
    ...{
      id: 'a',
      customer: 'c',
      genesisHash: '0x00',
      hotkey: 'h',
      coldkey: null,
      mode: 'solve',
      maxCost: null,
      state: 'queued',
      reason: null,
    },
    ...{ targets: [target()], attempts: 0, solutions: 0, sent: [], deadline: '2026-01-02T00:00:00Z', createdAt: '2025-12-31T00:00:00Z' },
    ...{ updatedAt: '2025-12-31T00:00:00Z', endedAt: null, version: 1, ...over },
  }
}

function facts(over: Partial<TargetFacts> = {}): Map<number, TargetFacts> {
  const one: TargetFacts = {
    ...{
      netuid: 1,
      uid: null,
      refusal: null,
      difficulty: 1000n,
      byteOrder: 'big',
      burn: 500n,
      perBlock: 1,
      left: 6,
      hasRegisterLimit: false,
    },
    ...over,
  }
  return new Map([[one.netuid, one]])
}

function solution(blockNumber: number, blockHash: `0x${string}`): RegistrationTarget['solution'] {
  const validIn: [number, number] = [blockNumber + 1, blockNumber + 2]
  return {
    netuid: 1,
    blockNumber,
    blockHash,
    nonce: '1',
    work: '0x00',
    difficulty: '1',
    byteOrder: 'big',
    validIn,
    foundAt: NOW.toISOString(),
  }
}

describe('a registration after a head', () => {
  it('is solved for when the chain would take it', () => {
    const { registration: after, wanted } = advance(registration(), facts(), context())
    expect(after.state).toBe('solving')
    expect(wanted.map(({ netuid }) => netuid)).toEqual([1])
  })

  it('waits with the reason of the chain, and fails with one that does not pass', () => {
    const reason = { code: 'QUOTA_USED', message: 'full', retryAtBlock: 120 }
    const waiting = advance(registration(), facts({ refusal: { reason, final: false } }), context())
    expect(waiting).toMatchObject({ registration: { state: 'waiting', reason }, wanted: [] })
    const failed = advance(registration(), facts({ refusal: { reason, final: true } }), context())
    expect(failed).toMatchObject({ registration: { state: 'failed', reason, endedAt: NOW.toISOString() }, wanted: [] })
  })

  it('keeps a solution on the head and on its parent, and drops it a block later and when its block left the chain', () => {
    const on = (block: number, hash: `0x${string}`): ReturnType<typeof advance> =>
      advance(registration({ state: 'ready', targets: [target({ state: 'ready', solution: solution(block, hash) })] }), facts(), context())
    expect(on(100, '0xaa')).toMatchObject({ registration: { state: 'ready' }, wanted: [], stale: 0 })
    // The older of the two is worth replacing while it still lives.
    expect(on(99, '0x99')).toMatchObject({ registration: { state: 'ready' }, wanted: [{ netuid: 1 }], stale: 0 })
    for (const [block, hash] of [
      [98, '0x98'],
      [99, '0x77'],
      [100, '0x77'],
      [101, '0xbb'],
    ] as const)
      expect(on(block, hash)).toMatchObject({ registration: { state: 'solving', targets: [{ solution: null }] }, stale: 1 })
  })

  it('is registered when the hotkey has a place, and tells it', () => {
    const { registration: after, wanted } = advance(registration(), facts({ uid: 7 }), context())
    expect(after).toMatchObject({ state: 'registered', targets: [{ state: 'registered', uid: 7, registeredBlock: 100 }] })
    expect(wanted).toEqual([])
  })

  it('of several subnets ends when all have ended, and says when not all were registered', () => {
    const two = [target(), target({ netuid: 2, state: 'failed', reason: { code: 'X', message: 'x' } })]
    expect(advance(registration({ targets: two }), facts(), context()).registration.state).toBe('solving')
    const after = advance(registration({ targets: two }), facts({ uid: 3 }), context()).registration
    expect(after).toMatchObject({ state: 'failed', reason: { code: 'NOT_ALL' } })
  })

  it('gives way where enough solutions are out, and keeps its own', () => {
    const full = context({ hasRoom: () => false })
    expect(advance(registration(), facts(), full)).toMatchObject({
      registration: { state: 'waiting', reason: { code: 'OTHERS_FIRST' } },
      wanted: [],
    })
    const own = registration({ targets: [target({ state: 'ready', solution: solution(99, '0x99') })] })
    expect(advance(own, facts(), full).wanted).toHaveLength(1)
  })

  it('expires at its deadline, and is given up when nobody uses its solutions', () => {
    const late = context({ now: new Date('2026-01-02T00:00:00Z') })
    expect(advance(registration(), facts(), late).registration).toMatchObject({ state: 'expired', reason: { code: 'DEADLINE' } })
    expect(advance(registration({ solutions: 3 }), facts(), context()).registration).toMatchObject({
      state: 'failed',
      reason: { code: 'NOT_SUBMITTED' },
    })
  })

  it('in burn mode offers the price up to the limit and not a rao above it', () => {
    const burn = registration({ mode: 'burn', maxCost: '500' })
    expect(advance(burn, facts(), context())).toMatchObject({
      registration: { state: 'ready', targets: [{ offer: { price: '500', atBlock: 100, call: 'burned_register' } }] },
      wanted: [],
    })
    const after = advance(burn, facts({ burn: 501n, hasRegisterLimit: true }), context()).registration
    expect(after).toMatchObject({ state: 'waiting', reason: { code: 'TOO_EXPENSIVE' }, targets: [{ offer: null }] })
  })

  it('stays what it is without facts, and once it has ended', () => {
    const ended = registration({ state: 'cancelled' })
    expect(advance(ended, facts(), context()).registration).toBe(ended)
    const solving = registration({ state: 'waiting', reason: { code: 'X', message: 'x' } })
    expect(advance(solving, new Map(), context()).registration).toBe(solving)
  })
})
