import { TypeRegistry } from '@polkadot/types'
import { compactToU8a } from '@polkadot/util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../../core/units/bytes.js'
import { Reader } from './reader.js'

const registry = new TypeRegistry()

test('integers read as another library writes them', () => {
  const sizes = [64, 128, 256] as const
  fc.assert(
    fc.property(fc.constantFrom(...sizes), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (size, any) => {
      const value = BigInt.asUintN(size, any)
      const reader = new Reader(registry.createType(`u${size}`, value).toU8a())
      expect(size === 64 ? reader.u64() : size === 128 ? reader.u128() : reader.u256()).toBe(value)
      expect(reader.left).toBe(0)
    }),
  )
})

test('compact numbers of every size read as another library writes them', () => {
  const edges = [0n, 63n, 64n, 16_383n, 16_384n, 2n ** 30n - 1n, 2n ** 30n, 2n ** 64n - 1n, 2n ** 128n - 1n]
  const any = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }))
  fc.assert(
    fc.property(any, (value) => {
      const bytes = compactToU8a(value)
      const reader = new Reader(bytes)
      expect(reader.compact()).toBe(value)
      expect(reader.left).toBe(0)
      if (value < 2n ** 30n) expect(new Reader(bytes).compactLength()).toBe(Number(value))
      else expect(() => new Reader(bytes).compactLength()).toThrow(/above 2\^30/)
    }),
  )
})

test('bytes that end too early are an error that says where', () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3))
  reader.u8()
  expect(() => reader.u32()).toThrow('4 bytes wanted at 1 of 3')
})

test('a view into a larger buffer reads its own bytes', () => {
  const all = Uint8Array.of(9, 9, 1, 0, 0, 0, 9)
  const reader = new Reader(all.subarray(2, 6))
  expect(reader.u32()).toBe(1)
  expect(toHex(reader.bytes)).toBe('0x01000000')
})
