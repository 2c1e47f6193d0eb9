import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import type { HotkeyFacts, QuotaFacts, RegistrationFacts } from './facts.js'
import { REFUSALS, refusalOf, refusalsOf, type RefusalCode, type RefusalQuestion, type RegistrationWay } from './refusal.js'

const account = (digit: string): Hex => `0x${digit.repeat(64)}`
const [HOT, COLD, OTHER, OPERATOR] = ['1', '2', '3', '4'].map(account) as [Hex, Hex, Hex, Hex]
const TAO = 10n ** 9n

const QUOTA: QuotaFacts = {
  usedInBlock: 1,
  perBlock: 1,
  usedInInterval: 5,
  byWork: 3,
  byBurn: 2,
  target: 2,
  perInterval: 6,
  intervalBlocks: 100,
  lastAdjustmentBlock: 950,
  intervalEndsAt: 1050,
}
const HOTKEY: HotkeyFacts = {
  id: HOT,
  uid: null,
  owner: null,
  alive: false,
  free: 0n,
  proxies: [{ delegate: OPERATOR, type: 'Registration', delayBlocks: 0 }],
}
/** Nothing speaks against it, in any way. */
const OPEN: RegistrationFacts = {
  block: { number: 1000, hash: account('0') },
  specVersion: 277,
  netuid: 1,
  exists: true,
  powRemoved: false,
  powAllowed: true,
  registrationAllowed: true,
  difficulty: { current: 10n ** 7n, min: 10n ** 7n, max: 2n ** 62n },
  burn: { current: TAO, min: 1n, max: 100n * TAO },
  adjustmentAlpha: 0n,
  burnDecay: null,
  quota: QUOTA,
  slot: 'prunable',
  neurons: 256,
  maxNeurons: 256,
  hasRegisterLimit: false,
  existentialDeposit: 500n,
  hotkey: HOTKEY,
  coldkey: { id: COLD, free: 2n * TAO },
}
const ASKED: RefusalQuestion = { coldkey: COLD, operator: OPERATOR, limitRao: 5n * TAO }

interface Case {
  why: string
  facts?: Partial<RegistrationFacts>
  asked?: RefusalQuestion
  solve: RefusalCode | null
  proxy: RefusalCode | null
  burn: RefusalCode | null
  retryAt?: number
}

const hotkey = (more: Partial<HotkeyFacts>): Partial<RegistrationFacts> => ({ hotkey: { ...HOTKEY, ...more } })
const quota = (more: Partial<QuotaFacts>): Partial<RegistrationFacts> => ({ quota: { ...QUOTA, ...more } })
const all = (code: RefusalCode | null) => ({ solve: code, proxy: code, burn: code })
const work = (code: RefusalCode) => ({ solve: code, proxy: code, burn: null })
const only = (way: RegistrationWay, code: RefusalCode) => ({ ...all(null), [way]: code })

const CASES: Case[] = [
  { why: 'nothing speaks against it', ...all(null) },
  { why: 'the runtime has no proof of work any more', facts: { specVersion: 401, powRemoved: true, quota: null }, ...work('POW_REMOVED') },
  { why: 'work is bound to nobody', facts: { specVersion: 119 }, ...work('POW_UNBOUND') },
  { why: 'work is bound to nobody, on a local chain', facts: { specVersion: 119 }, asked: { ...ASKED, isLocal: true }, ...all(null) },
  { why: 'work is bound since 120', facts: { specVersion: 120 }, ...all(null) },
  { why: 'the root network', facts: { netuid: 0 }, ...all('ROOT_SUBNET') },
  { why: 'no such subnet', facts: { exists: false }, ...all('SUBNET_NOT_FOUND') },
  { why: 'work is off', facts: { powAllowed: false }, ...work('POW_DISABLED') },
  { why: 'paying is off', facts: { registrationAllowed: false }, ...only('burn', 'REGISTRATION_DISABLED') },
  { why: 'the block before was full', facts: quota({ usedInBlock: 1 }), ...all(null) },
  { why: 'no block admits anybody', facts: quota({ perBlock: 0 }), ...all('QUOTA_USED') },
  { why: 'the interval is full', facts: quota({ usedInInterval: 6 }), ...all('QUOTA_USED'), retryAt: 1050 },
  { why: 'the interval is full and ends', facts: quota({ usedInInterval: 6, intervalEndsAt: 1001 }), ...all(null) },
  { why: 'no interval admits anybody', facts: quota({ usedInInterval: 0, target: 0, perInterval: 0 }), ...all('QUOTA_USED') },
  { why: 'registered already', facts: hotkey({ uid: 7 }), ...all('ALREADY_REGISTERED') },
  { why: 'the owner is the one', facts: hotkey({ owner: COLD }), ...all(null) },
  { why: 'the owner is another', facts: hotkey({ owner: OTHER }), ...all('OWNER_MISMATCH') },
  { why: 'the owner is another, and nobody asks', facts: hotkey({ owner: OTHER }), asked: { ...ASKED, coldkey: undefined }, ...all(null) },
  { why: 'no place', facts: { slot: 'none' }, ...all('NO_SLOT') },
  { why: 'the price is at the limit', asked: { ...ASKED, limitRao: TAO }, ...all(null) },
  { why: 'the price is above the limit', asked: { ...ASKED, limitRao: TAO - 1n }, ...only('burn', 'TOO_EXPENSIVE') },
  { why: 'the coldkey has the price and what must stay', facts: { coldkey: { id: COLD, free: TAO + 500n } }, ...all(null) },
  { why: 'the coldkey lacks one rao', facts: { coldkey: { id: COLD, free: TAO + 499n } }, ...only('burn', 'BALANCE_TOO_LOW') },
  {
    why: 'the coldkey lacks the fee',
    facts: { coldkey: { id: COLD, free: TAO + 500n } },
    asked: { ...ASKED, feeRao: 1n },
    ...only('burn', 'BALANCE_TOO_LOW'),
  },
  { why: 'work is free until 301', facts: { specVersion: 301 }, ...all(null) },
  { why: 'a hotkey without an account cannot pay since 302', facts: { specVersion: 302 }, ...only('solve', 'FEE_UNPAYABLE') },
  { why: 'a hotkey with an account can', facts: { specVersion: 302, ...hotkey({ alive: true, free: 501n }) }, ...all(null) },
  {
    why: 'a hotkey at the deposit cannot',
    facts: { specVersion: 302, ...hotkey({ alive: true, free: 500n }) },
    ...only('solve', 'FEE_UNPAYABLE'),
  },
  { why: 'a runtime without proxies', facts: hotkey({ proxies: null }), ...only('proxy', 'PROXY_MISSING') },
  { why: 'a proxy of somebody else', asked: { ...ASKED, operator: OTHER }, ...only('proxy', 'PROXY_MISSING') },
  {
    why: 'a proxy of another type',
    facts: hotkey({ proxies: [{ delegate: OPERATOR, type: 'Any', delayBlocks: 0 }] }),
    ...only('proxy', 'PROXY_MISSING'),
  },
  {
    why: 'a proxy with a delay',
    facts: hotkey({ proxies: [{ delegate: OPERATOR, type: 'Registration', delayBlocks: 1 }] }),
    ...only('proxy', 'PROXY_MISSING'),
  },
]

describe('what is refused', () => {
  test.each(CASES)('$why', ({ facts = {}, asked = ASKED, retryAt, ...expected }) => {
    for (const way of ['solve', 'proxy', 'burn'] as const) {
      const refusal = refusalOf({ ...OPEN, ...facts }, asked, way)
      expect([way, refusal?.code ?? null, refusal?.retryAt]).toEqual([way, expected[way], expected[way] === null ? undefined : retryAt])
      if (refusal !== null) expect(refusal).toMatchObject({ kind: REFUSALS[refusal.code], message: expect.stringMatching(/\d|proxies/) })
    }
  })

  test('every code is provoked by a case', () => {
    const seen = new Set(CASES.flatMap(({ solve, proxy, burn }) => [solve, proxy, burn]))
    expect(Object.keys(REFUSALS).filter((code) => !seen.has(code as RefusalCode))).toEqual([])
  })

  test('what is final comes before what may pass, else the order is that of the chain', () => {
    const facts = { ...OPEN, ...quota({ usedInInterval: 6 }), ...hotkey({ uid: 3, owner: OTHER }), slot: 'none' as const }
    expect(refusalsOf(facts, ASKED, 'solve').map(({ code }) => code)).toEqual([
      'QUOTA_USED',
      'ALREADY_REGISTERED',
      'OWNER_MISMATCH',
      'NO_SLOT',
    ])
    expect(refusalOf(facts, ASKED, 'solve')?.code).toBe('ALREADY_REGISTERED')
    expect(refusalOf({ ...facts, hotkey: HOTKEY }, ASKED, 'solve')?.code).toBe('QUOTA_USED')
  })
})
