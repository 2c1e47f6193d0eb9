// Straight-line programs as instructions of AVX-512, with registers dealt out here. Given a program of thousands of steps that is woven of two, a compiler changes
// their order and keeps fewer values in registers.

/** @typedef {import('./graph.mjs').Phase} Phase */
/** @typedef {import('./graph.mjs').Ref} Ref */
/** @typedef {import('./graph.mjs').Step} Step */

/**
 * A program's words in memory, as operands in AT&T syntax.
 *
 * @typedef {object} Memory
 * @property {(ref: Ref, width: 32 | 64) => { operand: string, spread?: boolean }} word Of an input, a slot or a literal. `spread`: one word, the same for all
 *   lanes; otherwise a vector.
 * @property {(place: number) => string} place For a value that leaves its register; 0, 1, ...
 * @property {Map<string, string>} outputs Where values are stored, by their ids.
 */

const REGISTERS = 32
/** The operations that there are with three-input logic and rotations. Logic is the same for both widths. */
const LOGIC = { xor: 'vpxor', lut3: 'vpternlog' }
const OTHERS = { add: 'vpadd', rotr: 'vpror', rotl: 'vprol', shr: 'vpsrl' }
/** A value that is in memory already leaves its register without a store, which counts as if it were read so many steps later. Found by trying. */
const WITHOUT_STORE = 20

/**
 * A phase's steps as a part of a longer program.
 *
 * @param {Phase} phase
 * @param {string} prefix Of the values' ids: another one for each copy.
 * @param {(name: string) => Ref} input What its inputs are.
 * @returns {{ steps: Step[], outputs: Ref[] }}
 */
export function inlinePhase(phase, prefix, input) {
  const rename = (ref) => {
    if (ref.kind === 'input') return input(ref.name)
    return ref.kind === 'value' ? { kind: 'value', id: `${prefix}${ref.id}` } : ref
  }
  const steps = phase.steps.map((step) => ({ ...step, id: `${prefix}${step.id}`, args: step.args.map(rename) }))
  return { steps, outputs: phase.outputs.map(rename) }
}

/**
 * One program of several that do not depend on each other, each spread evenly over the whole.
 *
 * @param {Step[][]} programs
 * @returns {Step[]}
 */
export function weave(programs) {
  const placed = programs.flatMap((steps) => steps.map((step, at) => ({ step, at: (at + 0.5) / steps.length })))
  return placed.sort((a, b) => a.at - b.at).map(({ step }) => step)
}

/**
 * The instructions of a program, in its order.
 *
 * @param {Step[]} steps
 * @param {Memory} memory
 * @returns {{ lines: string[], places: number }} How many places are used.
 */
export function assemble(steps, memory) {
  const assembler = new Assembler(steps, memory)
  steps.forEach((step, at) => assembler.step(step, at))
  return { lines: assembler.lines, places: assembler.places }
}

class Assembler {
  lines = []
  places = 0
  #memory
  /** By the ids of values: the positions of the steps that read them, and the register and the place in memory where each is now, either or both. */
  #readers = new Map()
  #registers = new Map()
  #placed = new Map()
  #freeRegisters = Array.from({ length: REGISTERS }, (_, register) => register)
  #freePlaces = []
  /** Free after the step only: a value that leaves its register for the step's result is stored before the step reads them. */
  #leaving = []
  /** Registers that hold a word of memory for one step. */
  #borrowed = []

  constructor(steps, memory) {
    this.#memory = memory
    for (const { id } of steps) this.#readers.set(id, [])
    steps.forEach(({ args }, at) => args.forEach(({ kind, id }) => kind === 'value' && this.#readers.get(id).push(at)))
  }

  step(step, at) {
    const read = step.args.flatMap(({ kind, id }) => (kind === 'value' ? [id] : []))
    const args = step.args.map((ref) => this.#argument(ref, step.width))
    if (step.op === 'lut3') this.#lut3(step, at, args, read)
    else this.#plain(step, at, args, read)
    const output = this.#memory.outputs.get(step.id)
    if (output) this.lines.push(`vmovdqa64 ${this.#operand(step.id)}, ${output}`)
    this.#forget([step.id], at)
    this.#freePlaces.push(...this.#leaving.splice(0))
  }

  /** Any one operand may be in memory; of two it is the second, and those with two may be swapped. */
  #plain(step, at, args, read) {
    let [a, b] = args
    const name = nameOf(step, args)
    if (b && !a.inRegister() && b.inRegister()) [a, b] = [b, a]
    if (b && !a.inRegister()) a = this.#load(a, at, read)
    const operands = b ? `${b.text()}, ${a.text()}` : `$${step.imm}, ${a.text()}`
    this.#forget(read, at)
    const result = this.#take(at, read)
    this.#registers.set(step.id, result)
    this.lines.push(`${name} ${operands}, %zmm${result}`)
  }

  /** The result overwrites the first operand: one that is not read again, or a copy. The last may be in memory. */
  #lut3(step, at, args, read) {
    const name = nameOf(step, args)
    const order = [0, 1, 2]
    const [last, ...others] = order.filter((k) => !args[k].inRegister())
    for (const k of others) args[k] = this.#load(args[k], at, read)
    const candidates = order.filter((k) => k !== last)
    const free = candidates.find((k) => args[k].borrowed !== undefined || !this.#isReadAfter(args[k].id, at))
    const first = free ?? candidates[0]
    const rest = order.filter((k) => k !== first)
    if (rest[0] === last) rest.reverse()
    const texts = [first, ...rest].map((k) => args[k].text())
    let result
    if (free === undefined) {
      result = this.#take(at, read)
      this.lines.push(`vmovdqa64 ${texts[0]}, %zmm${result}`)
    } else {
      const { id, borrowed } = args[free]
      result = borrowed ?? this.#registers.get(id)
      if (borrowed !== undefined) this.#borrowed.splice(this.#borrowed.indexOf(borrowed), 1)
      else this.#registers.delete(id)
    }
    this.#registers.set(step.id, result)
    this.lines.push(`${name} $${permuteTable(step.imm, [first, ...rest])}, ${texts[2]}, ${texts[1]}, %zmm${result}`)
    this.#forget(read, at)
  }

  /** Where a value is can change until its text is asked for. */
  #argument(ref, width) {
    if (ref.kind === 'value') return { id: ref.id, text: () => this.#operand(ref.id), inRegister: () => this.#registers.has(ref.id) }
    const { operand, spread = false } = this.#memory.word(ref, width)
    const text = spread ? `${operand}{1to${512 / width}}` : operand
    const load = spread ? `vpbroadcast${letterOf(width)} ${operand}` : `vmovdqa64 ${operand}`
    return { spread, load, text: () => text, inRegister: () => false }
  }

  #operand(id) {
    const register = this.#registers.get(id)
    return register === undefined ? this.#memory.place(this.#placed.get(id)) : `%zmm${register}`
  }

  /** From memory to a register, a value for as long as it stays there and any other word for this step. */
  #load(argument, at, read) {
    const register = this.#take(at, read)
    if (argument.id !== undefined) {
      this.lines.push(`vmovdqa64 ${argument.text()}, %zmm${register}`)
      this.#registers.set(argument.id, register)
      return argument
    }
    this.lines.push(`${argument.load}, %zmm${register}`)
    this.#borrowed.push(register)
    return { borrowed: register, text: () => `%zmm${register}`, inRegister: () => true }
  }

  /** A free register. Where there is none the value that is read last, but none of those of this step, goes to memory. */
  #take(at, read) {
    if (this.#freeRegisters.length > 0) return this.#freeRegisters.shift()
    let [leaving, latest] = [undefined, -1]
    for (const id of this.#registers.keys()) {
      if (read.includes(id)) continue
      const next = this.#readers.get(id).find((reader) => reader > at) - at + (this.#placed.has(id) ? WITHOUT_STORE : 0)
      if (next > latest) [leaving, latest] = [id, next]
    }
    const register = this.#registers.get(leaving)
    if (!this.#placed.has(leaving)) {
      const place = this.#freePlaces.pop() ?? this.places++
      this.#placed.set(leaving, place)
      this.lines.push(`vmovdqa64 %zmm${register}, ${this.#memory.place(place)}`)
    }
    this.#registers.delete(leaving)
    return register
  }

  /** Gives back what holds those of these values that no later step reads. */
  #forget(ids, at) {
    this.#freeRegisters.push(...this.#borrowed.splice(0))
    for (const id of ids) {
      if (this.#isReadAfter(id, at)) continue
      if (this.#registers.has(id)) this.#freeRegisters.push(this.#registers.get(id))
      if (this.#placed.has(id)) this.#leaving.push(this.#placed.get(id))
      this.#registers.delete(id)
      this.#placed.delete(id)
    }
  }

  #isReadAfter(id, at) {
    return (this.#readers.get(id).at(-1) ?? -1) > at
  }
}

function nameOf({ op, width }, args) {
  // A word that is spread has a width.
  if (op in LOGIC) return `${LOGIC[op]}${letterOf(args.some(({ spread }) => spread) ? width : 64)}`
  if (op in OTHERS) return `${OTHERS[op]}${letterOf(width)}`
  throw new Error(`no instruction for ${op}`)
}

function letterOf(width) {
  return width === 64 ? 'q' : 'd'
}

/** The table of a function of three words that are given in another order: place k has word order[k]. */
function permuteTable(table, order) {
  let permuted = 0
  for (let row = 0; row < 8; row++) {
    const from = order.reduce((bits, word, place) => bits | (((row >> (2 - place)) & 1) << (2 - word)), 0)
    permuted |= ((table >> from) & 1) << row
  }
  return permuted
}
