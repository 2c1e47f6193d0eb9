import type { Batch, Hex, StateChanges } from '../../src/core/records.js'

/** What the state tables must hold, worked out row by row from the words of the contract instead of from SQL. */
export function stateModel(batches: readonly Batch[]): Record<string, unknown[]> {
  const tables = { accounts: new Table(['address']), subnets: new Table(['netuid']), neurons: new Table(['netuid', 'uid']) }
  const more = { hotkeys: new Table(['hotkey']), delegations: new Table(['hotkey', 'coldkey', 'netuid']) }
  const model = { ...tables, ...more }
  for (const { state, next } of batches) applyToModel(model, state, next.height)
  return Object.fromEntries(Object.entries(model).map(([name, table]) => [name, table.sorted()]))
}

type Row = Record<string, unknown>
type Model = Record<'accounts' | 'subnets' | 'neurons' | 'hotkeys' | 'delegations', Table>

class Table {
  rows = new Map<string, Row>()

  constructor(readonly key: string[]) {}

  idOf(row: Row): string {
    return this.key.map((name) => String(row[name])).join(' ')
  }

  /** `block` moves only with another value; `firstSeen` never. */
  put(row: Row, block: number): void {
    const id = this.idOf(row)
    const old = this.rows.get(id)
    const { block: oldBlock, firstSeen, ...rest } = old ?? {}
    if (old !== undefined && plain(rest) === plain(row)) return
    this.rows.set(id, { ...row, block, firstSeen: old === undefined ? block : firstSeen })
    void oldBlock
  }

  removeWhere(test: (row: Row) => boolean): void {
    for (const [id, row] of this.rows) if (test(row)) this.rows.delete(id)
  }

  sorted(): Row[] {
    return [...this.rows].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, row]) => row)
  }
}

function plain(row: Row): string {
  return JSON.stringify(
    Object.entries(row).sort(([x], [y]) => (x < y ? -1 : 1)),
    (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v),
  )
}

function applyToModel(model: Model, state: StateChanges, end: number): void {
  model.subnets.removeWhere((row) => state.removedSubnets.includes(row['netuid'] as number))
  model.neurons.removeWhere((row) => state.removedSubnets.includes(row['netuid'] as number))
  model.hotkeys.removeWhere((row) => state.removedHotkeys.includes(row['hotkey'] as Hex))
  for (const { block, ...row } of state.accounts) model.accounts.put({ ...row, total: row.free + row.reserved + (row.staked ?? 0n) }, block)
  for (const { params, ...row } of state.subnets) model.subnets.put({ ...row, params: JSON.parse(params) as unknown }, end)
  for (const { block, ...row } of state.neurons) model.neurons.put({ ...row }, block)
  for (const { netuid, n } of state.neuronCounts) {
    model.neurons.removeWhere((row) => row['netuid'] === netuid && (row['uid'] as number) >= n)
  }
  for (const { block, ...row } of state.hotkeys) {
    model.hotkeys.put({ ...row }, block)
    for (const neuron of model.neurons.rows.values()) {
      if (neuron['hotkey'] !== row.hotkey) continue
      if (neuron['stake'] === row.totalStake && neuron['coldkey'] === row.coldkey) continue
      Object.assign(neuron, { stake: row.totalStake, coldkey: row.coldkey, block: Math.max(neuron['block'] as number, block) })
    }
  }
  const listed = new Set(state.delegations.map((d) => `${d.hotkey} ${d.coldkey} ${d.netuid}`))
  for (const { block, ...row } of state.delegations) if (row.amount !== 0n) model.delegations.put({ ...row }, block)
  const zero = new Set(state.delegations.filter((d) => d.amount === 0n).map((d) => `${d.hotkey} ${d.coldkey} ${d.netuid}`))
  model.delegations.removeWhere((row) => zero.has(model.delegations.idOf(row)))
  model.delegations.removeWhere(
    (row) => state.completeDelegations.includes(row['hotkey'] as Hex) && !listed.has(model.delegations.idOf(row)),
  )
}
