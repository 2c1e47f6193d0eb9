import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blocksUntilNextEpoch, epochDue, queueEmission2023, queueEmission2024 } from './emission-queue.js'

const { epochs } = JSON.parse(readFileSync(new URL('fixtures/emission.json', import.meta.url), 'utf8')) as {
  epochs: { cases: [number, number, number, number][] }
}

const u64 = fc.bigInt(0n, 2n ** 64n - 1n)
const u16 = fc.integer({ min: 0, max: 65_535 })

describe('blocks until the next epoch', () => {
  test.each(epochs.cases)('netuid %i, tempo %i, block %i: %i', (netuid, tempo, block, expected) => {
    expect(blocksUntilNextEpoch(netuid, tempo, block)).toBe(expected)
    expect(epochDue(netuid, tempo, block)).toBe(expected === 0)
  })

  test('count down to an epoch every tempo + 1 blocks', () => {
    fc.assert(
      fc.property(u16, fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 0, max: 2 ** 40 }), (netuid, tempo, block) => {
        const left = blocksUntilNextEpoch(netuid, tempo, block)
        expect(left).toBeGreaterThanOrEqual(0)
        expect(left).toBeLessThanOrEqual(tempo)
        expect(blocksUntilNextEpoch(netuid, tempo, block + 1)).toBe(left === 0 ? tempo : left - 1)
        expect(epochDue(netuid, tempo, block + left)).toBe(true)
      }),
    )
  })

  test('run out in every tenth block at a tempo of 9', () => {
    expect(Array.from({ length: 40 }, (_, block) => block).filter((block) => epochDue(1, 9, block))).toEqual([7, 17, 27, 37])
  })

  test('never come with a tempo of 0', () => {
    fc.assert(fc.property(u16, fc.integer({ min: 0, max: 2 ** 40 }), (netuid, block) => !epochDue(netuid, 0, block)))
  })
})

describe('what a block puts aside', () => {
  test('was all of it in 2023', () => {
    fc.assert(
      fc.property(u64, u16, (value, cut) => queueEmission2023(value, cut).queued === value && queueEmission2023(value, cut).owner === 0n),
    )
  })

  test('is all of it for a subnet without an owner', () => {
    fc.assert(fc.property(u64, (value) => queueEmission2024(value, null).queued === value && queueEmission2024(value, null).owner === 0n))
  })

  test('is floor(value * cut / 65535) for the owner and at most one rao less than the rest for the subnet', () => {
    fc.assert(
      fc.property(u64, u16, (value, ownerCut) => {
        const { queued, owner } = queueEmission2024(value, ownerCut)
        const lost = value - queued - owner
        expect(owner).toBe((value * BigInt(ownerCut)) / 65_535n)
        expect(lost === 0n || lost === 1n).toBe(true)
        const multiple = value - (value % 65_535n)
        const whole = queueEmission2024(multiple, ownerCut)
        expect(whole.queued + whole.owner).toBe(multiple)
      }),
    )
  })

  test('is known for 18% of one TAO: 11,796 of 65,535', () => {
    expect(queueEmission2024(1_000_000_000n, 11_796)).toEqual({ queued: 820_004_577n, owner: 179_995_422n })
    expect(queueEmission2024(1_000_000_000n, 0)).toEqual({ queued: 1_000_000_000n, owner: 0n })
    expect(queueEmission2024(1_000_000_000n, 65_535)).toEqual({ queued: 0n, owner: 1_000_000_000n })
  })
})
