import fc from 'fast-check'
import { isIPv6 } from 'node:net'
import { expect, test } from 'vitest'
import { equalBytes, fromHex, isHex, toHex } from './bytes.js'
import { formatIp, parseIp } from './ip.js'
import { formatTao, parseTao } from './rao.js'

test('bytes and hex turn into each other', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes)
      expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes)
      expect(isHex(toHex(bytes), bytes.length)).toBe(true)
    }),
  )
  expect(toHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe('0x0203')
})

test.each(['0x1', 'xyz', '0x12 4', '0x0x12', '0x1g'])('%j is not hex', (text) => {
  expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  expect(isHex(text)).toBe(false)
})

test('bytes are compared by content', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
})

test.each([
  [0n, '0'],
  [1n, '0.000000001'],
  [1_500_000_000n, '1.5'],
  [-2_000_000_000n, '-2'],
  [21_000_000_000_000_000n, '21000000'],
])('%s rao are %s TAO', (rao, text) => {
  expect(formatTao(rao)).toBe(text)
  expect(parseTao(text)).toBe(rao)
})

test('amounts survive the way to TAO and back', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 70n), 2n ** 70n), (rao) => {
      expect(parseTao(formatTao(rao))).toBe(rao)
    }),
  )
})

test.each(['', '1.', '.5', '1e9', '1.0000000001', '1,5', ' 1'])('%j is not an amount', (text) => {
  expect(() => parseTao(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
})

// Numbers and texts as axons on the chain hold them; the v6 forms are those of RFC 5952.
test.each([
  ['0.0.0.0', 4, 0n],
  ['1.2.3.4', 4, 16_909_060n],
  ['255.255.255.255', 4, 4_294_967_295n],
  ['::', 6, 0n],
  ['::1', 6, 1n],
  ['::ffff:1.2.3.4', 6, 281_470_698_652_420n],
  ['2001:db8:85a3::8a2e:370:7334', 6, 42_540_766_452_641_154_071_740_215_577_757_643_572n],
  ['2001:db8:0:1:1:1:1:1', 6, 42_540_766_411_282_592_875_351_010_504_635_121_665n],
  ['2001:0:0:1::1', 6, 42_540_488_161_975_842_778_997_100_499_009_798_145n],
  ['1::', 6, 5_192_296_858_534_827_628_530_496_329_220_096n],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 6, 2n ** 128n - 1n],
])('%s is stored with type %i as %s', (text, ipType, ip) => {
  expect(formatIp(ip, ipType)).toBe(text)
  expect(parseIp(text)).toEqual({ ip, ipType })
})

test('long forms are read too', () => {
  expect(parseIp('2001:0DB8:0000:0000:0000:0000:0000:0001')).toEqual(parseIp('2001:db8::1'))
})

test('every number that fits its type has a text that reads as the same number', () => {
  // Groups of zeros are where the short form is decided.
  const group = fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn))
  const v6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.reduce((ip, g) => (ip << 16n) | g, 0n))
  fc.assert(
    fc.property(v6, (ip) => {
      const text = formatIp(ip, 6) as string
      expect(isIPv6(text)).toBe(true)
      expect(parseIp(text)).toEqual({ ip, ipType: 6 })
    }),
    { numRuns: 500 },
  )
})

test('a number that is no address of its type has no text', () => {
  expect(formatIp(2n ** 32n, 4)).toBeNull()
  expect(formatIp(2n ** 128n, 6)).toBeNull()
  expect(formatIp(1n, 5)).toBeNull()
  expect(formatIp(-1n, 4)).toBeNull()
})

test.each(['', '1.2.3', '1.2.3.256', '::g', 'fe80::1%eth0', 'example'])('%j is not an address', (text) => {
  expect(() => parseIp(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
})
