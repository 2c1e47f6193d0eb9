import { getPublicKey, secretFromSeed, sign, verify as verifyElsewhere } from '@scure/sr25519'
import { beforeAll, describe, expect, test } from 'vitest'
import { signedByHand, v5Vectors } from '../../test/support/v5-client.js'
import { fromHex, toHex } from '../core/units/bytes.js'
import { decodeSs58, encodeSs58 } from '../core/units/ss58.js'
import { keyPairFromSeed, prepareKeys } from '../core/wallet/keys.js'
import { createV5Nonces, signV5Call, v5SignedText, verifyV5Call, type V5Axon } from './grpc-auth.js'

const vectors = v5Vectors()
const SEED = new Uint8Array(32).fill(0x11)
const AXON = '5Fpfx4iDtrrY99VGkQnLXASytC2y9Z3o8KUyTtD4w7o5SZcA'
const CALLER = '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi'
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a'

beforeAll(prepareKeys)

function axonOf(options: Partial<V5Axon> = {}): V5Axon {
  return { hotkey: AXON, minVersion: 370, nonces: createV5Nonces(), ...options }
}

function check(metadata: readonly [string, string][], axon: V5Axon) {
  return verifyV5Call((key) => metadata.findLast(([name]) => name === key)?.[1], axon)
}

function replaced(metadata: readonly [string, string][], key: string, value: string): [string, string][] {
  return metadata.map(([name, old]) => [name, name === key ? value : old])
}

describe('vectors', () => {
  test.each(vectors.valid)('$name is accepted by every axon, once', (vector) => {
    for (const minVersion of vector.version_as_int < 510 ? [370] : [370, 510]) {
      const axon = axonOf({ minVersion, hotkey: vector.axon_hotkey })
      expect(check(vector.metadata, axon)).toEqual({
        ok: true,
        caller: {
          hotkey: vector.dendrite_hotkey,
          publicKey: decodeSs58(vector.dendrite_hotkey),
          version: vector.version_as_int,
          nonce: BigInt(vector.nonce),
          uuid: vector.uuid,
        },
      })
      expect(axon.nonces.last(vector.dendrite_hotkey, vector.uuid)).toBe(BigInt(vector.nonce))
      expect(check(vector.metadata, axon)).toEqual({ ok: false, details: 'Nonce is too small' })
    }
  })

  test.each(vectors.valid)('$name: we make the same, up to the signature, which others verify', async (vector) => {
    const pair = await keyPairFromSeed(fromHex(vector.dendrite_seed))
    const call = { axon: vector.axon_hotkey, nonce: BigInt(vector.nonce), uuid: vector.uuid, version: vector.version_as_int }
    expect(v5SignedText(call.nonce, pair.address, call.axon, call.uuid)).toBe(vector.signed_message)
    const metadata = signV5Call(pair, call)
    const ours = (metadata[1]?.[1] ?? '').split('.')[2] ?? ''
    expect(ours).toMatch(/^0x[0-9a-f]{128}$/)
    expect(metadata.map(([key, value]) => [key, value.replace(ours, vector.signature)])).toEqual(vector.metadata)
    const key = fromHex(pair.publicKey)
    for (const signature of [ours, vector.signature])
      expect(verifyElsewhere(Buffer.from(vector.signed_message), fromHex(signature), key)).toBe(true)
  })

  test.each(vectors.rejected)('$name: $details', async (refusal) => {
    const { address: hotkey } = await keyPairFromSeed(fromHex(refusal.axon_seed))
    const releases = refusal.tags.startsWith('5.3 only') ? [510] : [370, 510]
    for (const minVersion of releases) {
      const axon = axonOf({ hotkey, minVersion })
      for (const [key, nonce] of Object.entries(refusal.prior_nonces))
        axon.nonces.accept(...(key.split(':') as [string, string]), BigInt(nonce))
      const before = axon.nonces.last(CALLER, UUID)
      expect(check(refusal.metadata, axon)).toEqual({ ok: false, details: refusal.details })
      expect(axon.nonces.last(CALLER, UUID)).toBe(before)
    }
    if (!refusal.tags.includes('5.0-5.2 accept it')) return
    expect(check(refusal.metadata, axonOf({ hotkey }))).toMatchObject({ ok: true })
  })
})

describe('signatures of another implementation', () => {
  test('are accepted, plain and wrapped as browsers do', () => {
    const axon = axonOf()
    expect(check(signedByHand(SEED, AXON, 5n, UUID), axon)).toMatchObject({ ok: true, caller: { hotkey: CALLER, nonce: 5n } })
    const secret = secretFromSeed(SEED)
    const wrapped = toHex(sign(secret, Buffer.from(`<Bytes>6.${CALLER}.${AXON}.${UUID}</Bytes>`)))
    const metadata: [string, string][] = [
      ['bittensor-signature', `6.${CALLER}.${wrapped}.${UUID}`],
      ['bittensor-version', '510'],
    ]
    expect(check(metadata, axon)).toMatchObject({ ok: true, caller: { nonce: 6n } })
  })

  test('a caller is the same whichever ss58 format it writes', () => {
    const secret = secretFromSeed(SEED)
    const publicKey = toHex(getPublicKey(secret))
    const other = encodeSs58(publicKey, 0)
    const signature = toHex(sign(secret, Buffer.from(`7.${other}.${AXON}.${UUID}`)))
    const metadata: [string, string][] = [
      ['bittensor-signature', `7.${other}.${signature}.${UUID}`],
      ['bittensor-version', '510'],
    ]
    expect(check(metadata, axonOf())).toMatchObject({ ok: true, caller: { hotkey: CALLER, publicKey } })
  })
})

describe('nonces', () => {
  test('a fresh uuid may begin anywhere, and the one before keeps its own', () => {
    const axon = axonOf()
    expect(check(signedByHand(SEED, AXON, 1_000_000n, UUID), axon)).toMatchObject({ ok: true })
    expect(check(signedByHand(SEED, AXON, 3n, 'another'), axon)).toMatchObject({ ok: true })
    expect(check(signedByHand(SEED, AXON, 999_999n, UUID), axon)).toEqual({ ok: false, details: 'Nonce is too small' })
    expect(check(signedByHand(SEED, AXON, 1_000_001n, UUID), axon)).toMatchObject({ ok: true })
  })

  test('a bad signature uses none up', () => {
    const axon = axonOf()
    const good = signedByHand(SEED, AXON, 10n, UUID)
    const forged = replaced(good, 'bittensor-signature', (good[0]?.[1] ?? '').replace(/^10/, '11'))
    expect(check(forged, axon)).toEqual({ ok: false, details: 'Signature mismatch' })
    expect(check(good, axon)).toMatchObject({ ok: true })
  })

  test('are exact above 2^53', () => {
    const axon = axonOf()
    const big = 2n ** 63n
    expect(check(signedByHand(SEED, AXON, big, UUID), axon)).toMatchObject({ ok: true })
    expect(check(signedByHand(SEED, AXON, big, UUID), axon)).toMatchObject({ details: 'Nonce is too small' })
    expect(check(signedByHand(SEED, AXON, big + 1n, UUID), axon)).toMatchObject({ ok: true })
  })

  test('the number of kept ones is bounded: a caller pushes out its own oldest uuid, and only too many callers push out another', () => {
    const nonces = createV5Nonces({ perCaller: 2, callers: 2 })
    nonces.accept('a', '1', 1n)
    nonces.accept('b', '1', 1n)
    for (const uuid of ['1', '2', '3']) nonces.accept('a', uuid, 2n)
    expect([nonces.last('a', '1'), nonces.last('a', '2'), nonces.last('a', '3'), nonces.last('b', '1')]).toEqual([undefined, 2n, 2n, 1n])
    nonces.accept('c', '1', 1n)
    expect([nonces.last('b', '1'), nonces.last('a', '3'), nonces.last('c', '1')]).toEqual([undefined, 2n, 1n])
  })
})

describe('what is no signature', () => {
  const good = () => signedByHand(SEED, AXON, 10n, UUID)
  const withSignature = (text: string) => replaced(good(), 'bittensor-signature', text)

  test.each([
    ['no version', good().slice(0, 1), /^int\(\) argument must be a string/],
    [
      'a version that is no number',
      replaced(good(), 'bittensor-version', '5.1.0'),
      /^invalid literal for int\(\) with base 10: '5\.1\.0'$/,
    ],
    ['a version below zero', replaced(good(), 'bittensor-version', '-510'), /^Incorrect Version$/],
    ['five parts', withSignature(`${good()[0]?.[1]}.x`), /^Unknown signature format$/],
    ['nothing', withSignature(''), /^Unknown signature format$/],
    ['far too much', withSignature(`1.${CALLER}.0x00.${'x'.repeat(1000)}`), /^Unknown signature format$/],
    ['a caller that is no address', withSignature(`1.${CALLER.slice(0, -1)}.0x00.u`), /is not an ss58 address/],
    ['odd hex', withSignature(`1.${CALLER}.0x000.u`), /^Signature should be of type bytes or a hex-string$/],
    ['no hex', withSignature(`1.${CALLER}.0xzz.u`), /^Signature should be of type bytes or a hex-string$/],
    ['too little hex', withSignature(`1.${CALLER}.0x00.u`), /^Signature mismatch$/],
    ['zeros', withSignature(`1.${CALLER}.0x${'00'.repeat(64)}.u`), /^Signature mismatch$/],
  ])('%s', (_, metadata, details) => {
    expect(check(metadata, axonOf())).toEqual({ ok: false, details: expect.stringMatching(details) })
  })

  test('numbers may be written as Python reads them; the signature is over the plain one', () => {
    const [first = ['', ''], ...rest] = signedByHand(SEED, AXON, 1000n, UUID)
    const written: [string, string] = [first[0], first[1].replace(/^1000/, '+01_000')]
    expect(check([written, ...rest], axonOf())).toMatchObject({ ok: true, caller: { nonce: 1000n } })
  })
})
