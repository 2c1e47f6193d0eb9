import type { Pool } from 'pg'
import { encodeSs58 } from '../../src/core/units/ss58.js'
import { parseIp } from '../../src/core/units/ip.js'
import { toHex } from '../../src/core/units/bytes.js'
import { camelCase } from '../../src/chain/views/subnet-view.js'

/** What the rig's `truth.mjs` wrote: storage and history of a chain, decoded with another library. Integers are decimal strings. */
export interface Truth {
  block: string
  totals: Record<string, Plain>
  subnets: { netuid: string; n: string; parameters: Record<string, Plain>; neurons: TruthNeuron[] }[]
  delegates: { hotkey: string; owner: string; take: string; totalStake: string; nominators: { coldkey: string; stake: string }[] }[]
  owners: Record<string, string>
  stake: { stake?: [[string, string], string][]; totalHotkeyStake?: [[string], string][]; totalColdkeyStake?: [[string], string][] }
  accounts: TruthAccount[]
  blocks?: TruthBlock[]
}
export type Plain = null | boolean | string | Plain[] | { [key: string]: Plain }
export type TruthNeuron = Record<string, Plain> & { uid: string; hotkey: string }
interface TruthAccount {
  address: string
  nonce: string
  data: { free: string; reserved: string; frozen?: string; miscFrozen?: string; feeFrozen?: string }
}
export interface TruthBlock {
  number: string
  hash: string
  parentHash: string
  stateRoot: string
  extrinsicsRoot: string
  timestamp: string
  extrinsics: {
    index: string
    hash: string
    call: string
    args: Record<string, Plain>
    signer: string | null
    nonce: string | null
    tip: string | null
    era: null | 'immortal' | { period: string; phase: string }
    success: boolean
    error: string | null
  }[]
  events: { index: string; phase: string; event: string; data: Plain[] }[]
}

/** Compares everything that an index says of its head, and of its history, with the truth. One line for each difference. */
export async function compareWithTruth(pool: Pool, truth: Truth): Promise<{ compared: number; differences: string[] }> {
  const report = new Report()
  await compareSubnets(pool, truth, report)
  await compareNeurons(pool, truth, report)
  await compareStake(pool, truth, report)
  await compareAccounts(pool, truth, report)
  await compareTotals(pool, truth, report)
  for (const block of truth.blocks ?? []) await compareBlock(pool, block, report)
  return report
}

class Report {
  compared = 0
  readonly differences: string[] = []

  same(what: string, ours: unknown, theirs: unknown): void {
    this.compared++
    const [a, b] = [JSON.stringify(ours) ?? 'nothing', JSON.stringify(theirs) ?? 'nothing']
    if (a !== b) this.differences.push(`${what}: index ${clip(a)}, chain ${clip(b)}`)
  }

  maps(what: string, ours: ReadonlyMap<string, unknown>, theirs: ReadonlyMap<string, unknown>): void {
    for (const key of new Set([...ours.keys(), ...theirs.keys()])) this.same(`${what} ${key}`, ours.get(key), theirs.get(key))
  }
}

const clip = (text: string): string => (text.length > 160 ? `${text.slice(0, 157)}...` : text)

/** Loaded emission is stored with the epoch it comes from, not as a parameter. */
const NOT_STORED = new Set(['loadedEmission'])

async function compareSubnets(pool: Pool, truth: Truth, report: Report): Promise<void> {
  const { rows } = await pool.query<{ netuid: number; n: number; params: Record<string, unknown> }>(
    'select netuid, n, params from subnets order by netuid',
  )
  report.same(
    'netuids',
    rows.map((row) => String(row.netuid)),
    truth.subnets.map((subnet) => subnet.netuid),
  )
  for (const subnet of truth.subnets) {
    const row = rows.find((r) => String(r.netuid) === subnet.netuid)
    report.same(`subnet ${subnet.netuid} n`, String(row?.n), subnet.n)
    const theirs = Object.entries(subnet.parameters).filter(([name]) => !NOT_STORED.has(name))
    report.maps(`subnet ${subnet.netuid}`, new Map(Object.entries(plain(row?.params ?? {}) as object)), new Map(theirs))
  }
}

interface NeuronRow {
  netuid: number
  uid: number
  hotkey: Buffer
  coldkey: Buffer | null
  axon: EndpointJson | null
  prometheus: EndpointJson | null
  weight_uids: number[]
  weight_values: number[]
  bond_uids: number[]
  bond_values: number[]
  [column: string]: unknown
}
type EndpointJson = Record<string, number | string | null> & { ip: string }

async function compareNeurons(pool: Pool, truth: Truth, report: Report): Promise<void> {
  const { rows } = await pool.query<NeuronRow>('select * from neurons order by netuid, uid')
  const theirs = new Map(
    truth.subnets.flatMap((subnet) => subnet.neurons.map((neuron) => [`${subnet.netuid}/${neuron.uid}`, neuron] as const)),
  )
  const ours = new Map(rows.map((row) => [`${row.netuid}/${row.uid}`, row]))
  report.same('neurons', [...ours.keys()].sort(), [...theirs.keys()].sort())
  for (const [id, neuron] of theirs) {
    const row = ours.get(id)
    if (row) compareNeuron(`neuron ${id}`, row, neuron, report)
  }
}

/** Truth's names are the chain's storage names; these are the columns they are kept in. */
const NEURON_COLUMNS: Record<string, string> = {
  stake: 'stake',
  active: 'active',
  rank: 'rank',
  trust: 'trust',
  consensus: 'consensus',
  incentive: 'incentive',
  dividends: 'dividends',
  emission: 'emission',
  lastUpdate: 'last_update',
  validatorTrust: 'validator_trust',
  pruningScores: 'pruning_score',
  validatorPermit: 'validator_permit',
  blockAtRegistration: 'registered_block',
}
const NEURON_SPECIAL = new Set(['uid', 'hotkey', 'coldkey', 'stakeBy', 'weights', 'bonds', 'axons', 'prometheus'])

function compareNeuron(what: string, row: NeuronRow, neuron: TruthNeuron, report: Report): void {
  for (const [name, value] of Object.entries(neuron)) {
    if (NEURON_SPECIAL.has(name)) continue
    const column = NEURON_COLUMNS[name]
    if (column === undefined) report.same(`${what} has a field ${name} that is not stored`, null, value)
    else report.same(`${what} ${name}`, plain(row[column]), value)
  }
  report.same(`${what} hotkey`, ss58(row.hotkey), neuron.hotkey)
  report.same(`${what} coldkey`, row.coldkey && ss58(row.coldkey), neuron.coldkey)
  report.same(`${what} weights`, pairs(row.weight_uids, row.weight_values), neuron.weights)
  report.same(`${what} bonds`, pairs(row.bond_uids, row.bond_values), neuron.bonds)
  report.same(`${what} axon`, endpoint(row.axon), sorted(neuron.axons))
  report.same(`${what} prometheus`, endpoint(row.prometheus), sorted(neuron.prometheus))
}

function endpoint(json: EndpointJson | null): Plain {
  if (!json) return null
  const known = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
  const ip = /^\d+$/.test(json.ip) ? json.ip : parseIp(json.ip).ip.toString()
  return sorted(plain({ ...known, ip }) as Plain)
}

async function compareStake(pool: Pool, truth: Truth, report: Report): Promise<void> {
  const hotkeys = await pool.query<{ hotkey: Buffer; coldkey: Buffer | null; take: number | null; total_stake: string }>(
    'select * from hotkeys',
  )
  const delegations = await pool.query<{ hotkey: Buffer; coldkey: Buffer; amount: string }>(
    'select hotkey, coldkey, amount from delegations',
  )
  const owners = hotkeys.rows.filter((row) => row.coldkey !== null)
  report.maps(
    'owner of',
    new Map(owners.map((row) => [ss58(row.hotkey), ss58(row.coldkey as Buffer)])),
    new Map(Object.entries(truth.owners)),
  )
  report.maps(
    'stake',
    nonZero(delegations.rows.map((row) => [`${ss58(row.hotkey)}/${ss58(row.coldkey)}`, row.amount])),
    nonZero((truth.stake.stake ?? []).map(([key, value]) => [key.join('/'), value])),
  )
  report.maps(
    'stake on',
    nonZero(hotkeys.rows.map((row) => [ss58(row.hotkey), row.total_stake])),
    nonZero((truth.stake.totalHotkeyStake ?? []).map(([key, value]) => [key[0], value])),
  )
  const accounts = await pool.query<{ address: Buffer; staked: string }>('select address, staked from accounts')
  report.maps(
    'stake by',
    nonZero(accounts.rows.map((row) => [ss58(row.address), row.staked])),
    nonZero((truth.stake.totalColdkeyStake ?? []).map(([key, value]) => [key[0], value])),
  )
  const nominators = new Map<string, Map<string, unknown>>()
  for (const row of delegations.rows) {
    const key = ss58(row.hotkey)
    nominators.set(key, (nominators.get(key) ?? new Map<string, unknown>()).set(ss58(row.coldkey), row.amount))
  }
  const takes = hotkeys.rows.filter((row) => row.take !== null)
  report.maps(
    'take of',
    new Map(takes.map((row) => [ss58(row.hotkey), String(row.take)])),
    new Map(truth.delegates.map((d) => [d.hotkey, d.take])),
  )
  for (const delegate of truth.delegates) {
    const theirs = nonZero(delegate.nominators.map((n) => [n.coldkey, n.stake]))
    report.maps(`nominators of ${delegate.hotkey}`, nominators.get(delegate.hotkey) ?? new Map(), theirs)
  }
}

async function compareAccounts(pool: Pool, truth: Truth, report: Report): Promise<void> {
  const { rows } = await pool.query<{ address: Buffer; nonce: string; free: string; reserved: string; frozen: string }>(
    'select * from accounts where alive',
  )
  const ours = new Map(
    rows.map((row) => [ss58(row.address), { nonce: row.nonce, free: row.free, reserved: row.reserved, frozen: row.frozen }]),
  )
  const theirs = truth.accounts.map(({ address, nonce, data }) => {
    const frozen = data.frozen ?? (BigInt(data.miscFrozen ?? 0) > BigInt(data.feeFrozen ?? 0) ? data.miscFrozen : data.feeFrozen)
    return [address, { nonce, free: data.free, reserved: data.reserved, frozen }] as const
  })
  report.maps('account', ours, new Map(theirs))
}

async function compareTotals(pool: Pool, truth: Truth, report: Report): Promise<void> {
  const { rows } = await pool.query<{ totals: Record<string, unknown>; balances_issuance: string }>(
    'select totals, balances_issuance from network_stats where block_height = $1',
    [truth.block],
  )
  const [row] = rows
  // Stored at sampled heights only.
  if (!row) return
  const ours = { ...(plain(row.totals) as Record<string, Plain>), balancesTotalIssuance: row.balances_issuance }
  report.maps('total', new Map(Object.entries(ours)), new Map(Object.entries(truth.totals)))
}

async function compareBlock(pool: Pool, truth: TruthBlock, report: Report): Promise<void> {
  const what = `block ${truth.number}`
  const [block, extrinsics, events] = await Promise.all([
    pool.query<Record<string, Buffer> & { timestamp: Date }>('select * from blocks where height = $1', [truth.number]),
    pool.query<ExtrinsicRow>('select * from extrinsics where block_height = $1 order by index', [truth.number]),
    pool.query<EventRow>('select * from events where block_height = $1 order by index', [truth.number]),
  ])
  const row = block.rows[0]
  report.same(what, row && [row.hash, row.parent_hash, row.state_root, row.extrinsics_root].map((b) => toHex(b as Buffer)), [
    truth.hash,
    truth.parentHash,
    truth.stateRoot,
    truth.extrinsicsRoot,
  ])
  report.same(`${what} time`, String(row?.timestamp.getTime()), truth.timestamp)
  report.same(`${what} extrinsics`, extrinsics.rows.length, truth.extrinsics.length)
  report.same(`${what} events`, events.rows.length, truth.events.length)
  truth.extrinsics.forEach((theirs, i) => {
    const ours = extrinsics.rows[i]
    if (!ours) return
    const id = `${what} extrinsic ${i}`
    const era =
      ours.signer === null
        ? null
        : ours.era_period === null
          ? 'immortal'
          : { period: String(ours.era_period), phase: String(ours.era_phase) }
    report.same(
      id,
      [toHex(ours.hash), callName(ours.pallet, ours.call), ours.signer && ss58(ours.signer), ours.nonce, ours.tip, era],
      [theirs.hash, theirs.call, theirs.signer, theirs.nonce, theirs.tip, theirs.era],
    )
    report.same(`${id} arguments`, sorted(plain(ours.args) as Plain), sorted(camelKeys(theirs.args)))
    report.same(`${id} success`, ours.success, theirs.success)
    // The truth gives a sudo'd call's error to its extrinsic; the index keeps it with the nested call.
    if (!ours.success)
      report.same(`${id} error`, ours.error_pallet ? `${camelCase(ours.error_pallet)}.${ours.error_name}` : ours.error_name, theirs.error)
  })
  truth.events.forEach((theirs, i) => {
    const ours = events.rows[i]
    if (!ours) return
    const phase = ours.phase === 'ApplyExtrinsic' ? String(ours.extrinsic_index) : ours.phase
    const data = Array.isArray(ours.data) ? ours.data : Object.values(ours.data as object)
    report.same(`${what} event ${i}`, [phase, `${camelCase(ours.pallet)}.${ours.name}`], [theirs.phase, theirs.event])
    report.same(`${what} event ${i} data`, sorted(plain(data) as Plain), sorted(theirs.data))
  })
  await compareSudo(pool, truth, report)
}

/** Errors of calls that sudo made. */
async function compareSudo(pool: Pool, truth: TruthBlock, report: Report): Promise<void> {
  const { rows } = await pool.query<{
    extrinsic_index: number
    success: boolean | null
    error_pallet: string | null
    error_name: string | null
  }>('select * from calls where block_height = $1 and parent_index = 0 order by extrinsic_index, index', [truth.number])
  for (const theirs of truth.extrinsics.filter((x) => x.call === 'sudo.sudo' && x.success)) {
    const ours = rows.find((row) => String(row.extrinsic_index) === theirs.index)
    const error = ours?.error_name ? (ours.error_pallet ? `${camelCase(ours.error_pallet)}.${ours.error_name}` : ours.error_name) : null
    report.same(`block ${truth.number} extrinsic ${theirs.index} sudo`, [ours?.success, error], [theirs.error === null, theirs.error])
  }
}

interface ExtrinsicRow {
  hash: Buffer
  pallet: string
  call: string
  args: unknown
  signer: Buffer | null
  nonce: string | null
  tip: string | null
  era_period: number | null
  era_phase: number | null
  success: boolean
  error_pallet: string | null
  error_name: string | null
}
interface EventRow {
  phase: string
  extrinsic_index: number | null
  pallet: string
  name: string
  data: unknown
}

function ss58(bytes: Buffer): string {
  return encodeSs58(toHex(bytes))
}

function pairs(uids: number[], values: number[]): Plain {
  return uids.map((uid, i) => [String(uid), String(values[i])])
}

function nonZero(entries: (readonly [string, string])[]): Map<string, unknown> {
  return new Map(entries.filter(([, value]) => value !== '0'))
}

function callName(pallet: string, call: string): string {
  return `${camelCase(pallet)}.${snakeToCamel(call)}`
}

function snakeToCamel(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** Our JSON in the truth's form: integers as strings, names in camelCase, empty variants as their name, calls as `section.method`. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value)
  const { pallet, call, args } = value as { pallet?: string; call?: string; args?: unknown }
  if (typeof pallet === 'string' && typeof call === 'string' && entries.length === 3)
    return { call: callName(pallet, call), args: plain(args) }
  const [only] = entries
  if (entries.length === 1 && only && only[1] === null) return only[0]
  return Object.fromEntries(entries.map(([key, inner]) => [snakeToCamel(key), plain(inner)]))
}

function camelKeys(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(camelKeys)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeToCamel(key), camelKeys(inner)]))
}

function sorted(value: Plain | undefined): Plain {
  if (value === undefined || value === null || typeof value !== 'object') return value ?? null
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(camelKeys(value) as object)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner as Plain)]),
  )
}
