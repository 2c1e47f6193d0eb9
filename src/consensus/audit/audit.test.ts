import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generationOf } from '../generations.js'
import { rowOf, sparseRows } from '../sparse-rows.js'
import type { Generation, RootEpochOutputs, SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import { auditInputs, auditStored, type StoredEpoch } from './audit.js'
import type { AuditDifference, StoredOutputs } from './compare.js'
import { encodeInputs, packInputs, type RootAuditInputs } from './inputs.js'

const RUNTIME = { specName: 'node-subtensor', specVersion: 143 }
const GENERATION = generationOf(RUNTIME) as Generation
const HASH = `0x${'11'.repeat(32)}` as const
const N = 12
const BLOCK = 1000

/** A subnet in which everything is other than zero: four validators, eight miners, bonds of an epoch before. */
const inputs: SubnetEpochInputs = {
  kind: 'subnet',
  netuid: 3,
  block: BLOCK,
  tempo: 99,
  n: N,
  kappa: 32_767,
  bondsMovingAverage: 900_000n,
  activityCutoff: 500,
  maxAllowedValidators: 5,
  emission: 82_000_000_000n,
  registered: new Uint8Array(N).fill(1),
  stake: BigUint64Array.from({ length: N }, (_, uid) => BigInt(uid < 4 ? 1_000_000_000_000 * (uid + 1) : 1_000_000 * uid)),
  lastUpdate: new Float64Array(N).fill(900),
  registeredBlock: Float64Array.from({ length: N }, (_, uid) => uid),
  validatorPermit: Uint8Array.from({ length: N }, (_, uid) => (uid < 4 ? 1 : 0)),
  weights: matrix((uid, miner) => (uid * 7_919 + miner * 5_003) % 65_535),
  bonds: matrix((uid, miner) => (uid * 104_729 + miner * 1_299) % 65_535),
}

function matrix(value: (uid: number, miner: number) => number): ReturnType<typeof sparseRows> {
  const miners = Array.from({ length: N - 4 }, (_, i) => i + 4)
  return sparseRows(Array.from({ length: N }, (_, uid) => (uid < 4 ? miners.map((miner) => [miner, value(uid, miner)] as const) : null)))
}

/** The chain that computed the same. */
function storedOf(outputs: SubnetEpochOutputs): Extract<StoredOutputs, { kind: 'subnet' }> {
  return {
    kind: 'subnet',
    neurons: Array.from({ length: N }, (_, uid) => ({
      uid,
      registeredBlock: BigInt(uid),
      active: outputs.active[uid] === 1,
      rank: outputs.rank[uid] as number,
      trust: outputs.trust[uid] as number,
      consensus: outputs.consensus[uid] as number,
      incentive: outputs.incentive[uid] as number,
      dividends: outputs.dividends[uid] as number,
      validatorTrust: outputs.validatorTrust[uid] as number,
      pruningScore: outputs.pruningScore[uid] as number,
      validatorPermit: outputs.validatorPermit[uid] === 1,
      emission: outputs.emission[uid] as bigint,
      bondUids: rowOf(outputs.bonds, uid).map(([other]) => other),
      bondValues: rowOf(outputs.bonds, uid).map(([, value]) => value),
    })),
    payments: Array.from({ length: N }, (_, uid) => {
      const server = outputs.serverEmission[uid] as bigint
      const validator = (outputs.validatorEmission as BigUint64Array)[uid] as bigint
      return { uid, server, validator, total: server + validator }
    }),
  }
}

const outputs = GENERATION.subnetEpoch(inputs)
const chain = storedOf(outputs)

function differencesOf(stored: StoredOutputs, given = inputs): AuditDifference[] {
  const { differences, differenceCount } = auditInputs(GENERATION, given, HASH, stored)
  const listed = JSON.parse(differences ?? '[]') as AuditDifference[]
  expect(differenceCount).toBe(listed.length)
  return listed
}

describe('an epoch that the chain computed by the rules', () => {
  test('is exact, and something was computed', () => {
    expect(auditInputs(GENERATION, inputs, HASH, chain)).toEqual({
      status: 'EXACT',
      reason: null,
      generation: '2024-03',
      inputsHash: HASH,
      differenceCount: 0,
      differences: null,
    })
    expect(outputs.dividends.filter((value) => value > 0)).toHaveLength(4)
    expect(outputs.incentive.filter((value) => value > 0).length).toBeGreaterThan(4)
  })

  test('is exact whatever the extrinsics of its block did to uids', () => {
    const changed = chain.neurons.map((neuron) => ({ ...neuron }))
    Object.assign(changed[7] as object, { registeredBlock: BigInt(BLOCK), active: true, pruningScore: 65_535 })
    const appended = { ...(changed[0] as (typeof changed)[0]), uid: N, registeredBlock: BigInt(BLOCK), rank: 0 }
    expect(differencesOf({ ...chain, neurons: [...changed, appended] })).toEqual([])
  })
})

describe('a value that the chain has otherwise', () => {
  const numbers = ['rank', 'trust', 'consensus', 'incentive', 'dividends', 'validatorTrust', 'pruningScore'] as const

  test('is named, with both values', () => {
    fc.assert(
      fc.property(fc.nat(N - 1), fc.constantFrom(...numbers), fc.integer({ min: 1, max: 65_535 }), (uid, field, off) => {
        const was = chain.neurons[uid]?.[field] as number
        const value = (was + off) % 65_536
        const neurons = chain.neurons.map((neuron) => (neuron.uid === uid ? { ...neuron, [field]: value } : neuron))
        expect(differencesOf({ ...chain, neurons })).toEqual([{ uid, field, chain: String(value), computed: String(was) }])
      }),
    )
  })

  test.each([
    ['active', { active: false }],
    ['validatorPermit', { validatorPermit: false }],
    ['emission', { emission: 1n }],
    ['bonds', { bondValues: [1] }],
  ])('is named: %s', (field, change) => {
    const neurons = chain.neurons.map((neuron) => (neuron.uid === 2 ? { ...neuron, ...change } : neuron))
    expect(differencesOf({ ...chain, neurons }).map((found) => [found.uid, found.field])).toEqual([[2, field]])
  })

  test('is named in payments, missing ones too', () => {
    const payments = chain.payments.flatMap((payment) =>
      payment.uid === 5 ? [] : [payment.uid === 6 ? { ...payment, server: 1n } : payment],
    )
    expect(differencesOf({ ...chain, payments }).map((found) => [found.uid, found.field, found.chain])).toEqual([
      [5, 'serverEmission', 'absent'],
      [5, 'validatorEmission', 'absent'],
      [6, 'serverEmission', '1'],
    ])
  })

  test('is counted beyond what is kept', () => {
    const neurons = chain.neurons.map((neuron) => ({
      ...neuron,
      ...Object.fromEntries(numbers.map((field) => [field, (neuron[field] + 1) % 65_536])),
    }))
    const stored = { ...chain, neurons, payments: [] }
    const { status, differenceCount, differences } = auditInputs(GENERATION, inputs, HASH, stored)
    expect(status).toBe('DIFFERS')
    expect(differenceCount).toBe(N * (numbers.length + 2))
    expect(JSON.parse(differences as string)).toHaveLength(100)
  })
})

describe('inputs that are not those of the epoch', () => {
  test('are told by any one byte', async () => {
    const { bytes, hash } = await packInputs(inputs)
    const epoch: StoredEpoch = { runtime: RUNTIME, inputs: bytes, inputsHash: hash, chain }
    expect(auditStored(epoch).status).toBe('EXACT')
    const encoded = encodeInputs(inputs)
    for (let at = 0; at < encoded.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const damaged = Uint8Array.from(encoded)
        damaged[at] = (damaged[at] as number) ^ flip
        const { status, reason } = auditStored({ ...epoch, inputs: deflateRawSync(damaged) })
        expect([status, reason], `byte ${at}`).toEqual(['NOT_AUDITABLE', 'INPUTS_CORRUPT'])
      }
    }
    expect(auditStored({ ...epoch, inputs: bytes.subarray(0, -1) }).reason).toBe('INPUTS_CORRUPT')
    expect(auditStored({ ...epoch, inputsHash: HASH }).reason).toBe('INPUTS_CORRUPT')
  })

  test('give other outputs where they matter, and the uid is in the list', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 2, max: 50 }), (uid, factor) => {
        const stake = BigUint64Array.from(inputs.stake)
        stake[uid] = (stake[uid] as bigint) * BigInt(factor)
        const found = differencesOf(chain, { ...inputs, stake })
        expect(found.some((difference) => difference.uid === uid && difference.field === 'dividends')).toBe(true)
      }),
    )
  })

  test('that no chain can hold are said to be so', () => {
    const weights = sparseRows(Array.from({ length: N }, () => [[N, 1] as const]))
    expect(auditInputs(GENERATION, { ...inputs, weights }, HASH, chain)).toMatchObject({
      status: 'NOT_AUDITABLE',
      reason: 'INPUTS_IMPOSSIBLE',
    })
  })
})

describe('what stands in the way', () => {
  test('is said', async () => {
    const { bytes, hash } = await packInputs(inputs)
    const epoch: StoredEpoch = { runtime: RUNTIME, inputs: bytes, inputsHash: hash, chain }
    const reason = (change: Partial<StoredEpoch>) => auditStored({ ...epoch, ...change }).reason
    expect(reason({ runtime: { ...RUNTIME, specVersion: 218 } })).toBe('UNKNOWN_GENERATION')
    expect(reason({ runtime: { ...RUNTIME, specName: 'node-other' } })).toBe('UNKNOWN_GENERATION')
    expect(reason({ inputs: null })).toBe('NO_INPUTS')
    expect(reason({ chain: { kind: 'subnet', neurons: [], payments: [] } })).toBe('NO_OUTPUTS')
    expect(reason({ chain: { kind: 'root', emissionValues: [] } })).toBe('NO_OUTPUTS')
  })
})

describe('the root network', () => {
  const root: RootAuditInputs = {
    kind: 'root',
    block: BLOCK,
    tempo: 99,
    n: 2,
    netuids: [0, 1, 2],
    before: BigUint64Array.from([0n, 400_000_000n, 600_000_000n]),
    totalNetworks: 3,
    blockEmission: 1_000_000_000n,
    rho: 30,
    kappa: 32_767,
    stake: BigUint64Array.from([5_000_000_000n, 7_000_000_000n]),
    weights: sparseRows([
      [
        [1, 65_535],
        [2, 100],
      ],
      [
        [1, 1_000],
        [2, 65_535],
      ],
    ]),
  }
  const computed = (GENERATION.rootEpoch as NonNullable<Generation['rootEpoch']>)(root) as Extract<RootEpochOutputs, { ok: true }>
  const values = (list: BigUint64Array) => root.netuids.map((netuid, i) => ({ netuid, value: list[i] as bigint }))
  const audit = (inputs: RootAuditInputs, emissionValues: { netuid: number; value: bigint }[]) =>
    auditInputs(GENERATION, inputs, HASH, { kind: 'root', emissionValues })

  test('is exact when the emission of each subnet is', () => {
    expect(computed.ok).toBe(true)
    expect(computed.emissionValues.reduce((sum, value) => sum + value, 0n)).toBeGreaterThan(999_999_990n)
    expect(audit(root, values(computed.emissionValues)).status).toBe('EXACT')
  })

  test('differs in a subnet, by its netuid', () => {
    const off = values(computed.emissionValues).map((row) => (row.netuid === 2 ? { netuid: 2, value: row.value + 1n } : row))
    const { status, differences } = audit(root, off)
    expect(status).toBe('DIFFERS')
    expect(JSON.parse(differences as string)).toMatchObject([{ uid: 2, field: 'emissionValue' }])
  })

  test('that fails leaves the values as they were', () => {
    const idle = { ...root, stake: new BigUint64Array(2) }
    expect(audit(idle, values(root.before)).status).toBe('EXACT')
    expect(audit(idle, values(computed.emissionValues)).status).toBe('DIFFERS')
  })

  test('says nothing of subnets that its block removed', () => {
    expect(audit(root, values(computed.emissionValues).slice(0, 2)).status).toBe('EXACT')
  })
})
