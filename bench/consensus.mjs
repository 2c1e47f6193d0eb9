#!/usr/bin/env node
// What an epoch costs to recompute, from inputs at hand to outputs, and beside it the same epoch in plain floating point, side by side on the same inputs, and
// the plain formula on bigint. CPU time, which other work on the machine changes less than the clock.
import { parseArgs } from 'node:util'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { floatEpoch } from './lib/float-epoch.mjs'
import { fullSubnet } from './lib/full-subnet.mjs'
import { MARCH_2023, SUBNET_RULES_2023 } from '../dist/consensus/generations/march-2023.js'
import { MARCH_2024, SUBNET_RULES_2024 } from '../dist/consensus/generations/march-2024.js'
import { referenceSubnetEpoch } from '../dist/consensus/subnet/reference.js'

const USAGE = `
npm run bench:consensus            measures the built code (npm run build)

  --epochs N         epochs of each measurement (default 200)
  --plain            measures the formula on bigint too, which takes its time
  --save             keep the results as the new bench/baseline.json
`

const SUBNETS = [
  ['256 uids, 64 validators with all weights', 256, 64, 1],
  ['1024 uids, 64 validators with all weights', 1024, 64, 1],
  ['4096 uids, 128 validators with a quarter of the weights', 4096, 128, 0.25],
]

const GENERATIONS = [
  [MARCH_2023, SUBNET_RULES_2023],
  [MARCH_2024, SUBNET_RULES_2024],
]

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '200' },
    plain: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function main() {
  if (flags.help) return console.log(USAGE.trim())
  const baseline = openBaseline('consensus')
  const results = {}
  console.log(`consensus on ${thisMachine()}${baseline.machine ? `; baseline from ${baseline.machine}` : '; no baseline yet'}`)
  for (const [what, n, validators, density] of SUBNETS) {
    const inputs = fullSubnet(n, validators, density)
    // Matrices of thousands by thousands, a dozen times over, say nothing about a formula any more.
    const float = n > 1024 ? null : cpuMs(Math.ceil((Number(flags.epochs) * 20) / n), () => floatEpoch(inputs))
    for (const [generation, rules] of GENERATIONS) {
      const name = `${generation.id}, ${what}`
      const ms = cpuMs(Number(flags.epochs), () => generation.subnetEpoch(inputs))
      const plain = flags.plain ? `, plain ${cpuMs(1, () => referenceSubnetEpoch(rules, inputs)).toFixed(0)} ms` : ''
      results[name] = { cpuMsPerEpoch: Number(ms.toFixed(2)), ...(float && { timesFloat: Number((float / ms).toFixed(2)) }) }
      const ratio = float ? `, ${(float / ms).toFixed(1)} times as fast as floating point (${float.toFixed(1)} ms)` : ''
      const times = `${compared(ms, baseline.get(name)?.cpuMsPerEpoch, 2)} ms CPU/epoch, ${(1000 / ms).toFixed(0)} epochs/s a core`
      console.log(`${name}: ${times}${ratio}${plain}`)
    }
  }
  if (flags.save) baseline.save(results)
}

/** Of one run, on average. The first ones, while the code is being compiled, are not counted. */
function cpuMs(runs, run) {
  for (let warmUp = 0; warmUp < runs / 5; warmUp++) run()
  const before = process.cpuUsage()
  for (let k = 0; k < runs; k++) run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / runs
}

main()
