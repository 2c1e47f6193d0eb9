import type { JsonValue } from './column.js'
import { columnSql, type Row } from './entity.js'
import { blocks } from './entities/chain.js'
import { neurons, neuronSnapshots } from './entities/neurons.js'
import { decodeRow, selectedColumns } from './page.js'
import { createParams } from './params.js'
import type { ReadSession, TextRow } from './session.js'

/** A neuron of a metagraph. `stake` is null where only the chain's own state at that block would tell. */
export type MetagraphNeuron = Omit<Row<typeof neurons>, 'updatedBlock'>

export interface Metagraph {
  netuid: number
  block: { height: number; hash: `0x${string}` | null }
  /** The block whose whole state this starts from. */
  snapshotBlock: number
  /** Whether every value is the chain's at `block`. Between two snapshots stake and emission move without an event. */
  exact: boolean
  neurons: MetagraphNeuron[]
}

/** Columns of the matrices, which a metagraph carries only when they are asked for. */
export type MatrixColumn = 'weightUids' | 'weightValues' | 'bondUids' | 'bondValues'

/**
 * The metagraph of a subnet now (`at` null, or not below the head) or at an earlier block: the latest snapshot at or before it plus
 * what events have told since. Null for an unknown subnet and for blocks before its first snapshot.
 */
export async function readMetagraph(
  session: ReadSession,
  netuid: number,
  at: number | null,
  heavy: readonly MatrixColumn[],
): Promise<Metagraph | null> {
  const head = await session.head()
  if (head === null) return null
  if (at === null || at >= head.height) {
    const rows = await readCurrent(session, netuid, heavy)
    if (rows.length === 0 && !(await subnetExists(session, netuid))) return null
    return { netuid, block: { height: head.height, hash: head.hash }, snapshotBlock: head.height, exact: true, neurons: rows }
  }
  const snapshot = await readSnapshot(session, netuid, at, heavy)
  if (snapshot === null) return null
  const [block] = await session.rowsBy(blocks, ['height'], [[at]])
  if (snapshot.height < at)
    await applyChanges(session, netuid, snapshot, at, heavy.includes('weightUids') || heavy.includes('weightValues'))
  const rows = [...snapshot.rows.values()].sort((a, b) => a.uid - b.uid)
  const exact = snapshot.height === at
  return { netuid, block: { height: at, hash: block?.hash ?? null }, snapshotBlock: snapshot.height, exact, neurons: rows }
}

interface Snapshot {
  height: number
  rows: Map<number, MetagraphNeuron>
}

async function readCurrent(session: ReadSession, netuid: number, heavy: readonly string[]): Promise<MetagraphNeuron[]> {
  const params = createParams()
  const names = selectedColumns(neurons, [], { heavy })
  const list = names.map((name) => columnSql(neurons, 't', name)).join(', ')
  const text = `SELECT ${list} FROM neurons t WHERE t.netuid = ${params.add('int', netuid)} ORDER BY t.uid`
  const found = await session.query({ text, values: params.values })
  return found.map((values) => decodeRow(neurons, names, values))
}

async function subnetExists(session: ReadSession, netuid: number): Promise<boolean> {
  const params = createParams()
  const text = `SELECT 1 FROM subnets WHERE netuid = ${params.add('int', netuid)}`
  return (await session.query({ text, values: params.values })).length > 0
}

async function readSnapshot(session: ReadSession, netuid: number, at: number, heavy: readonly string[]): Promise<Snapshot | null> {
  const params = createParams()
  const names = selectedColumns(neuronSnapshots, [], { heavy })
  const list = names.map((name) => columnSql(neuronSnapshots, 't', name)).join(', ')
  const id = params.add('int', netuid)
  const text = `SELECT ${list} FROM neuron_snapshots t WHERE t.netuid = ${id} AND t.block_height =
    (SELECT max(s.block_height) FROM neuron_snapshots s WHERE s.netuid = ${id} AND s.block_height <= ${params.add('height', at)})`
  const rows = new Map<number, MetagraphNeuron>()
  let height: number | null = null
  for (const values of await session.query({ text, values: params.values })) {
    const { blockHeight, ...neuron } = decodeRow(neuronSnapshots, names, values)
    height = blockHeight
    rows.set(neuron.uid, neuron)
  }
  return height === null ? null : { height, rows }
}

/** Brings a snapshot forward to `at` with what events say: who came and went, rows of weights, endpoints. */
async function applyChanges(session: ReadSession, netuid: number, snapshot: Snapshot, at: number, withWeights: boolean): Promise<void> {
  const range = { netuid, from: snapshot.height, to: at }
  const arrived = new Set<string>()
  for (const change of await readMembership(session, range)) {
    if (change.kind === 'removed') {
      snapshot.rows.delete(change.uid)
      continue
    }
    arrived.add(change.hotkey)
    snapshot.rows.set(change.uid, seated(snapshot.rows.get(change.uid), netuid, change))
  }
  await applyWeights(session, range, snapshot.rows, withWeights)
  await applyEndpoints(session, range, snapshot.rows, arrived)
}

interface Range {
  netuid: number
  /** Excluded. */
  from: number
  /** Included. */
  to: number
}

interface Arrival {
  kind: 'registered'
  uid: number
  hotkey: `0x${string}`
  coldkey: `0x${string}` | null
  height: number
}

async function readMembership(session: ReadSession, range: Range): Promise<(Arrival | { kind: 'removed'; uid: number })[]> {
  const params = createParams()
  const [netuid, from, to] = [params.add('int', range.netuid), params.add('height', range.from), params.add('height', range.to)]
  const within = `netuid = ${netuid} AND block_height > ${from} AND block_height <= ${to}`
  // Within one block a removal comes first: the same block may fill the seat again. The event gives the order of two arrivals.
  const text = `SELECT uid, hotkey, coldkey, block_height, 1 AS step, extrinsic_index FROM neuron_registrations WHERE ${within}
    UNION ALL SELECT uid, hotkey, coldkey, block_height, 0, NULL FROM neuron_deregistrations WHERE ${within} AND reason = 'SUBNET_REMOVED'
    ORDER BY 4, 5, 6 NULLS FIRST`
  const found = await session.query({ text, values: params.values })
  return found.map(([uid, hotkey, coldkey, height, step]) =>
    step === '0'
      ? { kind: 'removed', uid: Number(uid) }
      : {
          kind: 'registered',
          uid: Number(uid),
          hotkey: hexOf(hotkey),
          coldkey: coldkey === null ? null : hexOf(coldkey),
          height: Number(height),
        },
  )
}

function hexOf(text: string | null | undefined): `0x${string}` {
  return `0x${(text ?? '').slice(2)}`
}

/** A newcomer keeps the seat's scores until the next epoch, as on the chain; its stake is not known from the event. */
function seated(seat: MetagraphNeuron | undefined, netuid: number, { uid, hotkey, coldkey, height }: Arrival): MetagraphNeuron {
  const own = { hotkey, coldkey, registeredBlock: height, stake: null, active: true, axon: null, prometheus: null }
  if (seat !== undefined) return { ...seat, ...own }
  return { ...EMPTY_SEAT, ...own, netuid, uid, lastUpdate: height }
}

/** What the chain appends for a uid that was not there. */
const EMPTY_SEAT = {
  rank: 0,
  trust: 0,
  consensus: 0,
  incentive: 0,
  dividends: 0,
  emission: 0n,
  validatorTrust: 0,
  validatorPermit: false,
  pruningScore: 0,
  weightUids: [] as number[],
  weightValues: [] as number[],
  bondUids: [] as number[],
  bondValues: [] as number[],
}

async function applyWeights(session: ReadSession, range: Range, rows: Map<number, MetagraphNeuron>, withValues: boolean): Promise<void> {
  const params = createParams()
  const values = withValues ? 'uids, weights' : 'NULL, NULL'
  const text = `SELECT DISTINCT ON (validator_uid) validator_uid, block_height, ${values} FROM weight_sets
    WHERE netuid = ${params.add('int', range.netuid)} AND block_height > ${params.add('height', range.from)}
      AND block_height <= ${params.add('height', range.to)} ORDER BY validator_uid, block_height DESC`
  for (const [uid, height, uids, weights] of await session.query({ text, values: params.values })) {
    const row = rows.get(Number(uid))
    if (row === undefined) continue
    row.lastUpdate = Number(height)
    if (withValues) Object.assign(row, { weightUids: numbers(uids), weightValues: numbers(weights) })
  }
}

function numbers(text: string | null | undefined): number[] {
  return JSON.parse(`[${(text ?? '{}').slice(1, -1)}]`) as number[]
}

/** Endpoints belong to the hotkey: of a newcomer its last one counts, even from before it took the seat. */
async function applyEndpoints(session: ReadSession, range: Range, rows: Map<number, MetagraphNeuron>, arrived: Set<string>): Promise<void> {
  const params = createParams()
  const text = `SELECT DISTINCT ON (hotkey, kind) hotkey, kind, block_height, version, ip, port, ip_type, protocol, placeholder1, placeholder2
    FROM endpoints WHERE netuid = ${params.add('int', range.netuid)} AND block_height <= ${params.add('height', range.to)}
      AND (block_height > ${params.add('height', range.from)} OR hotkey = ANY(${params.addArray('bytes', [...arrived])}))
    ORDER BY hotkey, kind, block_height DESC`
  const found = await session.query({ text, values: params.values })
  if (found.length === 0) return
  const byHotkey = new Map([...rows.values()].map((row) => [row.hotkey, row]))
  for (const endpoint of found) {
    const row = byHotkey.get(hexOf(endpoint[0]))
    if (row === undefined) continue
    if (endpoint[1] === 'AXON') row.axon = endpointOf(endpoint)
    else row.prometheus = endpointOf(endpoint)
  }
}

function endpointOf([, , block, version, ip, port, ipType, protocol, placeholder1, placeholder2]: TextRow): JsonValue {
  const number = (text: string | null | undefined) => (text === null || text === undefined ? null : Number(text))
  return {
    block: number(block),
    version: number(version),
    ip: ip ?? null,
    port: number(port),
    ipType: number(ipType),
    protocol: number(protocol),
    placeholder1: number(placeholder1),
    placeholder2: number(placeholder2),
  }
}
