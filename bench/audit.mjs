#!/usr/bin/env node
// How long `taogate audit` takes for what is stored of a subnet: reading, unpacking, recomputing and comparing. One epoch is computed, stored through the writer and
// then repeated in the tables, so that no chain is needed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packInputs } from '../dist/consensus/audit/index.js'
import { MARCH_2024 } from '../dist/consensus/generations/march-2024.js'
import { rowOf } from '../dist/consensus/sparse-rows.js'
import { silentLog } from '../dist/core/log.js'
import { createMetrics } from '../dist/core/metrics.js'
import { emptyFacts } from '../dist/core/records.js'
import { createBatchWriter, migrate, openDatabase } from '../dist/store/index.js'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { fullSubnet } from './lib/full-subnet.mjs'
import { runMeasured } from './lib/process.mjs'

const USAGE = `
npm run bench:audit                audits stored epochs of 256 uids and 64 validators with all weights and bonds (built code)

  --epochs N         how many (default 1000; a year of a subnet is 7300)
  --save             keep the results as the new bench/baseline.json
`

const N = 256
const VALIDATORS = 64
const NETUID = 1
const hash = (number) => `0x${number.toString(16).padStart(64, '0')}`

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '1000' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  const epochs = Number(flags.epochs)
  const folder = mkdtempSync(join(tmpdir(), 'taogate-bench-audit-'))
  try {
    await store(folder, epochs)
    const audit = () => runMeasured(['audit', '--data-dir', folder, '--log-level', 'error'])
    const { wallMs, cpuMs, peakRssMb, printed } = await audit()
    if (!printed.startsWith(`${epochs} epochs: ${epochs} exact`)) throw new Error(printed)
    const baseline = openBaseline('audit')
    const result = { cpuMsPerEpoch: cpuMs / epochs, wallMsPerEpoch: wallMs / epochs, peakRssMb }
    const before = baseline.get('256 uids') ?? {}
    const [cpu, wall] = ['cpuMsPerEpoch', 'wallMsPerEpoch'].map((name) => compared(result[name], before[name], 2))
    console.log(
      `audit on ${thisMachine()}: ${cpu} ms CPU and ${wall} ms an epoch with the start of the program, ${peakRssMb.toFixed(0)} MB`,
    )
    if (flags.save) baseline.save({ '256 uids': Object.fromEntries(Object.entries(result).map(([k, v]) => [k, Number(v.toFixed(2))])) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function store(dataDir, epochs) {
  const database = await openDatabase({ dataDir, log: silentLog })
  try {
    const { pool } = database
    await migrate(pool, silentLog)
    const writer = createBatchWriter({ pool, log: silentLog, metrics: createMetrics() })
    const chain = { genesisHash: hash(1), name: 'bench', specName: 'node-subtensor', ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }
    await writer.claimChain(chain)
    await writer.applyHistory({ from: 1, to: epochs, facts: await factsOf(epochs) })
    for (const table of ['epochs', 'epoch_inputs', 'neuron_snapshots', 'emissions']) await repeat(pool, table, epochs)
    await pool.query('ANALYZE')
  } finally {
    await database.close()
  }
}

async function factsOf(epochs) {
  const inputs = { ...fullSubnet(N, VALIDATORS), netuid: NETUID }
  const outputs = MARCH_2024.subnetEpoch(inputs)
  const packed = await packInputs(inputs)
  const uids = Array.from({ length: N }, (_, uid) => uid)
  const blockHeight = 1
  const audit = { status: 'EXACT', reason: null, generation: MARCH_2024.id, inputsHash: packed.hash, differenceCount: 0, differences: null }
  const sums = { emissionValue: null, emissionDue: inputs.emission, emissionGiven: null, serverEmission: null, validatorEmission: null }
  const counts = { totalStake: null, activeCount: N, validatorCount: VALIDATORS, timestamp: 0 }
  return {
    ...emptyFacts(),
    blocks: Array.from({ length: epochs }, (_, i) => block(i + 1)),
    epochs: [{ netuid: NETUID, blockHeight, tempo: inputs.tempo, n: N, ...sums, ...counts, audit }],
    epochInputs: [{ netuid: NETUID, blockHeight, inputs: packed.bytes }],
    neuronSnapshots: uids.map((uid) => ({ ...neuron(inputs, outputs, uid), netuid: NETUID, blockHeight })),
    emissions: uids.map((uid) => {
      const [server, validator] = [outputs.serverEmission[uid], outputs.validatorEmission[uid]]
      return { netuid: NETUID, blockHeight, uid, hotkey: hash(uid), server, validator, total: server + validator }
    }),
  }
}

function block(height) {
  const of = { height, hash: hash(height), parentHash: hash(height - 1), stateRoot: hash(0), extrinsicsRoot: hash(0) }
  return { ...of, timestamp: height * 12_000, author: null, specVersion: 143, extrinsicCount: 0, eventCount: 0 }
}

function neuron({ stake, lastUpdate, weights }, outputs, uid) {
  const vectors = ['rank', 'trust', 'consensus', 'incentive', 'dividends', 'validatorTrust', 'pruningScore', 'emission']
  const split = (row, uids, values) => ({ [uids]: row.map(([to]) => to), [values]: row.map(([, value]) => value) })
  return {
    ...Object.fromEntries(vectors.map((name) => [name, outputs[name][uid]])),
    ...split(rowOf(weights, uid), 'weightUids', 'weightValues'),
    ...split(rowOf(outputs.bonds, uid), 'bondUids', 'bondValues'),
    uid,
    hotkey: hash(uid),
    coldkey: null,
    stake: stake[uid],
    validatorPermit: outputs.validatorPermit[uid] === 1,
    active: outputs.active[uid] === 1,
    lastUpdate: BigInt(lastUpdate[uid]),
    registeredBlock: 0n,
    axon: null,
    prometheus: null,
  }
}

/** The rows of block 1 again for each of the blocks after it. */
async function repeat(pool, table, epochs) {
  const { rows } = await pool.query('SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1', [table])
  const names = rows.map(({ name }) => `"${name}"`)
  const values = names.map((name) => (name === '"block_height"' ? 'height' : name))
  await pool.query(
    `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table}, generate_series(2, $1::int) height WHERE block_height = 1`,
    [epochs],
  )
}

await main()
