import type pg from 'pg'
import type { AuditRecord, AuditStatus, EmissionRecord, Hex, NeuronSnapshotRecord } from '../../core/records.js'
import { createParams } from './params.js'
import { createSession, type ReadSession, type TextRow } from './session.js'

/** Place of an epoch in the order (block, netuid), in which a chain runs them. */
export interface EpochPlace {
  readonly netuid: number
  readonly blockHeight: number
}

export interface AuditPageRequest {
  /** Only epochs of this subnet. */
  netuid?: number | undefined
  /** First and last block. */
  from?: number | undefined
  to?: number | undefined
  /** Epochs behind this one; null or absent for the first page. */
  after?: EpochPlace | null | undefined
  limit: number
}

/** A neuron after the epoch's block, as far as epochs write it. */
export type AuditNeuron = Pick<NeuronSnapshotRecord, 'uid' | 'registeredBlock' | 'active' | 'validatorPermit' | 'emission' | Ratio> &
  Pick<NeuronSnapshotRecord, 'bondUids' | 'bondValues'>
type Ratio = 'rank' | 'trust' | 'consensus' | 'incentive' | 'dividends' | 'validatorTrust' | 'pruningScore'

/** All that is stored of an epoch to recompute it from and to compare it with. */
export interface AuditPageEpoch extends EpochPlace {
  /** The runtime of the epoch's block. */
  specName: string
  specVersion: number
  tempo: number
  n: number
  /** rao; see `EpochRecord`. */
  emissionDue: bigint | null
  /** What was found before; null where nobody has audited it. */
  stored: AuditRecord | null
  inputsHash: Hex | null
  /** As they were packed; null where they are not stored. */
  inputs: Uint8Array | null
  /** In the order of the uids. */
  neurons: AuditNeuron[]
  emissions: Pick<EmissionRecord, 'uid' | 'server' | 'validator' | 'total'>[]
  /** Of the root network: EmissionValues of each subnet after the block. Empty for others. */
  emissionValues: { netuid: number; value: bigint }[]
}

const TIMEOUT_MS = 60_000
const ROOT_NETUID = 0

/**
 * The next epochs in the order (block, netuid), all of one moment of the database. Four statements however many epochs and neurons there are;
 * fewer than `limit` epochs only at the end.
 */
export async function auditPage(pool: pg.Pool, request: AuditPageRequest): Promise<AuditPageEpoch[]> {
  const session = createSession({ pool, timeoutMs: TIMEOUT_MS, exactCountLimit: 0 })
  try {
    const epochs = await readEpochs(session, request)
    if (epochs.length === 0) return epochs
    await addNeurons(session, epochs)
    await addEmissions(session, epochs)
    await addEmissionValues(session, epochs)
    return epochs
  } finally {
    await session.close()
  }
}

async function readEpochs(session: ReadSession, { netuid, from, to, after, limit }: AuditPageRequest): Promise<AuditPageEpoch[]> {
  const params = createParams()
  const where = [
    netuid === undefined ? [] : `e.netuid = ${params.add('int', netuid)}`,
    from === undefined ? [] : `e.block_height >= ${params.add('height', from)}`,
    to === undefined ? [] : `e.block_height <= ${params.add('height', to)}`,
    after ? `(e.block_height, e.netuid) > (${params.add('height', after.blockHeight)}, ${params.add('int', after.netuid)})` : [],
  ].flat()
  const text = `
    SELECT e.netuid, e.block_height, coalesce(r.spec_name, c.spec_name, ''), b.spec_version, e.tempo, e.n, e.emission_due, e.inputs_hash,
      e.audit_status, e.audit_reason, e.audit_generation, e.audit_difference_count, e.audit_differences, i.inputs
    FROM (SELECT * FROM epochs e ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
      ORDER BY e.block_height, e.netuid LIMIT ${params.add('int', limit)}) e
    JOIN blocks b ON b.height = e.block_height
    LEFT JOIN runtime_versions r ON r.spec_version = b.spec_version
    LEFT JOIN chain c ON true
    LEFT JOIN LATERAL (SELECT i.inputs FROM epoch_inputs i WHERE i.netuid = e.netuid AND i.block_height = e.block_height OFFSET 0) i ON true
    ORDER BY e.block_height, e.netuid`
  return (await session.query({ text, values: params.values })).map(epochOf)
}

function epochOf(row: TextRow): AuditPageEpoch {
  const [netuid, blockHeight, specName, specVersion, tempo, n, due, hash, ...rest] = row
  const [status, reason, generation, differenceCount, differences, inputs] = rest
  const inputsHash = orNull(hash, (text): Hex => `0x${text.slice(2)}`)
  return {
    netuid: Number(netuid),
    blockHeight: Number(blockHeight),
    specName: specName ?? '',
    specVersion: Number(specVersion),
    tempo: Number(tempo),
    n: Number(n),
    emissionDue: orNull(due, BigInt),
    inputsHash,
    stored: orNull(status, (known) => ({
      status: known as AuditStatus,
      reason: reason ?? null,
      generation: generation ?? null,
      inputsHash,
      differenceCount: Number(differenceCount),
      differences: differences ?? null,
    })),
    inputs: orNull(inputs, (text) => Buffer.from(text.slice(2), 'hex')),
    neurons: [],
    emissions: [],
    emissionValues: [],
  }
}

async function addNeurons(session: ReadSession, epochs: readonly AuditPageEpoch[]): Promise<void> {
  const columns = `uid, registered_block, active, validator_permit, emission, rank, trust, consensus, incentive, dividends, validator_trust,
    pruning_score, bond_uids, bond_values`
  for (const row of await session.query(rowsOfEpochs(epochs, 'neuron_snapshots', columns)))
    epochs[Number(row[0]) - 1]?.neurons.push(neuronOf(row))
}

function neuronOf(row: TextRow): AuditNeuron {
  return {
    uid: Number(row[1]),
    registeredBlock: BigInt(row[2] ?? 0),
    active: row[3] === 't',
    validatorPermit: row[4] === 't',
    emission: BigInt(row[5] ?? 0),
    rank: Number(row[6]),
    trust: Number(row[7]),
    consensus: Number(row[8]),
    incentive: Number(row[9]),
    dividends: Number(row[10]),
    validatorTrust: Number(row[11]),
    pruningScore: Number(row[12]),
    bondUids: numbers(row[13]),
    bondValues: numbers(row[14]),
  }
}

async function addEmissions(session: ReadSession, epochs: readonly AuditPageEpoch[]): Promise<void> {
  const columns = 'uid, server, validator, total'
  for (const [ord, uid, server, validator, total] of await session.query(rowsOfEpochs(epochs, 'emissions', columns))) {
    const emission = { uid: Number(uid), server: orNull(server, BigInt), validator: orNull(validator, BigInt), total: BigInt(total ?? 0) }
    epochs[Number(ord) - 1]?.emissions.push(emission)
  }
}

/** The rows of a table at each of the epochs, with the epoch's place in the list. A look-up by key for each epoch, and only in the partitions of their blocks. */
function rowsOfEpochs(epochs: readonly EpochPlace[], table: string, columns: string): { text: string; values: unknown[] } {
  const params = createParams()
  const netuids = params.addArray(
    'int',
    epochs.map((e) => e.netuid),
  )
  const heights = epochs.map((e) => e.blockHeight)
  const text = `
    SELECT p.ord, x.* FROM unnest(${netuids}, ${params.addArray('height', heights)}) WITH ORDINALITY p (netuid, height, ord)
    CROSS JOIN LATERAL (
      SELECT ${columns} FROM ${table} t WHERE t.netuid = p.netuid AND t.block_height = p.height
        AND t.block_height BETWEEN ${params.add('height', Math.min(...heights))} AND ${params.add('height', Math.max(...heights))}
      ORDER BY t.uid OFFSET 0
    ) x`
  return { text, values: params.values }
}

/** A parameter has a row only where it changed: the last one up to the block counts. The subnets are found by stepping over their rows in the key. */
const EMISSION_VALUES = `
  WITH RECURSIVE nets AS (
    SELECT min(netuid) AS netuid FROM subnet_params
    UNION ALL SELECT (SELECT min(s.netuid) FROM subnet_params s WHERE s.netuid > nets.netuid) FROM nets WHERE nets.netuid IS NOT NULL
  )
  SELECT p.height, n.netuid, x.value FROM unnest($1::int8[]) p (height) CROSS JOIN nets n CROSS JOIN LATERAL (
    SELECT s.value #>> '{}' AS value FROM subnet_params s
    WHERE s.netuid = n.netuid AND s.name = 'emissionValues' AND s.block_height <= p.height ORDER BY s.block_height DESC LIMIT 1
  ) x WHERE x.value IS NOT NULL ORDER BY p.height, n.netuid`

async function addEmissionValues(session: ReadSession, epochs: readonly AuditPageEpoch[]): Promise<void> {
  const roots = new Map(epochs.filter(({ netuid }) => netuid === ROOT_NETUID).map((epoch) => [epoch.blockHeight, epoch]))
  if (roots.size === 0) return
  for (const [height, netuid, value] of await session.query({ text: EMISSION_VALUES, values: [[...roots.keys()]] }))
    roots.get(Number(height))?.emissionValues.push({ netuid: Number(netuid), value: BigInt(value ?? 0) })
}

function orNull<T>(text: string | null | undefined, parse: (text: string) => T): T | null {
  return text === null || text === undefined ? null : parse(text)
}

function numbers(text: string | null | undefined): number[] {
  return JSON.parse(`[${(text ?? '{}').slice(1, -1)}]`) as number[]
}
