// Prints the CUDA solver from the description: `node cuda.mjs kernel` the .cu with all variants, `node cuda.mjs header` what the host side must know of it.
//
// Variants, each for both byte orders of the seal (one uniform branch in the last round: half the code to ship and to compile on the device's machine):
//   unrolled    everything in a row
//   looped      Keccak's middle rounds as a loop of two: a third of the code, for the instruction cache
//   multiplier  as unrolled, with SHA-256's sums and the rotations of lanes by an even number of bits made by multiply-adds, which have a pipe of their own
//               (those by one bit too would be better still, but then registers no longer suffice)
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { LanePrinter, wordLanguage } from './cuda-print.mjs'
import { describe } from './description.mjs'
import { printPhase } from './print.mjs'

/** @typedef {import('./description.mjs').Description} Description */

export const VARIANTS = ['unrolled', 'looped', 'multiplier']
/** Rounds in the body of the loop, of the 22 in the middle. */
const LOOP_ROUNDS = 2
/** Of that loop, for one hash. */
export const LOOP_TRIPS = 22 / LOOP_ROUNDS
/** Between two looks at the epoch word. */
const HASHES_PER_LOOK = 64
const BLOCK_THREADS = 128
/** Wanted on a multiprocessor: 28 warps of 72 registers fill the register file of all but the smallest. */
const BLOCKS = 7
const HASH_MARK = '@SOURCE@'

const GENERATED = '// Printed by native/pow/generate/cuda.mjs; scripts/build-cuda.mjs makes it anew. Do not edit.'

/** Name of a kernel. The hash of its source is part of it, so that an image made from other launch constants is never used. */
export function kernelName(variant, hash) {
  return `taogate_pow_${variant}_${hash}`
}

/**
 * The .cu, the header for the host and the hash that they share (12 hex digits of the SHA-256 of the .cu without it).
 *
 * @returns {{ kernel: string, header: string, hash: string }}
 */
export function generateCuda() {
  const hash = describe({ logic3: true, rotate32: true, rotate64: true })
  const source = kernelSource(hash)
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 12)
  return { kernel: source.replaceAll(HASH_MARK, digest), header: headerSource(hash, digest), hash: digest }
}

/**
 * The parameter of a launch, the same bytes on both sides. Powers of two are in it because a shift would be made of a multiplication by a literal, and
 * the constants of rounds because data of the image would get a name that differs from one compilation to the next.
 */
function launchStruct(hash) {
  return `/** What one launch is told. Pointers are addresses on the device; the nonces are (high, first + i) for i < count, which has room for a stride above it. */
struct Launch {
  uint64_t epochWord;
  uint64_t ring;
  uint64_t limit;
  uint32_t epoch;
  uint32_t capacity;
  uint32_t first;
  uint32_t count;
  uint32_t constants[${hash.launch.outputs.length}];
  uint32_t littleEndian;
  uint32_t unused;
  uint32_t powers[32];
  uint32_t rounds[${2 * hash.roundConstants.length}];
};`
}

function headerSource(hash, digest) {
  const { lines, outputs } = printPhase(hash.launch, wordLanguage(noSlots))
  const written = outputs.map((value, i) => `  constants[${i}] = ${value};`)
  const words = hash.launch.inputs.filter((name) => name !== 'm1')
  return `${GENERATED}
#pragma once
#include <cstdint>

namespace taogate::cuda {

constexpr const char *SOURCE_HASH = "${digest}";

${launchStruct(hash)}

inline uint32_t turned(uint32_t word, unsigned bits) { return word >> bits | word << (32 - bits); }

template <int TABLE>
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result = 0;
  for (int row = 0; row < 8; row++)
    if (TABLE >> row & 1) result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return result;
}

/** All that does not differ by nonce, for 32 bytes of P and the high half of the nonce. */
inline void prepare(const uint8_t *preimage, uint32_t high, Launch &launch) {
  uint32_t *constants = launch.constants;
  static constexpr uint32_t ROUNDS[] = {
${hash.roundConstants
  .map(
    (value) =>
      `      ${halves(value)
        .map((half) => `0x${half.toString(16)}u`)
        .join(', ')},`,
  )
  .join('\n')}
  };
  for (size_t i = 0; i < sizeof ROUNDS / sizeof ROUNDS[0]; i++) launch.rounds[i] = ROUNDS[i];
  for (int i = 0; i < 32; i++) launch.powers[i] = uint32_t(1) << i;
  const uint32_t m1 = high >> 24 | (high >> 8 & 0xff00) | (high << 8 & 0xff0000) | high << 24;
  const auto word = [preimage](int i) {
    const uint8_t *p = preimage + 4 * i;
    return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
  };
${words.map((name, i) => `  const uint32_t ${name} = word(${i});`).join('\n')}
${lines.map((line) => `  ${line}`).join('\n')}
${written.join('\n')}
}

}  // namespace taogate::cuda
`
}

function noSlots() {
  throw new Error('launch constants do not depend on launch constants')
}

function kernelSource(hash) {
  const kernels = VARIANTS.map(kernelOf)
  return `${GENERATED}
#include <cstdint>

namespace {

${launchStruct(hash)}

${INTRINSICS}

${VARIANTS.map((variant) => deciderOf(hash, variant)).join('\n\n')}

${APPEND}

}  // namespace

${kernels.join('\n\n')}
`
}

const INTRINSICS = `// Tests give their own of these and run the rest on the processor.
#ifndef POW_INTRINSICS_GIVEN

/** Any function of three words; the table is read as in the instruction of this name. */
template <int TABLE>
__device__ __forceinline__ uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(result) : "r"(a), "r"(b), "r"(c), "n"(TABLE));
  return result;
}

/**
 * (high, low) rotated to the left, by multiplications with a power of two: each product has in its halves what its factor gives to either half of the
 * result, and the two never have a bit in common. All four instructions are multiply-adds, the sum of the upper halves too, for which \`one\` may not be a literal.
 */
__device__ __forceinline__ uint64_t multiplied(uint32_t low, uint32_t high, uint32_t power, uint32_t one) {
  uint64_t result;
  asm("{ .reg .u32 a, b, c, d; .reg .u64 p; mul.wide.u32 p, %2, %3; mov.b64 {b, a}, p; mad.lo.u32 a, %1, %3, a; mul.wide.u32 p, %1, %3; "
      "mov.b64 {c, d}, p; mad.lo.u32 b, d, %4, b; mov.b64 %0, {a, b}; }"
      : "=l"(result) : "r"(low), "r"(high), "r"(power), "r"(one));
  return result;
}

__device__ __forceinline__ uint32_t turned(uint32_t word, unsigned bits) { return __funnelshift_r(word, word, bits); }

__device__ __forceinline__ uint32_t reversed(uint32_t word) { return __byte_perm(word, 0, 0x0123); }

#endif

/** One look at a word that the host may change: never from a cache. */
__device__ __forceinline__ uint32_t look(uint64_t address) { return *reinterpret_cast<const volatile uint32_t *>(address); }`

const APPEND = `/** Keeps a candidate. The count goes on when the ring is full, so that the host sees that some are missing. */
__device__ __forceinline__ void append(uint64_t ring, uint32_t capacity, uint32_t low) {
  uint32_t *words = reinterpret_cast<uint32_t *>(ring);
  const uint32_t at = atomicAdd(words, 1u);
  if (at < capacity) words[1 + at] = low;
}`

/** The device function: the number that decides for word 0 of the message, as its high and low half. */
function deciderOf(hash, variant) {
  const multiply = variant === 'multiplier'
  const printer = new LanePrinter({ multiply: (bits) => multiply && bits % 2 === 0 })
  const language = wordLanguage((index) => `launch.constants[${index}]`, { multiply })
  const { lines: body, outputs: digest } = printPhase(hash.sha, language, 's')
  const lanes = [0, 1, 2, 3].map((i) => {
    body.push(`const uint32_t d${i}l = reversed(${digest[2 * i]}), d${i}h = reversed(${digest[2 * i + 1]});`)
    return [`d${i}l`, `d${i}h`]
  })
  let state = printer.phase(hash.first, Object.fromEntries(lanes.map((lane, i) => [`d${i}`, lane])), body)
  const round = (from, constant, into) => printer.phase(hash.round, { ...named(from), rc: constant }, into)
  if (variant === 'looped') state = loop(hash, printer, round, state, body)
  else for (const constant of hash.roundConstants) state = round(state, halves(constant), body)
  for (const [opening, phase] of [
    ['if (launch.littleEndian) {', hash.lastLittle],
    ['} else {', hash.lastBig],
  ]) {
    const last = []
    const [[low, high]] = printer.phase(phase, named(state), last)
    const result = phase === hash.lastBig ? [`reversed(${low})`, `reversed(${high})`] : [high, low]
    body.push(opening, ...[...last, `high = ${result[0]};`, `low = ${result[1]};`].map((line) => `  ${line}`))
  }
  body.push('}')
  return `__device__ __forceinline__ void decide_${variant}(const Launch &launch, uint32_t w0, uint32_t &high, uint32_t &low) {
${body.map((line) => `  ${line}`).join('\n')}
}`
}

function loop(hash, printer, round, start, body) {
  const carried = start.map((_, k) => [`k${k}l`, `k${k}h`])
  start.forEach((lane, k) => body.push(`uint32_t k${k}l = ${LanePrinter.text(lane[0])}, k${k}h = ${LanePrinter.text(lane[1])};`))
  body.push('#pragma unroll 1', `for (int i = 0; i < ${hash.roundConstants.length}; i += ${LOOP_ROUNDS}) {`)
  const inner = []
  let state = carried
  for (let i = 0; i < LOOP_ROUNDS; i++) {
    state = round(state, [`launch.rounds[2 * i + ${2 * i}]`, `launch.rounds[2 * i + ${2 * i + 1}]`], inner)
  }
  state.forEach((lane, k) => inner.push(`k${k}l = ${lane[0]};`, `k${k}h = ${lane[1]};`))
  body.push(...inner.map((line) => `  ${line}`), '}')
  return carried
}

function named(state) {
  return Object.fromEntries(state.map((lane, k) => [`a${k}`, lane]))
}

function halves(value) {
  return [Number(value & 0xffffffffn), Number(value >> 32n)]
}

function kernelOf(variant) {
  return `extern "C" __global__ void __launch_bounds__(${BLOCK_THREADS}, ${BLOCKS}) ${kernelName(variant, HASH_MARK)}(const __grid_constant__ Launch launch) {
  const uint32_t stride = gridDim.x * blockDim.x;
  const uint32_t limitHigh = uint32_t(launch.limit >> 32), limitLow = uint32_t(launch.limit);
  uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
  while (at < launch.count && look(launch.epochWord) == launch.epoch) {
    const uint32_t end = min(launch.count, at + ${HASHES_PER_LOOK} * stride);
#pragma unroll 1
    do {
      uint32_t high, low;
      decide_${variant}(launch, reversed(launch.first + at), high, low);
      if (high <= limitHigh && (high < limitHigh || low <= limitLow)) append(launch.ring, launch.capacity, launch.first + at);
      at += stride;
    } while (at < end);
  }
}`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const wanted = process.argv[2]
  if (wanted !== 'kernel' && wanted !== 'header') throw new Error('usage: cuda.mjs kernel | header')
  process.stdout.write(generateCuda()[wanted])
}
