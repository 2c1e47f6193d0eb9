// Keccak of sixteen nonces, and between its operations, where it would wait for itself, SHA-256 of sixteen that come later: one block of AVX-512 instructions.
import { assemble, inlinePhase, weave } from './assembly.mjs'
import { describe } from './description.mjs'
import { hex } from './print.mjs'

/** @typedef {import('./graph.mjs').Features} Features */
/** @typedef {import('./graph.mjs').Ref} Ref */

const VECTOR_BYTES = 64
/** Keccak's lanes that come in, four for each half of the sixteen nonces, and the words of a digest. */
const LANES = 8
const WORDS = 8
/** Where the fields of `struct Woven` begin, in vectors. */
const W0 = 0
const D = W0 + 1
const H = D + LANES
const LANE = H + WORDS
const PLACES = LANE + 2

/**
 * `weave<little>(slots, woven)`, `struct Woven`, whose fields say what goes in and comes out, and its constants.
 *
 * @param {Features} features
 * @returns {string}
 */
export function wovenSource(features) {
  const constants = { 32: [], 64: [] }
  const [big, little] = [false, true].map((isLittle) => instructions(features, isLittle, constants))
  const declare = (width) =>
    `  uint${width}_t of${width}[${constants[width].length}] = {\n${constants[width].map((value) => `    ${hex(value, width)}${width === 64 ? 'ull' : 'u'},\n`).join('')}  };`
  return `struct alignas(64) Woven {
  /** In: the later nonces' first words. */
  __m512i w0;
  /** In: Keccak's lanes, of the lower half and then of the upper. */
  __m512i d[${LANES}];
  /** Out: the later nonces' digests. */
  __m512i h[${WORDS}];
  /** Out: the decisive lanes of the halves. */
  __m512i lane[2];
  /** Of values that have no register. */
  __m512i places[${Math.max(big.places, little.places)}];
};

static const struct {
${declare(64)}
${declare(32)}
} WOVEN_CONSTANTS{};

template <bool little> POW_TARGET POW_APART static void weave(const uint32_t *slots, Woven &woven) {
  if constexpr (little) {
${block(little.lines)}
  } else {
${block(big.lines)}
  }
}
`
}

function instructions(features, isLittle, constants) {
  const hash = describe(features)
  const vector = (index) => `${VECTOR_BYTES * index}(%[woven])`
  const indexIn = (table, value) => (table.includes(value) ? table.indexOf(value) : table.push(value) - 1)
  const word = (ref, width) => {
    if (ref.kind === 'input') return { operand: vector(ref.name === 'w0' ? W0 : D + Number(ref.name.slice(1))) }
    if (ref.kind === 'slot') return { operand: `${4 * ref.index}(%[slots])`, spread: true }
    const index = indexIn(constants[width], ref.value)
    return { operand: `${(width / 8) * index}(%[of${width}])`, spread: true }
  }
  const sha = inlinePhase(hash.sha, 's', (name) => ({ kind: 'input', name }))
  const keccaks = [0, 1].map((half) => keccak(hash, half, isLittle))
  const outputs = new Map([
    ...sha.outputs.map(({ id }, k) => [id, vector(H + k)]),
    ...keccaks.map(({ output }, half) => [output.id, vector(LANE + half)]),
  ])
  const steps = weave([sha.steps, keccaks.flatMap((one) => one.steps)])
  return assemble(steps, { word, place: (place) => vector(PLACES + place), outputs })
}

/** All rounds in a row for one half. */
function keccak(hash, half, isLittle) {
  const last = isLittle ? hash.lastLittle : hash.lastBig
  const first = inlinePhase(hash.first, `k${half}first`, (name) => ({ kind: 'input', name: `d${4 * half + Number(name.slice(1))}` }))
  const steps = [...first.steps]
  let state = first.outputs
  const add = (phase, prefix, rc) => {
    const before = state
    const round = inlinePhase(phase, prefix, (name) => (name === 'rc' ? { kind: 'literal', value: rc } : before[name.slice(1)]))
    steps.push(...round.steps)
    state = round.outputs
  }
  hash.roundConstants.forEach((rc, k) => add(hash.round, `k${half}round${k}v`, rc))
  add(last, `k${half}last`)
  return { steps, output: state[0] }
}

/** As inline assembly, in which braces and the signs of registers have to be marked as the instructions' own. */
function block(lines) {
  const escaped = lines.map((line) => `      "${line.replace(/%(?=zmm)|[{}]/g, '%$&')}\\n"`)
  const clobbered = Array.from({ length: 32 }, (_, k) => `"xmm${k}"`).join(', ')
  return `    __asm__ volatile(
${escaped.join('\n')}
      :
      : [woven] "r"(&woven), [slots] "r"(slots), [of32] "r"(WOVEN_CONSTANTS.of32), [of64] "r"(WOVEN_CONSTANTS.of64)
      : ${clobbered}, "memory");`
}
