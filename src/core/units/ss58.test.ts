import { decodeAddress, encodeAddress } from '@polkadot/util-crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex } from './bytes.js'
import { decodeSs58, encodeSs58, formatOfSs58, isSs58, parseAccountId } from './ss58.js'

const ALICE_HEX = '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d'
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'

const accountBytes = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  // Leading zeros are where base58 implementations differ.
  fc.tuple(fc.integer({ min: 0, max: 32 }), fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([n, bytes]) => bytes.fill(0, 0, n)),
)
const anyFormat = fc.integer({ min: 0, max: 16_383 }).filter((f) => f !== 46 && f !== 47)

test('a known account has its known address', () => {
  expect(encodeSs58(ALICE_HEX)).toBe(ALICE)
  expect(decodeSs58(ALICE)).toBe(ALICE_HEX)
})

test('every account has the address that @polkadot/util-crypto gives it, in every format', () => {
  fc.assert(
    fc.property(accountBytes, anyFormat, (bytes, format) => {
      const address = encodeSs58(toHex(bytes), format)
      expect(address).toBe(encodeAddress(bytes, format))
      expect(decodeSs58(address)).toBe(toHex(bytes))
      expect(formatOfSs58(address)).toBe(format)
    }),
    { numRuns: 300 },
  )
})

test('text is an address exactly when @polkadot/util-crypto reads it as one of 32 bytes', () => {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl é'
  const changed = fc
    .tuple(accountBytes, fc.constantFrom(0, 42, 63, 64, 12_850, 16_383), fc.nat(50), fc.constantFrom(...alphabet))
    .map(([bytes, format, at, character]) => {
      const address = encodeAddress(bytes, format)
      return address.slice(0, at) + character + address.slice(at + 1)
    })
  fc.assert(
    fc.property(changed, (text) => {
      expect(isSs58(text)).toBe(readByOracle(text))
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['', 'base58 text'],
  [ALICE.slice(0, -1), 'length|checksum'],
  [`${ALICE.slice(0, -1)}Z`, 'checksum'],
  ['0OIl'.repeat(12), 'base58 text'],
  ['1'.repeat(48), 'length|checksum'],
])('%j is refused with the reason', (text, reason) => {
  expect(() => decodeSs58(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT', message: expect.stringMatching(reason) }))
})

test('an account id of another length, and reserved formats, are refused', () => {
  expect(() => encodeSs58('0x1234')).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  for (const format of [-1, 46, 47, 16_384, 1.5]) expect(() => encodeSs58(ALICE_HEX, format)).toThrow(`${format} is not an ss58 format`)
})

test('users may type an account id as ss58 or as hex', () => {
  expect(parseAccountId(ALICE)).toBe(ALICE_HEX)
  expect(parseAccountId(ALICE_HEX.toUpperCase().replace('0X', '0x'))).toBe(ALICE_HEX)
  expect(() => parseAccountId('0x1234')).toThrow('32 bytes')
})

test('answers stay the same when the cache has been filled and dropped', () => {
  const id = (n: number) => toHex(fromHex(n.toString(16).padStart(64, '0')))
  const first = encodeSs58(id(1))
  for (let n = 0; n < 100_100; n++) encodeSs58(id(n))
  expect(encodeSs58(id(1))).toBe(first)
})

function readByOracle(text: string): boolean {
  try {
    return decodeAddress(text).length === 32
  } catch {
    return false
  }
}
