import { expect, test } from 'vitest'
import { encodeSs58 } from '../../core/units/ss58.js'
import { AddressScalar, BigIntScalar, DateTimeScalar, HashScalar } from './scalars.js'

const HEX = `0x${'0123456789abcdef'.repeat(4)}` as const

test('amounts go out as text and come in as text or whole numbers', () => {
  expect(BigIntScalar.serialize(2n ** 80n)).toBe('1208925819614629174706176')
  expect(BigIntScalar.parseValue('-21000000000000000')).toBe(-21_000_000_000_000_000n)
  expect(BigIntScalar.parseValue(7)).toBe(7n)
  for (const bad of ['1.5', '', '0x10', 1.5, 2 ** 60, true, null, '1'.repeat(60)])
    expect(() => BigIntScalar.parseValue(bad)).toThrow('BigInt wants')
})

test('addresses of any format and hex are one account; out goes format 42', () => {
  for (const text of [encodeSs58(HEX), encodeSs58(HEX, 0), HEX, HEX.toUpperCase().replace('0X', '0x')])
    expect(AddressScalar.parseValue(text)).toBe(HEX)
  expect(AddressScalar.serialize(HEX)).toBe(encodeSs58(HEX, 42))
  for (const bad of ['', '5x', '0x00', 5]) expect(() => AddressScalar.parseValue(bad)).toThrow()
})

test('times are UTC, with or without saying so', () => {
  expect(DateTimeScalar.parseValue('2024-05-01')).toEqual(new Date('2024-05-01T00:00:00Z'))
  expect(DateTimeScalar.parseValue('2024-05-01T10:00:00')).toEqual(new Date('2024-05-01T10:00:00Z'))
  expect(DateTimeScalar.parseValue('2024-05-01T10:00:00+02:00')).toEqual(new Date('2024-05-01T08:00:00Z'))
  expect(DateTimeScalar.serialize(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
  for (const bad of ['yesterday', '2024-13-01', '1', '']) expect(() => DateTimeScalar.parseValue(bad)).toThrow('DateTime wants')
})

test('hashes have 32 bytes', () => {
  expect(HashScalar.parseValue(HEX.toUpperCase().replace('0X', '0x'))).toBe(HEX)
  expect(() => HashScalar.parseValue('0x12')).toThrow('Hash wants')
})
