#!/usr/bin/env node
// How fast the indexer takes in a chain: blocks/s, CPU per block and peak memory, against a recorded chain, so that no node is measured.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { runMeasured, startTool } from './lib/process.mjs'

const USAGE = `
npm run bench:ingest -- --recording FILE --node ws://HOST:PORT     records a chain, by indexing it once, and measures
npm run bench:ingest -- --recording FILE                           measures with a recording made before

  --recording FILE   what the indexer was answered; made with the rig's replay-node.mjs
  --node URL         the node to record from. Only read
  --to N             last block                               (default: the recording's head)
  --runs N           runs of each measurement; the best counts (default 3)
  --latency MS,...   delays of every answer                   (default 0,50)
  --batch N          blocks of one transaction                (default 50; a recording is for one size)
  --only NAME        only the measurements whose name has this in it
  --save             keep the results as the new bench/baseline.json

The variable TAOGATE_RIG names the folder of the installed rig. DATABASE_URL and other settings are ignored: each run
has an embedded database of its own. Start-up is not counted: it is measured by a run that finds nothing to do.
`

/** Flags that only `indexer` has. */
const INDEXER = ['--head-mode', 'finalized', '--health-port', '0']

/**
 * What is measured. `prepare` fills a fresh database so far that `measured` has exactly `blocks` to do; a second `measured` then
 * has none, which gives the cost of starting and stopping. Without `prepare` there is no database.
 */
const replayed = (recording) => ['replay-node.mjs', '--record', recording, '--offline']
/** Repeated blocks repeat their state too, which then contradicts their heights: good for blocks and events only. */
const repeated = (recording) => ['long-chain.mjs', '--record', recording, '--length', String(LONG)]
const LONG = 10_000

const SCENARIOS = [
  {
    name: 'with storage',
    served: replayed,
    prepare: (to, common) => ['indexer', '--start', 'genesis', '--to', '1', ...INDEXER, ...common],
    measured: (to, common) => ['indexer', '--start', 'genesis', '--to', String(to), ...INDEXER, ...common],
    blocks: (to) => to - 1,
  },
  {
    // History behind a live index: blocks and facts, without the state after each batch.
    name: 'history only',
    served: replayed,
    prepare: (to, common) => ['indexer', '--start', String(to), '--to', String(to), ...INDEXER, ...common],
    measured: (to, common) => ['backfill', '--from', '0', '--to', String(to - 1), ...common],
    blocks: (to) => to,
  },
  {
    // Blocks and events fetched, decoded and mapped: no state, no database.
    name: 'without storage',
    served: repeated,
    measured: (to) => (node) => [BLOCKS_ONLY, '--chain', node.ws, '--to', String(to), '--batch', flags.batch],
    blocks: (to) => to - 1,
  },
]

const BLOCKS_ONLY = fileURLToPath(new URL('blocks-only.mjs', import.meta.url))

const { values: flags } = parseArgs({
  options: {
    recording: { type: 'string' },
    node: { type: 'string' },
    to: { type: 'string' },
    runs: { type: 'string', default: '3' },
    latency: { type: 'string', default: '0,50' },
    batch: { type: 'string', default: '50' },
    only: { type: 'string', default: '' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  const { recording } = flags
  const rig = process.env.TAOGATE_RIG
  if (!rig) return refuse('TAOGATE_RIG is not set: it names the folder of the installed rig')
  if (!recording) return refuse('--recording is missing')
  if (!flags.node && !existsSync(recording)) return refuse(`${recording} is not there; --node URL makes it`)
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(flags.only))

  if (flags.node) {
    const node = await startTool(rig, 'replay-node.mjs', '--record', recording, '--upstream', flags.node, '--port', '0')
    try {
      for (const scenario of scenarios) await once(scenario, node)
    } finally {
      await node.close()
    }
    console.error(`recorded ${recording}`)
  }
  await measureAll(rig, recording, scenarios)
}

async function measureAll(rig, recording, scenarios) {
  const baseline = openBaseline('ingest')
  const results = {}
  console.log(`ingest on ${thisMachine()}${baseline.machine ? `; baseline from ${baseline.machine}` : '; no baseline yet'}`)
  for (const latency of flags.latency.split(',')) {
    for (const scenario of scenarios) {
      const node = await startTool(rig, ...scenario.served(recording), '--port', '0', '--latency', latency)
      try {
        const name = `${scenario.name}, ${latency} ms`
        const result = await best(scenario, node)
        results[name] = result
        console.log(line(name, result, baseline.get(name) ?? {}))
      } finally {
        await node.close()
      }
    }
  }
  if (!flags.save) return
  if (!Object.values(results).every(({ trusted }) => trusted))
    throw new Error('not saved: some measurements are too short to be a baseline')
  baseline.save(results)
}

/** The cost of starting varies by some tenths of a second; what takes less than this drowns in that. */
const TRUSTED_MS = 2000

async function best(scenario, node) {
  const runs = []
  for (let run = 0; run < Number(flags.runs); run++) runs.push(await once(scenario, node))
  return {
    blocks: runs[0].blocks,
    trusted: runs.every((run) => run.workMs >= TRUSTED_MS),
    blocksPerSecond: round(Math.max(...runs.map((run) => run.blocksPerSecond)), 0),
    cpuMsPerBlock: round(Math.min(...runs.map((run) => run.cpuMsPerBlock)), 3),
    peakRssMb: round(Math.min(...runs.map((run) => run.peakRssMb)), 0),
  }
}

/** One measurement in a fresh database. */
async function once(scenario, node) {
  const to = flags.to === undefined ? node.head : Number(flags.to)
  const dataDir = mkdtempSync(join(tmpdir(), 'taogate-bench-'))
  const common = ['--chain', node.ws, '--data-dir', dataDir, '--batch-blocks', flags.batch, '--log-level', 'warn']
  try {
    const { work, idle } = scenario.prepare ? await indexOnce(scenario, to, common, dataDir) : await mapOnce(scenario, to, node)
    const blocks = scenario.blocks(to)
    return {
      blocks,
      workMs: work.wallMs - idle.wallMs,
      blocksPerSecond: (blocks * 1000) / Math.max(1, work.wallMs - idle.wallMs),
      cpuMsPerBlock: (work.cpuMs - idle.cpuMs) / blocks,
      peakRssMb: work.peakRssMb,
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function indexOnce(scenario, to, common, dataDir) {
  await runMeasured(scenario.prepare(to, common))
  const work = await runMeasured(scenario.measured(to, common))
  await checkIndexed(dataDir, to)
  return { work, idle: await runMeasured(scenario.measured(to, common)) }
}

async function mapOnce(scenario, to, node) {
  return { work: await runMeasured(scenario.measured(to)(node)), idle: await runMeasured(scenario.measured(1)(node)) }
}

/** A run that did less than it should have would look fast. */
async function checkIndexed(dataDir, to) {
  const { printed } = await runMeasured(['status', '--data-dir', dataDir, '--log-level', 'warn'])
  const head = /^head +(\d+)/m.exec(printed)?.[1]
  if (Number(head) !== to || !/^gaps +none/m.test(printed)) throw new Error(`not all of the blocks up to ${to} were indexed:\n${printed}`)
}

function line(name, result, before) {
  const rate = compared(result.blocksPerSecond, before.blocksPerSecond)
  const cpu = compared(result.cpuMsPerBlock, before.cpuMsPerBlock, 2)
  const rss = compared(result.peakRssMb, before.peakRssMb)
  return `${name}: ${result.blocks} blocks, ${rate} blocks/s, ${cpu} ms CPU/block, ${rss} MB peak RSS${result.trusted ? '' : '; TOO SHORT TO TRUST, record more blocks'}`
}

function round(value, digits) {
  return Number(value.toFixed(digits))
}

function refuse(message) {
  console.error(`${message}\n--help tells more.`)
  process.exitCode = 2
}

await main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
