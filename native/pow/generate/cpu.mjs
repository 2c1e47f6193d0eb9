// The kernels of processors, in C++: portable, AVX2 and AVX-512. Each is a function that tries a batch of consecutive nonces; native/pow/src/kernels.hpp says
// what it must do, native/pow/src/search.cpp calls it.
import { describe } from './description.mjs'
import { hex, printPhase } from './print.mjs'
import { wovenSource } from './woven.mjs'

/** @typedef {import('./print.mjs').Language} Language */

/** What the kernels of processors are described with. `streams`: of SHA-256 that run side by side, as one alone leaves a wide processor waiting for it. */
export const CPU_KERNELS = {
  portable: { features: { logic3: false, rotate32: true, rotate64: true }, streams: 1 },
  avx2: { features: { logic3: false, rotate32: false, rotate64: 'bytes' }, streams: 1 },
  avx512: { features: { logic3: true, rotate32: true, rotate64: true }, streams: 2 },
}

/** Of Keccak where reading three registers is slower than reading two. */
export const AVX512_SHARED = { ...CPU_KERNELS.avx512.features, sharedColumns: 5 }

/**
 * The generated sources by file name. Always the same text for the same sources of this folder.
 *
 * @returns {Record<string, string>}
 */
export function cpuSources() {
  const scalar = scalarLanguage()
  const { portable, avx2, avx512 } = CPU_KERNELS
  return {
    'kernel-portable.inc': file(
      shaSource(portable, scalar),
      keccakSource('keccak', portable.features, scalar),
      launchSource(portable.features),
    ),
    'kernel-avx2.inc': file(shaSource(avx2, vectorLanguage(AVX2)), keccakSource('keccak', avx2.features, vectorLanguage(AVX2))),
    'kernel-avx512.inc': file(
      shaSource(avx512, vectorLanguage(AVX512)),
      keccakSource('keccak_logic', avx512.features, vectorLanguage(AVX512)),
      keccakSource('keccak_shared', AVX512_SHARED, vectorLanguage(AVX512)),
      wovenSource(AVX512_SHARED),
    ),
  }
}

function file(...parts) {
  return ['// Made by native/pow/generate/cpu.mjs.\n', ...parts].join('\n')
}

/** `sha(slots, w0, h)`: from first words w0[stream] to digests h[8 * stream + word]. */
function shaSource({ features, streams }, language) {
  const { sha } = describe(features)
  const constants = []
  const literal = language.fromTable ? (value) => language.fromTable(constants, value) : language.literal
  const printed = Array.from({ length: streams }, (_, stream) =>
    printPhase(sha, { ...language, literal, input: () => `w0[${stream}]` }, `s${stream}v`),
  )
  const lines = sha.steps.flatMap((_, at) => printed.map((stream) => stream.lines[at]))
  const outputs = printed.flatMap((stream) => stream.outputs)
  const type = language.type[32]
  return `${table(constants)}POW_TARGET static inline void sha(const uint32_t *slots, const ${type} *w0, ${type} *h) {
${constants.length > 0 ? '  const uint32_t *constants = opaque(SHA_CONSTANTS);\n' : ''}${indent(lines)}
${indent(outputs.map((output, k) => `h[${k}] = ${output};`))}
}
`
}

function keccakSource(name, features, language) {
  const hash = describe(features)
  const word = language.type[64]
  const first = printPhase(hash.first, { ...language, input: (input) => `d[${input.slice(1)}]` })
  const round = printPhase(hash.round, language)
  const big = printPhase(hash.lastBig, language)
  const little = printPhase(hash.lastLittle, language)
  const lanes = Array.from({ length: 25 }, (_, k) => `a${k}`)
  return `template <bool little> POW_TARGET POW_APART static ${word} ${name}(const ${word} *d) {
  static const uint64_t MIDDLE_ROUNDS[${hash.roundConstants.length}] = {
${indent(
  hash.roundConstants.map((constant) => `${hex(constant, 64)},`),
  4,
)}
  };
  ${word} ${lanes.join(', ')};
  {
${indent(first.lines, 4)}
${indent(
  first.outputs.map((output, k) => `${lanes[k]} = ${output};`),
  4,
)}
  }
  POW_ROLLED
  for (const uint64_t *constant = MIDDLE_ROUNDS; constant != MIDDLE_ROUNDS + ${hash.roundConstants.length}; constant++) {
    const ${word} rc = ${language.broadcast('*constant')};
${indent(round.lines, 4)}
${indent(
  round.outputs.map((output, k) => `${lanes[k]} = ${output};`),
  4,
)}
  }
  if (little) {
${indent(little.lines, 4)}
    return ${little.outputs[0]};
  }
${indent(big.lines)}
  return ${big.outputs[0]};
}
`
}

/** Launch constants, by scalar code. They are the same for every kernel, as no feature changes which words are constant. */
function launchSource(features) {
  const input = (name) => `m[${name.slice(1)}]`
  const { lines, outputs } = printPhase(describe(features).launch, { ...scalarLanguage(), input })
  return `static void launch_constants(const uint32_t *m, uint32_t *slots) {
${indent(lines)}
${indent(outputs.map((output, k) => `slots[${k}] = ${output};`))}
}
`
}

/** @returns {Language & { broadcast: (word: string) => string }} */
function scalarLanguage() {
  const written = {
    add: ([a, b]) => `${a} + ${b}`,
    xor: ([a, b]) => `${a} ^ ${b}`,
    and: ([a, b]) => `${a} & ${b}`,
    or: ([a, b]) => `${a} | ${b}`,
    andnot: ([a, b]) => `~${a} & ${b}`,
    shr: ([a], bits) => `${a} >> ${bits}`,
    shl: ([a], bits) => `${a} << ${bits}`,
    rotr: ([a], bits) => `(${a} >> ${bits} | ${a} << ${32 - bits})`,
    rotl: ([a], bits) => `(${a} << ${bits} | ${a} >> ${64 - bits})`,
  }
  return {
    type: { 32: 'uint32_t', 64: 'uint64_t' },
    operation: ({ op, imm }, args) => written[op](args, imm),
    slot: (index) => `slots[${index}]`,
    literal: (value, width) => (width === 32 ? `${hex(value, 32)}u` : `${hex(value, 64)}ull`),
    broadcast: (word) => word,
  }
}

const AVX2 = {
  type: '__m256i',
  prefix: '_mm256',
  logic: '_si256',
  // Doubling is an addition, which more of the processor's ports can do than a shift.
  shl: ([a], bits, width) => (bits === 1 ? `_mm256_add_epi${width}(${a}, ${a})` : `_mm256_slli_epi${width}(${a}, ${bits})`),
  rotl: ([a], bits) => `rotate_bytes<${bits / 8}>(${a})`,
}

const AVX512 = {
  type: '__m512i',
  prefix: '_mm512',
  logic: '_si512',
  shl: ([a], bits, width) => `_mm512_slli_epi${width}(${a}, ${bits})`,
  rotl: ([a], bits) => `_mm512_rol_epi64(${a}, ${bits})`,
}

/** @returns {Language & { broadcast: (word: string) => string }} */
function vectorLanguage({ type, prefix, logic, shl, rotl }) {
  const written = {
    add: ([a, b]) => `${prefix}_add_epi32(${a}, ${b})`,
    xor: ([a, b]) => `${prefix}_xor${logic}(${a}, ${b})`,
    and: ([a, b]) => `${prefix}_and${logic}(${a}, ${b})`,
    or: ([a, b]) => `${prefix}_or${logic}(${a}, ${b})`,
    andnot: ([a, b]) => `${prefix}_andnot${logic}(${a}, ${b})`,
    lut3: ([a, b, c], table) => `${prefix}_ternarylogic_epi64(${a}, ${b}, ${c}, ${hex(BigInt(table), 8)})`,
    shr: ([a], bits, width) => `${prefix}_srli_epi${width}(${a}, ${bits})`,
    rotr: ([a], bits) => `${prefix}_ror_epi32(${a}, ${bits})`,
    shl,
    rotl,
  }
  const broadcast32 = (word) => `${prefix}_set1_epi32((int)(${word}))`
  const broadcast64 = (word) => `${prefix}_set1_epi64${prefix === '_mm256' ? 'x' : ''}((long long)(${word}))`
  return {
    type: { 32: type, 64: type },
    operation: ({ op, imm, width }, args) => written[op](args, imm, width),
    slot: (index) => broadcast32(`slots[${index}]`),
    literal: (value, width) => (width === 32 ? broadcast32(`${hex(value, 32)}u`) : broadcast64(`${hex(value, 64)}ull`)),
    broadcast: broadcast64,
    // Instructions read and broadcast a word of memory in one; a constant that the compiler knows goes through a register and costs an instruction.
    fromTable: (table, value) => {
      const known = table.indexOf(value)
      return broadcast32(`constants[${known < 0 ? table.push(value) - 1 : known}]`)
    },
  }
}

function table(constants) {
  if (constants.length === 0) return ''
  return `static const uint32_t SHA_CONSTANTS[${constants.length}] = {
${indent(constants.map((constant) => `${hex(constant, 32)}u,`))}
};

`
}

function indent(lines, spaces = 2) {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n')
}
