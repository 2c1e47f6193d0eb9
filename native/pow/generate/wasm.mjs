// The WebAssembly solver: compiles the description of the hash into the bytes of a module with 128-bit vectors. Four nonces at a time, as four 32-bit lanes in
// SHA-256 and as two vectors of two 64-bit lanes in Keccak.
import { describe } from './description.mjs'
import { encodeModule, I32, ins, V128 } from './wasm-encoder.mjs'

/** @typedef {import('./graph.mjs').Phase} Phase */
/** @typedef {import('./graph.mjs').Ref} Ref */

const VECTOR = 16
/** Nonces of one turn of the outer loop. */
export const GROUP = 4
/** Entries of the list of hits; a search returns when it is full. */
export const MAX_HITS = 1024

/** Vector instructions have neither rotations nor functions of three words. */
const FEATURES = { logic3: false, rotate32: false, rotate64: false }

const SIGN = 1n << 63n
const BYTES_OF_32_SWAPPED = [0, 1, 2, 3].flatMap((lane) => [3, 2, 1, 0].map((byte) => 4 * lane + byte))
const BYTES_OF_64_SWAPPED = [0, 1].flatMap((lane) => [7, 6, 5, 4, 3, 2, 1, 0].map((byte) => 8 * lane + byte))

/**
 * What a caller of the module has to know. Exported are `memory` and
 * `search(first: i32, groups: i32, little: i32): i32`, which tries the low words first .. first + 4 * groups - 1 (they wrap), in groups of four, and
 * returns how many groups it tried: fewer only when the list of hits is full.
 *
 * @typedef {object} WasmSolver
 * @property {Uint8Array} bytes
 * @property {import('./graph.mjs').Phase} launch Computes the launch constants.
 * @property {number} slots Address of the launch constants: 16 bytes each, the word four times.
 * @property {number} limit Address of the largest decisive number of a candidate, twice, with the highest bit of each flipped.
 * @property {number} hitCount Address of the number of hits that the last search listed.
 * @property {number} hits Address of the list: the group's number and a mask of its nonces (bit 0 the first), 32 bits each.
 */

/**
 * The same bytes every time.
 *
 * @returns {WasmSolver}
 */
export function generateWasm() {
  const description = describe(FEATURES)
  const pool = createPool()
  const roundConstants = pool.list(description.roundConstants, 64)
  const lanes = pool.vector(
    [0, 1, 2, 3].map((lane) => BigInt(lane)),
    32,
  )
  const stride = pool.literal(BigInt(GROUP), 32)
  const sign = pool.literal(SIGN, 64)
  const fn = createFunction([I32, I32, I32])
  const [first, groups, little] = [0, 1, 2]
  const place = createLayout()
  const at = {
    slots: place(description.launch.outputs.length),
    limit: place(1),
    digest: place(8),
    hitCount: place(1),
    hits: place((MAX_HITS * 8) / VECTOR),
  }
  const constants = { slots: at.slots, pool }

  const [group, pair, round, found, hitEnd] = [I32, I32, I32, I32, I32].map(fn.local)
  const nonces = fn.local(V128)
  fn.emit(ins.get(first), ins.i32x4Splat, fixed(lanes), ins.i32x4Add, ins.set(nonces))
  fn.emit(ins.block, ins.loop, ins.get(group), ins.get(groups), ins.i32GeU, ins.brIf(1))

  const word = fn.local(V128)
  fn.emit(ins.get(nonces), ins.get(nonces), ins.shuffle(BYTES_OF_32_SWAPPED), ins.set(word))
  const digest = compilePhase(fn, description.sha, { w0: word }, constants)
  for (let lane = 0; lane < 4; lane++) {
    for (let half = 0; half < 2; half++) {
      fn.emit(
        ins.i32Const(0),
        digest[2 * lane],
        digest[2 * lane + 1],
        ins.shuffle(packing(half)),
        ins.store(at.digest + VECTOR * (4 * half + lane)),
      )
    }
  }

  // Both halves of a group go through the same code, and every middle round through the same one: unrolled, it would not fit in the instruction cache.
  fn.emit(ins.i32Const(0), ins.set(found), ins.i32Const(0), ins.set(pair), ins.loop)
  const lanesIn = Object.fromEntries([0, 1, 2, 3].map((lane) => [`d${lane}`, fn.local(V128)]))
  Object.values(lanesIn).forEach((local, lane) => fn.emit(ins.get(pair), ins.load(at.digest + VECTOR * lane), ins.set(local)))
  const state = Object.fromEntries(Array.from({ length: 25 }, (_, lane) => [`a${lane}`, fn.local(V128)]))
  const setState = (values) => fn.emit(...values, ...Object.values(state).reverse().map(ins.set))
  setState(compilePhase(fn, description.first, lanesIn, constants))
  const rc = fn.local(V128)
  const roundsEnd = VECTOR * description.roundConstants.length
  // Left at its head, the loop leaves the state in the locals where it keeps it anyway. Left at its end, V8 has a second copy of all lanes to store in each
  // round, which costs a third of the speed.
  fn.emit(ins.i32Const(0), ins.set(round), ins.block, ins.loop, ins.get(round), ins.i32Const(roundsEnd), ins.i32Eq, ins.brIf(1))
  fn.emit(ins.get(round), ins.load(roundConstants), ins.set(rc))
  setState(compilePhase(fn, description.round, { ...state, rc }, constants))
  fn.emit(ins.get(round), ins.i32Const(VECTOR), ins.i32Add, ins.set(round), ins.br(0), ins.end, ins.end)

  const decisive = fn.local(V128)
  fn.emit(ins.get(little), ins.if)
  fn.emit(...compilePhase(fn, description.lastLittle, state, constants), ins.set(decisive), ins.else)
  fn.emit(...compilePhase(fn, description.lastBig, state, constants), ins.tee(decisive), ins.get(decisive))
  fn.emit(ins.shuffle(BYTES_OF_64_SWAPPED), ins.set(decisive), ins.end)
  // There is no unsigned comparison: with the highest bits flipped a signed one does the same.
  fn.emit(ins.get(decisive), fixed(sign), ins.xor, fixed(at.limit), ins.i64x2GtS, ins.i64x2Bitmask)
  fn.emit(ins.i32Const(3), ins.i32Xor, ins.get(pair), ins.i32Const(5), ins.i32ShrU, ins.i32Shl, ins.get(found), ins.i32Or, ins.set(found))
  fn.emit(ins.get(pair), ins.i32Const(4 * VECTOR), ins.i32Add, ins.tee(pair), ins.i32Const(8 * VECTOR), ins.i32Ne, ins.brIf(0), ins.end)

  fn.emit(ins.get(nonces), fixed(stride), ins.i32x4Add, ins.set(nonces))
  fn.emit(ins.get(found), ins.if)
  fn.emit(ins.get(hitEnd), ins.get(group), ins.i32Store(at.hits), ins.get(hitEnd), ins.get(found), ins.i32Store(at.hits + 4))
  fn.emit(ins.get(hitEnd), ins.i32Const(8), ins.i32Add, ins.set(hitEnd), ins.end)
  fn.emit(ins.get(group), ins.i32Const(1), ins.i32Add, ins.set(group))
  fn.emit(ins.get(hitEnd), ins.i32Const(8 * MAX_HITS), ins.i32LtU, ins.brIf(0), ins.end, ins.end)
  fn.emit(ins.i32Const(0), ins.get(hitEnd), ins.i32Const(3), ins.i32ShrU, ins.i32Store(at.hitCount), ins.get(group))

  const data = pool.bytes()
  if (data.length > POOL_SIZE || place(0) > PAGE) throw new Error('the layout of the memory is too small for its contents')
  const search = { export: 'search', params: fn.params, results: [I32], locals: fn.locals, body: fn.body }
  const bytes = encodeModule({ pages: 1, data: [{ offset: 0, bytes: data }], functions: [search] })
  return { bytes, launch: description.launch, slots: at.slots, limit: at.limit, hitCount: at.hitCount, hits: at.hits }
}

const PAGE = 65_536
/** The constants come first in the memory, and are counted only after everything was compiled. */
const POOL_SIZE = 4096

/** Addresses for so many vectors, one after the other. */
function createLayout() {
  let next = POOL_SIZE
  return (vectors) => (next += VECTOR * vectors) - VECTOR * vectors
}

/** Literals as vectors in memory: loading one is an operand of an instruction, where building one in a register would be several. */
function createPool() {
  const vectors = []
  const known = new Map()
  const add = (words, width) => {
    const key = `${width}/${words.join(',')}`
    const address = known.get(key)
    if (address !== undefined) return address
    const bytes = new DataView(new ArrayBuffer(VECTOR))
    words.forEach((word, lane) => (width === 32 ? bytes.setUint32(4 * lane, Number(word), true) : bytes.setBigUint64(8 * lane, word, true)))
    known.set(key, VECTOR * vectors.length)
    return VECTOR * (vectors.push(new Uint8Array(bytes.buffer)) - 1)
  }
  const splat = (value, width) => new Array(128 / width).fill(value)
  return {
    vector: add,
    literal: (value, width) => add(splat(value, width), width),
    /** In a row, equal ones too. */
    list(values, width) {
      const start = VECTOR * vectors.length
      for (const value of values) {
        known.clear()
        add(splat(value, width), width)
      }
      return start
    },
    bytes: () => Uint8Array.from(vectors.flatMap((vector) => [...vector])),
  }
}

function createFunction(params) {
  const locals = []
  const body = []
  return {
    params,
    locals,
    body,
    local: (type) => params.length + locals.push(type) - 1,
    emit(...instructions) {
      for (const instruction of instructions) for (const byte of instruction) body.push(byte)
    },
  }
}

const fixed = (address) => [...ins.i32Const(0), ...ins.load(address)]

/** Picks, of the digest's words 2i and 2i + 1 of four nonces, those of two nonces, as lanes with the words' bytes swapped. */
function packing(half) {
  return [2 * half, 2 * half + 1].flatMap((nonce) => [0, VECTOR].flatMap((word) => [3, 2, 1, 0].map((byte) => word + 4 * nonce + byte)))
}

/**
 * Emits a phase. A value that is used once becomes part of the expression that uses it; the others get a local each.
 *
 * @param {ReturnType<typeof createFunction>} fn
 * @param {Phase} phase
 * @param {Record<string, number>} inputs Locals by name.
 * @param {{ slots: number, pool: ReturnType<typeof createPool> }} constants
 * @returns {number[][]} For each output, the instructions that push it.
 */
function compilePhase(fn, phase, inputs, constants) {
  const uses = new Map()
  for (const ref of [...phase.steps.flatMap(({ args }) => args), ...phase.outputs]) {
    if (ref.kind === 'value') uses.set(ref.id, (uses.get(ref.id) ?? 0) + 1)
  }
  /** What pushes a value: an expression, or the reading of a local. */
  const values = new Map()
  /** @param {Ref} ref */
  const push = (ref, width) => {
    if (ref.kind === 'input') return ins.get(inputs[ref.name])
    if (ref.kind === 'value') return values.get(ref.id)
    return fixed(ref.kind === 'slot' ? constants.slots + VECTOR * ref.index : constants.pool.literal(ref.value, width))
  }
  for (const { id, op, width, args, imm } of phase.steps) {
    const pushed = args.map((arg) => push(arg, width))
    // WebAssembly inverts the second argument, the description the first.
    const operands = op === 'andnot' ? pushed.reverse() : pushed
    const expression = [...operands.flat(), ...instructionOf(op, width, imm)]
    if (uses.get(id) === 1) {
      values.set(id, expression)
      continue
    }
    const local = fn.local(V128)
    values.set(id, ins.get(local))
    fn.emit(expression, ins.set(local))
  }
  return phase.outputs.map((ref) => push(ref, 64))
}

function instructionOf(op, width, imm) {
  const narrow = width === 32
  switch (op) {
    case 'add':
      return narrow ? ins.i32x4Add : ins.i64x2Add
    case 'xor':
      return ins.xor
    case 'and':
      return ins.and
    case 'or':
      return ins.or
    case 'andnot':
      return ins.andnot
    case 'shl':
      return [...ins.i32Const(imm), ...(narrow ? ins.i32x4Shl : ins.i64x2Shl)]
    case 'shr':
      return [...ins.i32Const(imm), ...(narrow ? ins.i32x4ShrU : ins.i64x2ShrU)]
    default:
      throw new Error(`no instruction for ${op}`)
  }
}
