import { Metadata, TypeRegistry } from '@polkadot/types'
import { blake2AsU8a, sr25519Verify } from '@polkadot/util-crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { fromHex, toHex } from '../../core/units/bytes.js'
import { createDevnetRuntime } from '../../devnet/runtime/compose.js'
import { createRuntime, type Runtime } from '../runtime.js'
import { ensureSignable, type RegistrationCall } from './calls.js'
import { createEncoder, eraBytes, periodFor } from './extrinsic.js'
import { keyPairOf, type KeyPair } from './keys.js'

const GENESIS: Hex = `0x${'ab'.repeat(32)}`
const BIRTH: Hex = `0x${'cd'.repeat(32)}`
const TAO = 10n ** 9n

describe('signed extrinsics', () => {
  let hot: KeyPair
  let cold: KeyPair
  let runtime: Runtime
  const registry = new TypeRegistry()

  beforeAll(async () => {
    ;[hot, cold] = [await keyPairOf('//hot'), await keyPairOf('//cold')]
    const { metadata } = createDevnetRuntime()
    runtime = createRuntime({ specName: 'node-subtensor', specVersion: 143, transactionVersion: 1, metadata })
    registry.setMetadata(new Metadata(registry, toHex(metadata)))
  })

  const calls = (): [KeyPair, RegistrationCall][] => [
    [
      hot,
      {
        kind: 'register',
        netuid: 300,
        blockNumber: 70_000,
        nonce: 2n ** 64n - 1n,
        work: `0x${'5e'.repeat(32)}`,
        hotkey: hot.publicKey,
        coldkey: cold.publicKey,
      },
    ],
    [cold, { kind: 'burnedRegister', netuid: 1, hotkey: hot.publicKey, limitRao: TAO }],
  ]

  test.each([
    { nonce: 0n, tip: 0n, period: 4, birthBlock: 7 },
    { nonce: 63n, tip: 2n ** 14n, period: 64, birthBlock: 70_001 },
    { nonce: 2n ** 30n, tip: 2n ** 62n + 5n, period: 4096, birthBlock: 123_456_789 },
  ])('are read by another library as what was meant: %o', ({ nonce, tip, period, birthBlock }) => {
    for (const [pair, call] of calls()) {
      const bytes = createEncoder(runtime).sign({ call, nonce, tip, mortality: { period, birthBlock, birthHash: BIRTH } }, pair, GENESIS)
      const read = registry.createType('Extrinsic', bytes)
      expect(read.toHex()).toBe(toHex(bytes))
      expect(read.signer.toHex()).toBe(`0x00${pair.publicKey.slice(2)}`)
      expect([read.nonce.toBigInt(), read.tip.toBigInt()]).toEqual([nonce, tip])
      const era = read.era.asMortalEra
      expect([era.period.toNumber(), era.birth(birthBlock), era.birth(birthBlock + period - 1)]).toEqual([period, birthBlock, birthBlock])
      expect(read.method.args.map((arg) => (arg.toRawType() === 'u64' ? arg.toString() : arg.toHex()))).toEqual(
        call.kind === 'register'
          ? ['0x012c', '70000', String(2n ** 64n - 1n), call.work, hot.publicKey, cold.publicKey]
          : ['0x0001', hot.publicKey],
      )
      // The payload, made by the other library out of the same parts.
      const payload = registry.createType('ExtrinsicPayload', {
        method: read.method.toHex(),
        era: read.era.toHex(),
        nonce,
        tip,
        specVersion: 143,
        transactionVersion: 1,
        genesisHash: GENESIS,
        blockHash: BIRTH,
        version: 4,
      }) as unknown as { toU8a(options: { method: boolean }): Uint8Array }
      const signed = payload.toU8a({ method: true })
      const message = signed.length > 256 ? blake2AsU8a(signed, 256) : signed
      const signature = (read.signature as unknown as { toU8a(): Uint8Array }).toU8a().slice(-64)
      expect(sr25519Verify(message, signature, fromHex(pair.publicKey))).toBe(true)
    }
  })

  test('are not made for calls that the runtime does not have', () => {
    const encoder = createEncoder(runtime)
    const mortality = { period: 4, birthBlock: 1, birthHash: BIRTH }
    const limit: RegistrationCall = { kind: 'registerLimit', netuid: 1, hotkey: hot.publicKey, limitRao: 1n }
    const [, register] = calls()[0] as [KeyPair, RegistrationCall & { kind: 'register' }]
    for (const call of [limit, { ...register, kind: 'proxyRegister' as const }]) {
      expect(() => encoder.sign({ call, nonce: 0n, tip: 0n, mortality }, cold, GENESIS)).toThrow(/has no call/)
    }
  })

  test('are not made without the transaction version', () => {
    const [pair, call] = calls()[0] as [KeyPair, RegistrationCall]
    const encoder = createEncoder({ ...runtime, transactionVersion: null })
    const mortality = { period: 4, birthBlock: 1, birthHash: BIRTH }
    expect(() => encoder.sign({ call, nonce: 0n, tip: 0n, mortality }, pair, GENESIS)).toThrow(/transaction version/)
  })

  test('have eras that are powers of two', () => {
    expect([1, 4, 5, 8, 33, 4096].map(periodFor)).toEqual([4, 4, 8, 8, 64, 4096])
    expect(() => periodFor(4097)).toThrow(/4096/)
    // The example of the runtime's own documentation: a period of 32768 is out of reach here, 64 from block 42 on is 0xa5 0x02.
    expect(eraBytes({ period: 64, birthBlock: 42 })).toEqual(Uint8Array.of(0xa5, 0x02))
  })

  test('are never made for "register" where it is a purchase, whoever signs', () => {
    const [pair, call] = calls()[0] as [KeyPair, RegistrationCall & { kind: 'register' }]
    expect(() => ensureSignable(call, pair.publicKey, { ...runtime, specVersion: 400 })).not.toThrow()
    for (const later of [
      { ...runtime, specVersion: 401 },
      { ...runtime, specVersion: 394, hasCall: (_: string, name: string) => name === 'register_limit' },
    ]) {
      for (const kind of ['register', 'proxyRegister'] as const) {
        const attempt = (): void => ensureSignable({ ...call, kind }, kind === 'register' ? pair.publicKey : cold.publicKey, later)
        expect(attempt).toThrow(expect.objectContaining({ code: 'REFUSED', detail: { reason: 'POW_REMOVED' } }) as Error)
      }
    }
  })
})
