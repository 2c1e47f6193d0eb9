// The search's hash, once, for every kind of machine:
//
//   seal = keccak256(sha256(nonce as 8 bytes little-endian || P)),   P: 32 bytes
//
// of which a kernel needs only the 64-bit lane that decides. In one launch P and the nonce's high half are constant, so a single message word differs: word 0,
// the low half with its bytes swapped. All that follows from the others is computed once per launch. README.md beside this file tells how to use it.
import { Graph } from './graph.mjs'

/** @typedef {import('./graph.mjs').Features} Features */
/** @typedef {import('./graph.mjs').Phase} Phase */

/**
 * The search's hash for one target, in phases. A kernel, for each low half of the nonce:
 *
 * 1. `sha`: input `w0` = the low half with its bytes swapped; outputs the eight 32-bit words of the SHA-256 digest, H0..H7.
 * 2. packs lane i (i = 0..3) from the digest's bytes 8i..8i+7 read little-endian: low half = H(2i) with its bytes swapped, high half = H(2i+1) likewise.
 * 3. `first`: inputs `d0`..`d3` (the lanes); outputs the 25 lanes of the state after Keccak's first round, lane x + 5y at index x + 5y.
 * 4. `round`, once for each of `roundConstants` (rounds 2..23): inputs `a0`..`a24` and `rc`; outputs the next 25 lanes.
 * 5. `lastBig` or `lastLittle`: inputs `a0`..`a24`; its one output is lane 0, of which the decisive number is the value with its bytes swapped, or lane 3, which
 *    is the decisive number as it is. The nonce is a candidate when that number is <= limit.
 *
 * `launch` computes the launch constants (its outputs are slots 0, 1, ..., all 32 bits; only `sha` uses slots) from inputs `m1` (the nonce's high half, bytes
 * swapped) and `m2`..`m9` (P as big-endian words).
 *
 * @typedef {object} Description
 * @property {Features} features
 * @property {Phase} launch
 * @property {Phase} sha
 * @property {Phase} first
 * @property {Phase} round
 * @property {bigint[]} roundConstants 22 of them.
 * @property {Phase} lastBig
 * @property {Phase} lastLittle
 */

/**
 * @param {Features} features
 * @returns {Description}
 */
export function describe(features) {
  const sha = describeSha(features)
  return {
    features,
    launch: sha.launch,
    sha: sha.phase,
    first: describeFirstRound(features),
    round: describeRound(features),
    roundConstants: ROUND_CONSTANTS.slice(1, 23),
    lastBig: describeLast(features, 0),
    lastLittle: describeLast(features, 3),
  }
}

// ---- SHA-256 (FIPS 180-4) of 40 bytes: one block, words 0..9 the message, then the padding and its length in bits.

const [SHA_START, SHA_ROUND] = shaConstants()

/** First 32 bits of the fractional parts of square roots (of 8 primes) and of cube roots (of 64). */
function shaConstants() {
  const primes = []
  for (let n = 2n; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n)
  const roots = (power) => primes.map((prime) => BigInt.asUintN(32, integerRoot(prime << (32n * power), power)))
  return [roots(2n).slice(0, 8), roots(3n)]
}

function integerRoot(value, power) {
  let root = 0n
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((root + bit) ** power <= value) root += bit
  return root
}

function describeSha(features) {
  const g = new Graph(features)
  const sum0 = (x) => g.xor3(g.rotr32(x, 2), g.rotr32(x, 13), g.rotr32(x, 22))
  const sum1 = (x) => g.xor3(g.rotr32(x, 6), g.rotr32(x, 11), g.rotr32(x, 25))
  const small0 = (x) => g.xor3(g.rotr32(x, 7), g.rotr32(x, 18), g.shr(x, 3))
  const small1 = (x) => g.xor3(g.rotr32(x, 17), g.rotr32(x, 19), g.shr(x, 10))

  const w = [g.input('w0', 32)]
  for (let t = 1; t < 10; t++) w.push(g.launchInput(`m${t}`, 32))
  for (let t = 10; t < 16; t++) w.push(g.literal(t === 10 ? 0x80000000 : t === 15 ? 320 : 0, 32))

  const start = SHA_START.map((word) => g.literal(word, 32))
  let state = start
  for (let t = 0; t < 64; t++) {
    const [a, b, c, d, e, f, , h] = state
    // Here, next to where it is used, so that a processor has it at hand while it waits for the state.
    if (t >= 16) w.push(g.sum(w[t - 7], w[t - 16], small0(w[t - 15]), small1(w[t - 2])))
    const last = t === 63
    const constant = g.literal(SHA_ROUND[t], 32)
    const mixed = [w[t], h, g.choose(e, state[5], state[6]), sum1(e)]
    // Where all that varies of it is word 0 the new words are that plus a constant each, and in the last round constants go with what is added at the end.
    const apart = t === 0 || last
    const [sum, pending] = apart ? splitSum(g, [...mixed, constant]) : [g.sum(...mixed, constant), null]
    const extra = (k) => [...(pending ? [pending] : []), ...(last ? [start[k]] : [])]
    const nextA = g.sum(sum, g.majority(a, b, c), sum0(a), ...extra(0))
    const nextE = g.sum(sum, d, ...extra(4))
    state = [nextA, a, b, c, nextE, e, f, state[6]]
  }
  return g.phases(state.map((word, k) => (k === 0 || k === 4 ? word : g.sum(word, start[k]))))
}

/** The part of a sum that differs by nonce, and the rest. */
function splitSum(g, terms) {
  const varying = terms.filter((term) => term.rank === 2)
  return [g.sum(...varying), g.sum(...terms.filter((term) => term.rank < 2))]
}

// ---- Keccak-f[1600] (FIPS 202, with the original padding) of 32 bytes: lanes 0..3 the digest, lane 4 the padding's first bit, lane 16 its last.

const ROTATIONS = rotations()
const ROUND_CONSTANTS = roundConstants()

/** Of lane x + 5y. */
function rotations() {
  const offsets = new Array(25).fill(0)
  let [x, y] = [1, 0]
  for (let t = 0; t < 24; t++) {
    offsets[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64
    ;[x, y] = [y, (2 * x + 3 * y) % 5]
  }
  return offsets
}

/** Bit 2^j - 1 of round t's constant is output 7t + j of a shift register with polynomial x^8 + x^6 + x^5 + x^4 + 1. */
function roundConstants() {
  let register = 1
  return Array.from({ length: 24 }, () => {
    let constant = 0n
    for (let j = 0; j < 7; j++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(j)) - 1n)
      register = register & 0x80 ? ((register << 1) & 0xff) ^ 0x71 : register << 1
    }
    return constant
  })
}

function describeFirstRound(features) {
  const g = new Graph(features)
  const state = Array.from({ length: 25 }, () => g.literal(0, 64))
  for (let i = 0; i < 4; i++) state[i] = g.input(`d${i}`, 64)
  state[4] = g.literal(1, 64)
  state[16] = g.literal(1n << 63n, 64)
  // Every column has at most one lane that varies: its parity, and what it does to a column, are a few operations on those four lanes.
  // The constant of column 1 is kept apart, so that what it and lane 4 do to column 0 cancels.
  const parity = [[state[0]], [state[1], state[16]], [state[2]], [state[3]], [state[4]]]
  const turned = parity.map((lanes) => lanes.map((lane) => g.rotl64(lane, 1)))
  const effect = parity.map((_, x) => mix(g, [...parity[(x + 4) % 5], ...turned[(x + 1) % 5]]))
  const mixed = state.map((lane, k) => mix(g, [effect[k % 5], lane]))
  return g.phases(rowByRow(g, (k) => mixed[k], g.literal(ROUND_CONSTANTS[0], 64))).phase
}

/** The exclusive or of lanes, those known beforehand put together first. */
function mix(g, lanes) {
  const known = lanes.filter((lane) => lane.rank < 2).reduce((a, b) => g.xor(a, b), g.literal(0, 64))
  const [first, second, ...rest] = lanes.filter((lane) => lane.rank === 2)
  if (!first || !second) return g.xor(first ?? known, known)
  return rest.reduce((a, b) => g.xor(a, b), g.xor3(known, first, second))
}

function describeRound(features) {
  const g = new Graph(features)
  const state = lanesOfState(g)
  const constant = g.input('rc', 64)
  return g.phases(rowByRow(g, theta(g, state), constant)).phase
}

/** Only the lane with this number (0..4) of the state after the last round. */
function describeLast(features, wanted) {
  const g = new Graph(features)
  const state = lanesOfState(g)
  const mixed = theta(g, state)
  // The first row after rho and pi comes from the diagonal.
  const row = (x) => g.rotl64(mixed((x % 5) * 6), ROTATIONS[(x % 5) * 6])
  const lane = g.chi(row(wanted), row(wanted + 1), row(wanted + 2))
  return g.phases([wanted === 0 ? g.xor(lane, g.literal(ROUND_CONSTANTS[23], 64)) : lane]).phase
}

function lanesOfState(g) {
  return Array.from({ length: 25 }, (_, k) => g.input(`a${k}`, 64))
}

/** Gives the lanes after theta, each made when it is first asked for. */
function theta(g, state) {
  const parity = [0, 1, 2, 3, 4].map((x) => {
    const [a, b, c, d, e] = [0, 5, 10, 15, 20].map((row) => state[row + x])
    return g.xor3(g.xor3(a, b, c), d, e)
  })
  const turned = parity.map((lane) => g.rotl64(lane, 1))
  const { sharedColumns = 0 } = g.features
  return (k) => {
    const x = k % 5
    const [left, right] = [parity[(x + 4) % 5], turned[(x + 1) % 5]]
    return x < sharedColumns ? g.xor(state[k], g.xor(left, right)) : g.xor3(state[k], left, right)
  }
}

/**
 * Rho, pi, chi and iota. One row of five is finished before the next is begun: rotates, which processors have fewer ports for, alternate with the rest, and
 * few words are alive at a time.
 */
function rowByRow(g, lane, constant) {
  const next = []
  for (let y = 0; y < 5; y++) {
    // Pi takes lane (x, y) to (y, 2x + 3y); this is its inverse.
    const row = [0, 1, 2, 3, 4].map((x) => {
      const from = ((x + 3 * y) % 5) + 5 * x
      return g.rotl64(lane(from), ROTATIONS[from])
    })
    for (let x = 0; x < 5; x++) next.push(g.chi(row[x], row[(x + 1) % 5], row[(x + 2) % 5]))
  }
  next[0] = g.xor(next[0], constant)
  return next
}
