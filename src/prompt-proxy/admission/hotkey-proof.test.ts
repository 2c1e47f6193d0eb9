import { getPublicKey, secretFromSeed, sign } from '@scure/sr25519'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { NO_LIMITS, type Caller } from '../../core/api-keys.js'
import { createLocalLimits } from '../../core/local-limits.js'
import { toHex } from '../../core/units/bytes.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import { keyPairFromSeed, type KeyPair } from '../../core/wallet/keys.js'
import { createHotkeyProofs, HOTKEY_PROOF, type HotkeyProofs } from './hotkey-proof.js'

const ALICE: Caller = { customer: 'alice', limits: NO_LIMITS }
const BOB: Caller = { customer: 'bob', limits: NO_LIMITS }
const GATEWAY = 'https://gateway.example'

let pair: KeyPair
let now = 1_700_000_000_000
beforeAll(async () => {
  pair = await keyPairFromSeed(Buffer.alloc(32, 5))
})

function open(secret = Buffer.alloc(32, 1)): HotkeyProofs {
  return createHotkeyProofs({
    ...{ secret, gateway: GATEWAY, now: () => now, limits: createLocalLimits({ now: () => now }) },
    standing: async (hotkey) => ({ isRegistered: hotkey === pair.address, stake: 5n }),
  })
}

function signed(challenge: string, signer = pair): { hotkey: string; challenge: string; signature: Uint8Array } {
  return { hotkey: signer.address, challenge, signature: signer.sign(Buffer.from(challenge)) }
}

async function refusal(made: (() => unknown) | Promise<unknown>): Promise<string> {
  try {
    await (typeof made === 'function' ? made() : made)
  } catch (error) {
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', detail: { reason: HOTKEY_PROOF } })
    return (error as Error).message
  }
  return 'it was taken'
}

describe('a challenge', () => {
  test('can be read: whose it is, what for, which key, and until when', () => {
    const { challenge, expiresAt } = open().challenge(ALICE, pair.address)
    for (const word of [GATEWAY, pair.address, 'customer alice', 'moves no funds', expiresAt.toISOString()])
      expect(challenge).toContain(word)
    expect(expiresAt.getTime()).toBe(now + 60_000)
    expect(challenge).toMatch(/^[\x20-\x7e\n]+$/)
    expect(open().challenge(ALICE, pair.address).challenge).not.toBe(challenge)
  })

  test('signed gives a token for 12 hours, on every instance with the same secret, with the standing of the hotkey', async () => {
    const { challenge } = open().challenge(ALICE, pair.address)
    const given = await open().prove(ALICE, signed(challenge))
    expect(given).toMatchObject({ isRegistered: true, stake: 5n, expiresAt: new Date(now + 12 * 3_600_000) })
    expect(open().hotkeyOf(ALICE, given.token)).toBe(pair.address)
  })

  test('may be signed by any implementation, plain or as browser extensions wrap it', async () => {
    const secret = secretFromSeed(Uint8Array.from({ length: 32 }, (_, n) => n))
    const hotkey = encodeSs58(toHex(getPublicKey(secret)))
    for (const wrap of [(text: string) => text, (text: string) => `<Bytes>${text}</Bytes>`]) {
      const proofs = open()
      const { challenge } = proofs.challenge(ALICE, hotkey)
      const { token } = await proofs.prove(ALICE, { hotkey, challenge, signature: sign(secret, Buffer.from(wrap(challenge))) })
      expect(proofs.hotkeyOf(ALICE, token)).toBe(hotkey)
    }
  })

  test('is good once, for a minute, and a wrong signature does not use it up', async () => {
    const proofs = open()
    const { challenge } = proofs.challenge(ALICE, pair.address)
    const wrong = { ...signed(challenge), signature: signed(`${challenge} `).signature }
    expect(await refusal(proofs.prove(ALICE, wrong))).toMatch(/signature is not that of the hotkey/)
    expect(await refusal(proofs.prove(ALICE, { ...wrong, signature: Buffer.alloc(64) }))).toMatch(/signature/)
    expect(await refusal(proofs.prove(ALICE, { ...wrong, signature: Buffer.alloc(3) }))).toMatch(/signature/)
    const both = await Promise.allSettled([proofs.prove(ALICE, signed(challenge)), proofs.prove(ALICE, signed(challenge))])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await refusal(proofs.prove(ALICE, signed(challenge)))).toMatch(/used before/)
    const late = proofs.challenge(ALICE, pair.address)
    now += 59_999
    const { challenge: fresh } = proofs.challenge(ALICE, pair.address)
    await proofs.prove(ALICE, signed(late.challenge))
    now += 60_000
    expect(await refusal(proofs.prove(ALICE, signed(fresh)))).toMatch(/expired/)
  })

  test('of another customer, another hotkey, another gateway, or changed in any place is none', async () => {
    const proofs = open()
    const other = await keyPairFromSeed(Buffer.alloc(32, 6))
    const { challenge } = proofs.challenge(ALICE, pair.address)
    expect(await refusal(proofs.prove(BOB, signed(challenge)))).toMatch(/not one that this gateway gave/)
    expect(await refusal(proofs.prove(ALICE, signed(challenge, other)))).toMatch(/not one that this gateway gave/)
    expect(await refusal(open(Buffer.alloc(32, 2)).prove(ALICE, signed(challenge)))).toMatch(/not one that this gateway gave/)
    await fc.assert(
      fc.asyncProperty(fc.nat(challenge.length - 1), fc.constantFrom('', 'x', '\n', '0', '9'), async (at, character) => {
        const changed = challenge.slice(0, at) + character + challenge.slice(at + 1)
        fc.pre(changed !== challenge)
        expect(await refusal(proofs.prove(ALICE, signed(changed)))).toMatch(/not one that this gateway gave/)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a token', () => {
  test('is good for its customer and its time only, and cannot be made up', async () => {
    const proofs = open()
    const { challenge } = proofs.challenge(ALICE, pair.address)
    const { token } = await proofs.prove(ALICE, signed(challenge))
    expect(await refusal(() => proofs.hotkeyOf(BOB, token))).toMatch(/another customer/)
    const forged = Buffer.from(JSON.stringify([pair.address, 'alice', now * 2])).toString('base64url')
    for (const bad of ['', '.', 'x', `${token}x`, `x${token}`, `${token}.`, `${forged}.${token.split('.')[1] ?? ''}`, 'x'.repeat(100_000)])
      expect(await refusal(() => proofs.hotkeyOf(ALICE, bad))).toMatch(/not one of this gateway/)
    // What seals a challenge does not seal a token.
    const [text = '', seal = ''] = challenge.split('\nSeal: ')
    expect(await refusal(() => proofs.hotkeyOf(ALICE, `${text}.${seal}`))).toMatch(/not one of this gateway/)
    now += 12 * 3_600_000 - 1
    expect(proofs.hotkeyOf(ALICE, token)).toBe(pair.address)
    now += 1
    expect(await refusal(() => proofs.hotkeyOf(ALICE, token))).toMatch(/expired/)
  })

  test('needs a secret that is one', () => {
    expect(() => open(Buffer.alloc(16))).toThrow(/32 bytes/)
  })
})
