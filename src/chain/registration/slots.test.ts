import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import type { ChainState } from '../state.js'
import { readSlots } from './slots.js'

const account = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`

interface Subnet {
  /** Block of registration of each uid, whose hotkey is `account(uid)`. */
  registered: number[]
  period?: number
  floor?: number
  limit?: number
  owned?: number[]
  ownerHotkey?: number
  /** Absent in runtimes that always find somebody. */
  protects?: boolean
}

/** State after block 1000. */
function stateOf({ registered, period = 100, floor = 2, limit = 1, owned = [], ownerHotkey, protects = true }: Subnet): ChainState {
  const values: Record<string, (...args: unknown[]) => unknown> = {
    Keys: (_, uid) => account(uid as number),
    BlockAtRegistration: (_, uid) => BigInt(registered[uid as number] ?? 0),
    ImmunityPeriod: () => period,
    MinNonImmuneUids: () => floor,
    ImmuneOwnerUidsLimit: () => limit,
    SubnetOwner: () => account(9999),
    SubnetOwnerHotkey: () => (ownerHotkey === undefined ? null : account(ownerHotkey)),
    OwnedHotkeys: () => owned.map(account),
  }
  const many = (_: string, item: string, args: readonly (readonly unknown[])[]) =>
    Promise.resolve(args.map((one) => values[item]?.(...one) ?? null))
  return {
    height: 1000,
    has: (_: string, item: string) => item !== 'MinNonImmuneUids' || protects,
    many,
    stored: many,
    get: (_: string, item: string, ...args: unknown[]) => Promise.resolve(values[item]?.(...args) ?? null),
  } as unknown as ChainState
}

const OLD = 100
const NEW = 950

describe('a place for a newcomer', () => {
  test.each([
    { why: 'no places at all', subnet: { registered: [] }, maxNeurons: 0, slot: 'none' },
    { why: 'not full', subnet: { registered: [OLD] }, maxNeurons: 2, slot: 'free' },
    { why: 'full, in a runtime that always prunes', subnet: { registered: [NEW, NEW], protects: false }, slot: 'prunable' },
    { why: 'more old ones than must stay', subnet: { registered: [OLD, OLD, OLD] }, slot: 'prunable' },
    { why: 'as many old ones as must stay', subnet: { registered: [OLD, OLD] }, slot: 'none' },
    { why: 'those, and one that is immune', subnet: { registered: [OLD, OLD, NEW] }, slot: 'prunable' },
    { why: 'all immune', subnet: { registered: [NEW, NEW] }, slot: 'prunable' },
    // Executed in block 1001: 901 + 100 is over, 902 + 100 is not.
    { why: 'immunity ends in the next block', subnet: { registered: [901, OLD], floor: 2 }, slot: 'none' },
    { why: 'immunity ends a block later', subnet: { registered: [902, OLD], floor: 2 }, slot: 'prunable' },
    { why: 'the last one is of the owner', subnet: { registered: [OLD, OLD, NEW], owned: [2] }, slot: 'none' },
    { why: 'the owner has more than are protected', subnet: { registered: [OLD, OLD, NEW, NEW], owned: [2, 3] }, slot: 'prunable' },
    {
      why: 'the declared hotkey takes the place of the first',
      subnet: { registered: [OLD, OLD, OLD], owned: [0], ownerHotkey: 2, floor: 2 },
      slot: 'none',
    },
    { why: 'nobody but the owner', subnet: { registered: [OLD], owned: [0], floor: 0 }, slot: 'none' },
    {
      why: 'a limit of zero protects nobody',
      subnet: { registered: [OLD], owned: [0], ownerHotkey: 0, floor: 0, limit: 0 },
      slot: 'prunable',
    },
  ])('$why: $slot', async ({ subnet, maxNeurons, slot }) => {
    const neurons = subnet.registered.length
    expect(await readSlots(stateOf(subnet), [{ netuid: 1, neurons, maxNeurons: maxNeurons ?? neurons }])).toEqual([slot])
  })
})
