// How phases become CUDA statements: 32-bit words as they are, 64-bit lanes as two halves, since the device has no 64-bit logic or shifts.

/** @typedef {import('./graph.mjs').Phase} Phase */

/**
 * A half of a lane: the name of a variable, or a number known while printing.
 *
 * @typedef {string | number} Half
 */

/**
 * How phases of 32-bit words are printed, for printPhase.
 *
 * @param {(index: number) => string} slot A launch constant.
 * @param {{ multiply?: boolean }} [options] Sums as multiplications by a one that the compiler cannot see.
 * @returns {import('./print.mjs').Language}
 */
export function wordLanguage(slot, { multiply = false } = {}) {
  const operation = (step, args) =>
    multiply && step.op === 'add' ? `${args[0]} * launch.powers[0] + ${args[1]}` : wordOperation(step, args)
  return { type: { 32: 'uint32_t' }, operation, slot, literal: (value) => literal(Number(value)) }
}

function wordOperation({ op, imm }, [a, b, c]) {
  switch (op) {
    case 'add':
      return `${a} + ${b}`
    case 'xor':
      return `${a} ^ ${b}`
    case 'lut3':
      return `lop3<0x${imm.toString(16)}>(${a}, ${b}, ${c})`
    case 'rotr':
      return `turned(${a}, ${imm})`
    case 'shr':
      return `${a} >> ${imm}`
    default:
      throw new Error(`no instruction for ${op} of words`)
  }
}

function literal(value) {
  return `0x${value.toString(16)}u`
}

/** Prints phases of lanes; names go on counting over the phases of one function. */
export class LanePrinter {
  #next = 0

  /** @param {{ multiply: (bits: number) => boolean }} options Which rotations are multiplications. */
  constructor({ multiply }) {
    this.multiply = multiply
  }

  /** @param {Half} half */
  static text(half) {
    return typeof half === 'number' ? literal(half) : half
  }

  /**
   * @param {Phase} phase
   * @param {Record<string, [Half, Half]>} inputs Low and high half by name.
   * @param {string[]} into Where statements are appended.
   * @returns {[Half, Half][]} The outputs.
   */
  phase(phase, inputs, into) {
    const values = new Map()
    const read = (ref) => {
      if (ref.kind === 'input') return inputs[ref.name]
      if (ref.kind === 'literal') return [Number(ref.value & 0xffffffffn), Number(ref.value >> 32n)]
      return values.get(ref.id)
    }
    for (const { id, op, args, imm } of phase.steps) values.set(id, this.#step(op, args.map(read), imm, into))
    return phase.outputs.map(read)
  }

  #step(op, lanes, imm, into) {
    if (op === 'rotl') return this.#rotate(lanes[0], imm, into)
    if (op === 'lut3')
      return [0, 1].map((half) =>
        this.#logic(
          lanes.map((lane) => lane[half]),
          imm,
          into,
        ),
      )
    if (op === 'xor') return [0, 1].map((half) => this.#logic([...lanes.map((lane) => lane[half]), 0], 0x96, into))
    throw new Error(`no instruction for ${op} of lanes`)
  }

  /** One half of a three-input function, or what is left of it when some inputs are known. */
  #logic(halves, table, into) {
    const names = [...new Set(halves.filter((half) => typeof half === 'string'))]
    if (names.length === 0) return bitwise(table, halves)
    const known = halves.filter((half) => typeof half === 'number')
    if (names.length === 1 && known.every((half) => half === 0 || half === 0xffffffff)) {
      const [whenZero, whenOne] = [0, 0xffffffff].map((value) =>
        bitwise(
          table,
          halves.map((half) => (typeof half === 'string' ? value : half)),
        ),
      )
      if (whenZero === 0 && whenOne === 0xffffffff) return names[0]
      if (whenZero === whenOne) return whenZero
    }
    return this.#name(`lop3<0x${table.toString(16)}>(${halves.map(LanePrinter.text).join(', ')})`, into)
  }

  /** To the left. By more than 31 bits it is the same with the halves exchanged. */
  #rotate([low, high], bits, into) {
    const [a, b] = bits < 32 ? [low, high] : [high, low]
    const by = bits % 32
    if (by === 0) return [a, b]
    if (typeof a === 'number' && typeof b === 'number') return [funnel(b, a, by), funnel(a, b, by)]
    const [l, h] = [LanePrinter.text(a), LanePrinter.text(b)]
    if (!this.multiply(bits))
      return [this.#name(`__funnelshift_l(${h}, ${l}, ${by})`, into), this.#name(`__funnelshift_l(${l}, ${h}, ${by})`, into)]
    const value = this.#name(`multiplied(${l}, ${h}, launch.powers[${by}], launch.powers[0])`, into, 'uint64_t')
    return [this.#name(`uint32_t(${value})`, into), this.#name(`uint32_t(${value} >> 32)`, into)]
  }

  #name(expression, into, type = 'uint32_t') {
    const name = `v${this.#next++}`
    into.push(`const ${type} ${name} = ${expression};`)
    return name
  }
}

/** The upper word of (high, low) shifted to the left. */
function funnel(low, high, bits) {
  return ((high << bits) | (low >>> (32 - bits))) >>> 0
}

function bitwise(table, [a, b, c]) {
  let result = 0
  for (let row = 0; row < 8; row++) if ((table >> row) & 1) result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c)
  return result >>> 0
}
