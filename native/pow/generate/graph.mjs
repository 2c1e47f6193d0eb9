// Straight-line programs over 32 and 64-bit words, built operation by operation. What can be known before a launch is folded away while building, equal
// operations are made once, and what nothing uses is left out of the program.

/**
 * What a target's instructions can do. Operations that it lacks are built from those that it has, so a backend prints each step as one instruction (or two,
 * where it says so).
 *
 * @typedef {object} Features
 * @property {boolean} logic3 Any function of three words in one instruction (`lut3`). Without it: `xor`, `and`, `or`, `andnot`.
 * @property {boolean} rotate32 `rotr` of 32-bit words. Without it: two shifts and an `or`.
 * @property {boolean | 'bytes'} rotate64 `rotl` of 64-bit words; 'bytes': only by multiples of eight bits (a byte shuffle). Otherwise as above.
 * @property {boolean} [add3] Sums of three 32-bit words in one instruction (`add3`).
 * @property {number} [sharedColumns] Only with `logic3`: for how many of theta's five columns its effect on their lanes is a word of its own. Each is one
 *   operation more and replaces five `lut3` by `xor`: a gain where reading three registers is slower than reading two (AMD Zen 4). Default 0.
 */

/**
 * One operation. Words are unsigned and wrap.
 *
 * | op | arguments | result |
 * |---|---|---|
 * | `add` | a, b | a + b |
 * | `add3` | a, b, c | a + b + c (only with `add3`) |
 * | `xor`, `and`, `or` | a, b | |
 * | `andnot` | a, b | ~a & b (the first is inverted, as in x86; WebAssembly's inverts its second) |
 * | `lut3` | a, b, c | bit i is bit (4 a_i + 2 b_i + c_i) of `imm`, as in vpternlog and lop3 (only with `logic3`) |
 * | `rotr` | a | 32-bit a to the right by `imm`, 1..31 |
 * | `rotl` | a | 64-bit a to the left by `imm`, 1..63 |
 * | `shl`, `shr` | a | by `imm` bits, zeros come in |
 *
 * @typedef {object} Step
 * @property {number} id Of the result; a later step names it in `{ kind: 'value', id }`.
 * @property {string} op
 * @property {32 | 64} width Of the result and of every argument.
 * @property {Ref[]} args
 * @property {number} [imm]
 */

/**
 * An argument or an output.
 * `input`: a word that the phase is given, by its name (`w0`, `a12`, ...); `value`: the result of a step of the same phase; `slot`: a launch constant;
 * `literal`: a number known when generating (a bigint for both widths).
 *
 * @typedef {{ kind: 'input', name: string } | { kind: 'value', id: number } | { kind: 'slot', index: number } | { kind: 'literal', value: bigint }} Ref
 */

/**
 * A straight-line program.
 *
 * @typedef {object} Phase
 * @property {string[]} inputs Names, in order.
 * @property {Step[]} steps In an order in which arguments come before their use.
 * @property {Ref[]} outputs
 */

export const LUT_XOR3 = 0x96
/** a ? b : c, bit by bit. */
export const LUT_CHOOSE = 0xca
export const LUT_MAJORITY = 0xe8
/** a ^ (~b & c). */
export const LUT_CHI = 0xd2

/** A word while building. `rank` 0: literal; 1: the same for a whole launch; 2: differs by nonce. */
class Word {
  constructor(id, rank, width, op, args, imm) {
    Object.assign(this, { id, rank, width, op, args, imm })
  }
}

export class Graph {
  #words = []
  #known = new Map()

  /** @param {Features} features */
  constructor(features) {
    this.features = features
  }

  /** A word that differs by nonce. */
  input(name, width) {
    return this.#make(2, width, 'input', [], name)
  }

  /** A word that is the same for a whole launch. */
  launchInput(name, width) {
    return this.#make(1, width, 'input', [], name)
  }

  literal(value, width) {
    return this.#make(0, width, 'literal', [], BigInt.asUintN(width, BigInt(value)))
  }

  /** The sum of 32-bit words. The launch's part of it is one word, added to the first of the others. */
  sum(...terms) {
    const fixed = terms.filter((term) => term.rank < 2).sort((a, b) => a.rank - b.rank || a.id - b.id)
    const varying = terms.filter((term) => term.rank === 2)
    const constant = fixed.length > 0 ? fixed.reduce((a, b) => this.#op('add', [a, b])) : null
    if (varying.length === 0) return constant
    const rest = constant && !isZero(constant) ? [varying[0], constant, ...varying.slice(1)] : varying
    return this.features.add3 ? this.#sumByThrees(rest) : rest.reduce((a, b) => this.#op('add', [a, b]))
  }

  #sumByThrees(terms) {
    const [first, second, third, ...rest] = terms
    if (!second) return first
    if (!third) return this.#op('add', [first, second])
    return this.#sumByThrees([this.#op('add3', [first, second, third]), ...rest])
  }

  xor(a, b) {
    return this.#op('xor', [a, b])
  }

  /** a ^ b ^ c. Where it takes two operations, those on b and c are made once for all a. */
  xor3(a, b, c) {
    if (isZero(a)) return this.xor(b, c)
    if (this.features.logic3) return this.#op('lut3', [a, b, c], LUT_XOR3)
    return this.xor(a, this.xor(b, c))
  }

  choose(a, b, c) {
    if (this.features.logic3) return this.#op('lut3', [a, b, c], LUT_CHOOSE)
    return this.xor(c, this.#op('and', [a, this.xor(b, c)]))
  }

  /** Where it takes several operations: in SHA-256, a ^ b is b ^ c of the next round. */
  majority(a, b, c) {
    if (this.features.logic3) return this.#op('lut3', [a, b, c], LUT_MAJORITY)
    return this.xor(b, this.#op('and', [this.xor(a, b), this.xor(b, c)]))
  }

  /** a ^ (~b & c). */
  chi(a, b, c) {
    if (this.features.logic3) return this.#op('lut3', [a, b, c], LUT_CHI)
    return this.xor(a, this.#op('andnot', [b, c]))
  }

  shr(a, bits) {
    return this.#op('shr', [a], bits)
  }

  rotr32(a, bits) {
    if (this.features.rotate32 || a.rank < 2) return this.#op('rotr', [a], bits)
    return this.#op('or', [this.#op('shr', [a], bits), this.#op('shl', [a], 32 - bits)])
  }

  rotl64(a, bits) {
    if (bits === 0) return a
    const native = this.features.rotate64 === 'bytes' ? bits % 8 === 0 : this.features.rotate64
    if (native || a.rank < 2) return this.#op('rotl', [a], bits)
    return this.#op('or', [this.#op('shl', [a], bits), this.#op('shr', [a], 64 - bits)])
  }

  #op(op, args, imm) {
    const { width } = args[0]
    const rank = Math.max(...args.map((arg) => arg.rank))
    if (rank === 0)
      return this.literal(
        calculate(
          op,
          width,
          args.map((arg) => arg.imm),
          imm,
        ),
        width,
      )
    if (op === 'xor' || op === 'or' || op === 'add') {
      const other = isZero(args[0]) ? args[1] : isZero(args[1]) ? args[0] : null
      if (other) return other
      if (op !== 'add' && args[1].id < args[0].id) args = [args[1], args[0]]
    }
    return this.#make(rank, width, op, args, imm)
  }

  #make(rank, width, op, args, imm) {
    const key = `${op}/${width}/${args.map((arg) => arg.id).join(',')}/${imm}`
    let word = this.#known.get(key)
    if (!word) {
      word = new Word(this.#words.length, rank, width, op, args, imm)
      this.#words.push(word)
      this.#known.set(key, word)
    }
    return word
  }

  /**
   * The program of the words that differ by nonce, and that of the launch constants it uses, which computes slot 0, 1, ... in its outputs.
   *
   * @returns {{ phase: Phase, launch: Phase }}
   */
  phases(outputs) {
    const slots = []
    const varying = this.#reach(outputs, 2)
    const slotOf = (word) => {
      const at = slots.indexOf(word)
      return at < 0 ? slots.push(word) - 1 : at
    }
    const ref = (word) => {
      if (word.rank === 1) return { kind: 'slot', index: slotOf(word) }
      return plainRef(word)
    }
    const phase = { inputs: names(this.#words, 2), steps: stepsOf(varying, ref), outputs: outputs.map(ref) }
    const launch = { inputs: names(this.#words, 1), steps: stepsOf(this.#reach(slots, 1), plainRef), outputs: slots.map(plainRef) }
    return { phase, launch }
  }

  /** Words of a rank that `outputs` need, in the order in which they were made. */
  #reach(outputs, rank) {
    const seen = new Set()
    const waiting = [...outputs]
    for (let word = waiting.pop(); word; word = waiting.pop()) {
      if (word.rank !== rank || seen.has(word)) continue
      seen.add(word)
      waiting.push(...word.args)
    }
    return [...seen].sort((a, b) => a.id - b.id)
  }
}

function isZero(word) {
  return word.op === 'literal' && word.imm === 0n
}

function names(words, rank) {
  return words.filter((word) => word.op === 'input' && word.rank === rank).map((word) => word.imm)
}

function stepsOf(words, ref) {
  return words
    .filter((word) => word.op !== 'input' && word.op !== 'literal')
    .map(({ id, op, width, args, imm }) => ({ id, op, width, args: args.map(ref), ...(imm !== undefined && { imm }) }))
}

function plainRef(word) {
  if (word.op === 'input') return { kind: 'input', name: word.imm }
  if (word.op === 'literal') return { kind: 'literal', value: word.imm }
  return { kind: 'value', id: word.id }
}

/** One operation on numbers: what every backend's instruction must do. */
function calculate(op, width, [a, b, c], imm) {
  const bits = BigInt(width)
  const all = (1n << bits) - 1n
  switch (op) {
    case 'add':
      return (a + b) & all
    case 'add3':
      return (a + b + c) & all
    case 'xor':
      return a ^ b
    case 'and':
      return a & b
    case 'or':
      return a | b
    case 'andnot':
      return (a ^ all) & b
    case 'lut3':
      return lut3(a, b, c, imm, all)
    case 'rotr':
      return ((a >> BigInt(imm)) | (a << (bits - BigInt(imm)))) & all
    case 'rotl':
      return ((a << BigInt(imm)) | (a >> (bits - BigInt(imm)))) & all
    case 'shl':
      return (a << BigInt(imm)) & all
    case 'shr':
      return a >> BigInt(imm)
    default:
      throw new Error(`no operation ${op}`)
  }
}

function lut3(a, b, c, table, all) {
  let result = 0n
  for (let row = 0; row < 8; row++) {
    if (((table >> row) & 1) === 0) continue
    result |= (row & 4 ? a : a ^ all) & (row & 2 ? b : b ^ all) & (row & 1 ? c : c ^ all)
  }
  return result
}

/**
 * Runs a phase on numbers: for tests, and for computing launch constants in JavaScript.
 *
 * @param {Phase} phase
 * @param {Record<string, bigint>} inputs By name.
 * @param {bigint[]} [slots] Launch constants.
 * @returns {bigint[]} The outputs.
 */
export function evaluate(phase, inputs, slots = []) {
  const values = new Map()
  const read = (ref) => {
    if (ref.kind === 'input') return inputs[ref.name]
    if (ref.kind === 'slot') return slots[ref.index]
    return ref.kind === 'literal' ? ref.value : values.get(ref.id)
  }
  for (const { id, op, width, args, imm } of phase.steps) values.set(id, calculate(op, width, args.map(read), imm))
  return phase.outputs.map(read)
}

/**
 * How many instructions a phase is, by operation.
 *
 * @param {Phase} phase
 * @returns {{ total: number } & Record<string, number>}
 */
export function countSteps(phase) {
  const counts = { total: phase.steps.length }
  for (const { op } of phase.steps) counts[op] = (counts[op] ?? 0) + 1
  return counts
}
