import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sparseRows, type SparseRows } from '../sparse-rows.js'
import { decodeInputs, encodeInputs, packInputs, unpackInputs, type AuditInputs } from './inputs.js'

const u16 = fc.integer({ min: 0, max: 65_535 })
const u64 = fc.bigInt(0n, 2n ** 64n - 1n)
const block = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const list = <T>(item: fc.Arbitrary<T>, n: number): fc.Arbitrary<T[]> => fc.array(item, { minLength: n, maxLength: n })
const flags = (n: number): fc.Arbitrary<Uint8Array> => list(fc.integer({ min: 0, max: 1 }), n).map((values) => Uint8Array.from(values))
const amounts = (n: number): fc.Arbitrary<BigUint64Array> => list(u64, n).map((values) => BigUint64Array.from(values))
const blocks = (n: number): fc.Arbitrary<Float64Array> => list(block, n).map((values) => Float64Array.from(values))
const matrix = (n: number): fc.Arbitrary<SparseRows> => list(fc.array(fc.tuple(u16, u16), { maxLength: 6 }), n).map(sparseRows)

const subnet: fc.Arbitrary<AuditInputs> = fc.integer({ min: 0, max: 8 }).chain((n) =>
  fc.record({
    kind: fc.constant('subnet' as const),
    netuid: u16,
    block,
    tempo: u16,
    n: fc.constant(n),
    kappa: u16,
    bondsMovingAverage: u64,
    activityCutoff: u16,
    maxAllowedValidators: u16,
    emission: u64,
    registered: flags(n),
    stake: amounts(n),
    lastUpdate: blocks(n),
    registeredBlock: blocks(n),
    validatorPermit: flags(n),
    weights: matrix(n),
    bonds: matrix(n),
  }),
)

const root: fc.Arbitrary<AuditInputs> = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 5 })).chain(([n, k]) =>
  fc.record({
    kind: fc.constant('root' as const),
    block,
    tempo: u16,
    n: fc.constant(n),
    netuids: list(u16, k),
    before: amounts(k),
    totalNetworks: u16,
    blockEmission: u64,
    rho: u16,
    kappa: u16,
    stake: amounts(n),
    weights: matrix(n),
  }),
)

describe('inputs as bytes', () => {
  test.each([
    ['a subnet', subnet],
    ['the root network', root],
  ])('of %s come back as they were', async (_, arbitrary) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (inputs) => {
        expect(decodeInputs(encodeInputs(inputs))).toEqual(inputs)
        const { bytes, hash } = await packInputs(inputs)
        expect(unpackInputs(bytes, hash)).toEqual(inputs)
      }),
    )
  })

  test('may be large: 300 uids with full rows', async () => {
    const n = 300
    const full = sparseRows(
      Array.from({ length: n }, (_, uid) => Array.from({ length: n }, (_, other) => [other, (uid * other) & 0xffff] as const)),
    )
    const [small] = fc.sample(subnet, { numRuns: 1, seed: 3 }) as [Extract<AuditInputs, { kind: 'subnet' }>]
    const lists = { registered: new Uint8Array(n), stake: new BigUint64Array(n).fill(7n), lastUpdate: new Float64Array(n).fill(5) }
    const large = {
      ...small,
      ...lists,
      n,
      registeredBlock: new Float64Array(n),
      validatorPermit: new Uint8Array(n),
      weights: full,
      bonds: full,
    }
    const { bytes, hash } = await packInputs(large)
    expect(unpackInputs(bytes, hash)).toEqual(large)
    expect(encodeInputs(large).length).toBeGreaterThan(700_000)
  })

  test('have one encoding: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(fc.oneof(subnet, root), fc.nat(), fc.integer({ min: 1, max: 255 }), (inputs, at, flip) => {
        const bytes = encodeInputs(inputs)
        const place = at % bytes.length
        bytes[place] = (bytes[place] as number) ^ flip
        let decoded: AuditInputs
        try {
          decoded = decodeInputs(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          return
        }
        expect(Buffer.from(encodeInputs(decoded)).equals(bytes)).toBe(true)
      }),
    )
  })

  test('cut short or with something behind are no inputs', () => {
    const [inputs] = fc.sample(subnet, { numRuns: 1, seed: 7 }) as [AuditInputs]
    const bytes = encodeInputs(inputs)
    for (let length = 0; length < bytes.length; length++) expect(() => decodeInputs(bytes.subarray(0, length))).toThrow(RangeError)
    expect(() => decodeInputs(Uint8Array.from([...bytes, 0]))).toThrow('1 bytes too many')
  })

  test('that grow without end when inflated are refused', () => {
    const bomb = deflateRawSync(Buffer.alloc(300 << 20), { level: 9 })
    expect(unpackInputs(bomb, `0x${'00'.repeat(32)}`)).toBeNull()
  })
})
