// How far the forms of AVX-512, and the solver that chooses from them, are from what the processor could issue, were no operation ever to wait for another.
import { AVX512_SHARED, CPU_KERNELS } from '../../native/pow/generate/cpu.mjs'
import { describe } from '../../native/pow/generate/description.mjs'
import { countSteps } from '../../native/pow/generate/graph.mjs'
import { measureIssueRate } from './issue-rate.mjs'
import { median, undisturbed } from './short-turns.mjs'

const LANES = 16
const SHORT_TURNS = 100
const SHORT_TURN = 16_384
/** Byte swaps, packing, nonces and tests of sixteen nonces: not part of the hash. */
const PACKING = 26
const MIXES = { logic: mixOf(CPU_KERNELS.avx512.features), shared: mixOf(AVX512_SHARED) }
/** Weaving changes nothing but the order of operations. */
const MIX_OF_FORM = { 'avx512-logic': 'logic', 'avx512-shared': 'shared', 'avx512-woven': 'shared' }

/**
 * @param {string} compiler Of C.
 * @param {string} folder For what is compiled.
 * @param {Map<string, (count: number) => number>} runs CPU seconds of so many nonces, by the names of forms.
 */
export function createIssueLimit(compiler, folder, runs) {
  const rounds = []

  return {
    /** One round: the processor's rates, and millions of hashes a second of each form, all in short turns. */
    measure() {
      const rates = measureIssueRate(compiler, folder, MIXES)
      const forms = {}
      for (const form in MIX_OF_FORM) {
        const run = runs.get(form)
        forms[form] = SHORT_TURN / undisturbed(Array.from({ length: SHORT_TURNS }, () => run(SHORT_TURN))) / 1e6
      }
      rounds.push({ rates, forms })
    },

    /** Prints medians of the rounds; gives them for the baseline. @param {number} wholeMhs Of the solver as it is used. */
    report(wholeMhs) {
      const rate = (name) => median(rounds.map(({ rates }) => rates[name]))
      const aCycle = (name) => round3(median(rounds.map(({ rates }) => rates[name] / rates.cycles)))
      const limit = (mix, name = mix) => rate(name) / operations(mix) / 1e6
      const results = { ghz: round3(rate('cycles') / 1e9) }
      for (const name of ['logic2', 'logic3', 'rotate', 'logic', 'shared', 'logicOrdered', 'sharedOrdered']) results[name] = aCycle(name)
      console.log(
        `512-bit operations a cycle at ${results.ghz.toFixed(2)} GHz: two-input logic ${results.logic2}, three-input logic ${results.logic3}, ` +
          `rotates ${results.rotate}; the mix of logic ${results.logic} (in its best order ${results.logicOrdered}), of shared ${results.shared} (${results.sharedOrdered})`,
      )
      const line = (what, mhs, mix, of, most) =>
        console.log(
          `${what}: ${mhs.toFixed(2)} MH/s, ${((100 * mhs) / most).toFixed(1)}% of ${most.toFixed(2)} MH/s (${operations(mix).toFixed(0)} operations a hash, ${of})`,
        )
      const shorts = Object.keys(MIX_OF_FORM).map((form) => ({
        form,
        mix: MIX_OF_FORM[form],
        mhs: median(rounds.map(({ forms }) => forms[form])),
      }))
      for (const { form, mix, mhs } of shorts) {
        line(`${form} in short turns`, mhs, mix, `its mix of ${mix}`, limit(mix))
        results[form] = { shortTurnsMhs: round3(mhs), limitMhs: round3(limit(mix)) }
      }
      const { mix } = shorts.reduce((a, b) => (a.mhs >= b.mhs ? a : b))
      line('avx512 in whole turns, as it is used', wholeMhs, mix, `the mix of its fastest form`, limit(mix))
      line('avx512 in whole turns', wholeMhs, mix, 'that mix in its best order', limit(mix, `${mix}Ordered`))
      line('avx512 in whole turns', wholeMhs, 'logic', 'as if all were two-input logic', limit('logic', 'logic2'))
      return { ...results, orderedLimitMhs: round3(limit(mix, `${mix}Ordered`)), twoInputLimitMhs: round3(limit('logic', 'logic2')) }
    },
  }
}

/** Operations of sixteen hashes, by how many registers they read. */
function mixOf(features) {
  const hash = describe(features)
  const mix = { logic2: 0, logic3: 0, rotate: 0 }
  const add = (phase, times) => {
    const { total, lut3 = 0, rotr = 0, rotl = 0, shr = 0 } = countSteps(phase)
    const rotates = rotr + rotl + shr
    mix.logic2 += (total - lut3 - rotates) * times
    mix.logic3 += lut3 * times
    mix.rotate += rotates * times
  }
  add(hash.sha, 1)
  add(hash.first, 2)
  add(hash.round, 2 * hash.roundConstants.length)
  add(hash.lastLittle, 2)
  return mix
}

/** Of one hash. */
function operations(mix) {
  return (Object.values(MIXES[mix]).reduce((a, b) => a + b, 0) + PACKING) / LANES
}

function round3(value) {
  return Number(value.toFixed(3))
}
