#!/usr/bin/env node
// How fast proofs of work are found on one core, beside what there was before, in one run: every implementation gets its turn in every round, so that whatever
// else the machine does is spread over all. CPU time, medians.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { implementations } from './pow/implementations.mjs'
import { createIssueLimit } from './pow/issue-limit.mjs'
import { median } from './pow/short-turns.mjs'

const USAGE = `
npm run bench:pow            measures the solvers of this machine's processor (node scripts/build-native.mjs builds the native ones)

  --rounds N         turns of each implementation (default 7)
  --seconds S        length of a turn (default 0.4)
  --save             keep the results in bench/baseline.json
`
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
  const byName = new Map(all.map(({ name, run }) => [name, run]))
  const limit = compiler && byName.has('avx512') ? createIssueLimit(compiler, folder, byName) : null

  const runs = new Map(all.map(({ name }) => [name, []]))
  for (const { first, run } of all) run(first)
  const counts = new Map(all.map(({ name, first, run }) => [name, Math.ceil((first * Number(flags.seconds)) / run(first))]))
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { name, run } of all) runs.get(name).push(counts.get(name) / run(counts.get(name)) / 1e6)
    limit?.measure()
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
  if (limit) results['issue limit of AVX-512'] = limit.report(medians.get('avx512'))
  const fastest = [...medians.keys()].at(-1)
  if (fastest in { portable: 1, avx2: 1, avx512: 1 }) results['two cores'] = await twoCores(fastest)
  if (flags.save) baseline.save(results)
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

function round3(value) {
  return Number(value.toFixed(3))
}

await main()
