// Keccak of AVX-512 as inline assembly, whole: no lane goes through memory between rounds, and instructions come in the order of the description.
import { describeKeccakAhead } from './description.mjs'
import { hex } from './print.mjs'
import { BROADCAST, printWithRegisters, zmm } from './registers.mjs'

/** @typedef {import('./graph.mjs').Features} Features */

const LANES = Array.from({ length: 25 }, (_, k) => `a${k}`)
const EFFECTS = Array.from({ length: 5 }, (_, x) => `e${x}`)
const STATE = [...LANES, ...EFFECTS]
/** Where the state is whenever a round begins. Two registers are left for what is under way. */
const HOMES = STATE.map((_, k) => k)

/**
 * `name<little>(d)`: the lane that decides, of lanes d[0..3], as the function of the same shape in kernel-avx512.inc.
 *
 * @param {string} name
 * @param {Features} features
 * @returns {string}
 */
export function keccakAssembly(name, features) {
  const keccak = describeKeccakAhead(features)
  const literals = []
  const places = {
    literal: (value) => {
      const known = literals.indexOf(value)
      return `${8 * (known < 0 ? literals.push(value) - 1 : known)}(%[literals])${BROADCAST}`
    },
    room: (index) => `${64 * index}(%[room])`,
  }
  const state = Object.fromEntries(STATE.map((word, k) => [word, HOMES[k]]))
  const first = printWithRegisters(keccak.first, {
    ...places,
    inputs: Object.fromEntries([0, 1, 2, 3].map((k) => [`d${k}`, `${64 * k}(%[d])`])),
    outputs: HOMES,
  })
  const inputs = { ...state, rc: `(%[rc])${BROADCAST}` }
  const round = printWithRegisters(keccak.round, { ...places, inputs, outputs: HOMES })
  const [big, little] = [keccak.lastBig, keccak.lastLittle].map((phase) => printWithRegisters(phase, { ...places, inputs: state, outputs: [0] }))
  const room = Math.max(...[first, round, big, little].map((part) => part.room))
  const whole = (last) => [
    ...first.lines,
    '.p2align 6',
    '1:',
    ...round.lines,
    'add $8, %[rc]',
    'cmp %[end], %[rc]',
    'jne 1b',
    ...last.lines,
    `vmovdqa64 ${zmm(0)}, (%[room])`,
  ]
  const numbers = (values) => values.map((value) => `    ${hex(value, 64)},`).join('\n')
  return `template <bool little> POW_TARGET POW_APART static __m512i ${name}(const __m512i *d) {
  static const uint64_t MIDDLE_ROUNDS[${keccak.roundConstants.length}] = {
${numbers(keccak.roundConstants)}
  };
  static const uint64_t LITERALS[${literals.length}] = {
${numbers(literals)}
  };
  __m512i room[${Math.max(room, 1)}];
  const uint64_t *rc = MIDDLE_ROUNDS;
  if (little) {
${statement(whole(little))}
  } else {
${statement(whole(big))}
  }
  return room[0];
}
`
}

function statement(lines) {
  const clobbered = Array.from({ length: 32 }, (_, k) => `"xmm${k}"`).join(', ')
  return `    __asm__ volatile(
${lines.map((line) => `        "${line}\\n\\t"`).join('\n')}
        : [rc] "+r"(rc)
        : [end] "r"(MIDDLE_ROUNDS + sizeof MIDDLE_ROUNDS / sizeof *MIDDLE_ROUNDS), [d] "r"(d), [literals] "r"(LITERALS), [room] "r"(room)
        : ${clobbered}, "memory", "cc");`
}
