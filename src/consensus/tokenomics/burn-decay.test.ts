import { describe, expect, test } from 'vitest'
import { decayed, decayFactor, increased } from './burn-decay.js'

const U64_MAX = 2n ** 64n - 1n
const ONE = 1n << 64n
const UNBOUND = { min: 0n, max: U64_MAX }

describe('a price that decays with every block', () => {
  test.each([
    // Numbers that the chain's own tests hold, pallets/subtensor/src/tests/registration.rs of spec 401.
    { halfLife: 1000, price: 2000n, bounds: UNBOUND, next: 1998n },
    { halfLife: 1, price: 150_000n, bounds: { min: 100_000n, max: U64_MAX }, next: 100_000n },
    { halfLife: 0, price: 777n, bounds: UNBOUND, next: 777n },
  ])('half-life $halfLife: $price becomes $next', ({ halfLife, price, bounds, next }) => {
    expect(decayed(price, bounds, decayFactor(halfLife))).toBe(next)
  })

  test('halve within the half-life, but for what truncation takes', () => {
    for (const halfLife of [1, 2, 7, 360, 4096, 36_100]) {
      const factor = decayFactor(halfLife)
      let price = 10n ** 15n
      for (let i = 0; i < halfLife; i++) price = decayed(price, UNBOUND, factor)
      const off = 5n * 10n ** 14n - price
      // A factor of 32 bits is off by 2^-32 or so, once a block.
      expect(off < 0n ? -off : off).toBeLessThan((BigInt(halfLife) * 10n ** 15n) >> 31n)
    }
  })

  test('rise with a registration, by a factor that is 1 at least', () => {
    const mult = (126n * ONE) / 100n
    expect(increased(1_000_000n, UNBOUND, mult)).toBe(1_259_999n)
    expect(increased(1_000_000n, UNBOUND, ONE / 2n)).toBe(1_000_000n)
    expect(increased(1_000_000n, { min: 0n, max: 1_100_000n }, mult)).toBe(1_100_000n)
  })
})
