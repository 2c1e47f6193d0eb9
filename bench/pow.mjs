#!/usr/bin/env node
// How fast proofs of work are found on one core, beside what there was before, in one run: every implementation gets its turn in every round, so that whatever
// else the machine does is spread over all. CPU time, medians.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { AVX512_SHARED, CPU_KERNELS } from '../native/pow/generate/cpu.mjs'
import { describe } from '../native/pow/generate/description.mjs'
import { countSteps } from '../native/pow/generate/graph.mjs'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { implementations } from './pow/implementations.mjs'
import { measureIssueRate } from './pow/issue-rate.mjs'

const USAGE = `
npm run bench:pow            measures the solvers of this machine's processor (node scripts/build-native.mjs builds the native ones)

  --rounds N         turns of each implementation (default 7)
  --seconds S        length of a turn (default 0.4)
  --save             keep the results in bench/baseline.json
`
const LANES = 16
/** Besides whole turns, kernels of AVX-512 are timed as the issue limit is: the best of many turns so short that other work falls between them. */
const SHORT_TURNS = 200
const SHORT_TURN = 8192
/** Byte swaps, packing, nonces and tests of a batch of AVX-512: not part of the hash. */
const PACKING = 26
const ONE_CORE = fileURLToPath(new URL('pow/one-core.mjs', import.meta.url))

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.4' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  const folder = mkdtempSync(join(tmpdir(), 'taogate-bench-pow-'))
  try {
    await measure(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(folder) {
  const baseline = openBaseline('pow')
  console.log(`proof of work on ${thisMachine()}${baseline.machine ? `; baseline from ${baseline.machine}` : '; no baseline yet'}`)
  const compiler = [process.env.CC, 'gcc', 'clang', 'cc'].find((path) => path && spawnSync(path, ['--version']).status === 0)
  const all = await implementations({ compiler, folder })
  const native = new Set(all.map(({ name }) => name))
  const shares = { logic: sharesOfMix(CPU_KERNELS.avx512.features), shared: sharesOfMix(AVX512_SHARED) }
  const issue =
    compiler && native.has('avx512') ? () => measureIssueRate(compiler, folder, { logic: shares.logic, shared: shares.shared }) : null

  const runs = new Map(all.map(({ name }) => [name, []]))
  const issues = []
  const shortest = new Map(['avx512-logic', 'avx512-shared', 'avx512'].map((name) => [name, []]))
  for (const { first, run } of all) run(first)
  const counts = new Map(all.map(({ name, first, run }) => [name, Math.ceil((first * Number(flags.seconds)) / run(first))]))
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { name, run } of all) runs.get(name).push(counts.get(name) / run(counts.get(name)) / 1e6)
    if (!issue) continue
    issues.push(issue())
    for (const { name, run } of all) if (shortest.has(name)) shortest.get(name).push(bestOfShortTurns(run))
  }

  const medians = new Map([...runs].map(([name, rates]) => [name, median(rates)]))
  const results = {}
  for (const [name, mhs] of medians) {
    const times = (other) => (medians.has(other) ? Number((mhs / medians.get(other)).toFixed(2)) : undefined)
    results[name] = { mhs: round3(mhs), timesPython: times('Python client loop'), timesScalarC: times('scalar C') }
    const ratios = `${results[name].timesPython ?? '?'}x Python client, ${results[name].timesScalarC ?? '?'}x scalar C`
    console.log(
      `${name}: ${compared(mhs, baseline.get(name)?.mhs, 3)} MH/s a core (best ${Math.max(...runs.get(name)).toFixed(3)}), ${ratios}`,
    )
  }
  if (issue) results['issue limit of AVX-512'] = reportLimit(issues, shares, runs, shortest)
  const fastest = [...medians.keys()].at(-1)
  if (fastest in { portable: 1, avx2: 1, avx512: 1 }) results['two cores'] = await twoCores(fastest)
  if (flags.save) baseline.save(results)
}

/** Operations of a hash of AVX-512, sixteen at a time, by how many registers they read. */
function sharesOfMix(features) {
  const hash = describe(features)
  const of = (phase, times) => {
    const { total, lut3 = 0, rotr = 0, rotl = 0, shr = 0 } = countSteps(phase)
    const rotates = rotr + rotl + shr
    return { logic2: (total - lut3 - rotates) * times, logic3: lut3 * times, rotate: rotates * times }
  }
  const parts = [of(hash.sha, 1), of(hash.first, 2), of(hash.round, 2 * hash.roundConstants.length), of(hash.lastLittle, 2)]
  return Object.fromEntries(['logic2', 'logic3', 'rotate'].map((name) => [name, parts.reduce((sum, part) => sum + part[name], 0)]))
}

function bestOfShortTurns(run) {
  return Math.max(...Array.from({ length: SHORT_TURNS }, () => SHORT_TURN / run(SHORT_TURN) / 1e6))
}

/** The share of what could be issued, were no operation ever to wait for another. */
function reportLimit(issues, shares, runs, shortest) {
  const names = ['ghz', 'logic2', 'logic3', 'rotate', 'logic', 'shared', 'logicOrdered', 'sharedOrdered']
  const rates = Object.fromEntries(names.map((name) => [name, round3(median(issues.map((one) => one[name])))]))
  const { ghz, logic2, logic3, rotate } = rates
  console.log(
    `512-bit operations a cycle at ${ghz.toFixed(2)} GHz: two-input logic ${logic2}, three-input logic ${logic3}, rotates ${rotate}`,
  )
  const operations = (kind) => (Object.values(shares[kind]).reduce((a, b) => a + b, 0) + PACKING) / LANES
  const share = (what, kernel, kind, rate) => {
    const limit = (ghz * 1000 * rate) / operations(kind)
    const percent = (mhs) => `${((100 * mhs) / limit).toFixed(1)}%`
    const [middle, short] = [median(runs.get(kernel)), median(shortest.get(kernel))]
    console.log(
      `${kernel}: ${percent(middle)} (short turns of ${short.toFixed(2)} MH/s: ${percent(short)}) of ${limit.toFixed(2)} MH/s, ` +
        `${operations(kind).toFixed(0)} operations a hash ${what}`,
    )
    return round3(limit)
  }
  return {
    ...rates,
    limitMhs: share(`at ${logic2} a cycle, as if all were two-input logic`, 'avx512', 'logic', logic2),
    logicLimitMhs: share(`at ${rates.logic} a cycle, measured for its mix of operations`, 'avx512-logic', 'logic', rates.logic),
    sharedLimitMhs: share(`at ${rates.shared} a cycle, measured for its mix of operations`, 'avx512-shared', 'shared', rates.shared),
    orderedLimitMhs: share(
      `at ${rates.sharedOrdered} a cycle, the same mix in its best order`,
      'avx512-shared',
      'shared',
      rates.sharedOrdered,
    ),
  }
}

/** Hashes of two processes at once against those of one, by CPU time and by the clock, alternating. */
async function twoCores(kernel) {
  const start = async (number) => {
    const args = [ONE_CORE, kernel, String(Date.now() + 300), flags.seconds]
    const printed = await Promise.all(Array.from({ length: number }, () => promisify(execFile)(process.execPath, args)))
    const rates = printed.map(({ stdout }) => JSON.parse(stdout))
    return ['perCpuSecond', 'perSecond'].map((name) => rates.reduce((sum, rate) => sum + rate[name], 0))
  }
  const [ones, twos] = [[], []]
  for (let round = 0; round < Number(flags.rounds); round++) {
    ones.push(await start(1))
    twos.push(await start(2))
  }
  const ratio = (at) => median(twos.map((rates) => rates[at])) / median(ones.map((rates) => rates[at]))
  console.log(
    `two cores against one, ${kernel}: ${ratio(0).toFixed(2)}x by CPU time, ${ratio(1).toFixed(2)}x by the clock (which other work on the machine shares)`,
  )
  return { timesOneByCpu: round3(ratio(0)), timesOneByClock: round3(ratio(1)) }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function round3(value) {
  return Number(value.toFixed(3))
}

await main()
