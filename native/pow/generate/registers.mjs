// Gives the words of a straight-line program registers, and prints it as AVX-512 assembly (AT&T, for inline assembly of GCC and Clang) in exactly the order
// of its steps: where a kernel lives by that order, a compiler that sorts instructions anew and moves words in its own way loses it.

/** @typedef {import('./graph.mjs').Phase} Phase */
/** @typedef {import('./graph.mjs').Ref} Ref */
/** @typedef {import('./graph.mjs').Step} Step */

const REGISTERS = Array.from({ length: 32 }, (_, k) => k)

/**
 * @typedef {object} Places
 * @property {Record<string, number | string>} inputs By name: a register, or an operand in memory that nothing writes.
 * @property {number[]} outputs The register of each; all different.
 * @property {(value: bigint) => string} literal An operand in memory.
 * @property {(index: number) => string} room An operand in memory for a word that finds no register.
 */

/**
 * A phase as instructions. Of words that have to leave their register it is the one used again last.
 *
 * @param {Phase} phase Of exclusive or, rotates and three-input logic on 64-bit words.
 * @param {Places} places
 * @returns {{ lines: string[], room: number }} Room: for how many words, used by the instructions.
 */
export function printWithRegisters(phase, places) {
  const program = new Program(phase, places)
  phase.steps.forEach((step, at) => program.step(step, at))
  program.finish(phase.outputs)
  return { lines: program.lines, room: program.room }
}

class Program {
  lines = []
  room = 0
  #register = new Map()
  #memory = new Map()
  #free = new Set(REGISTERS)
  #freeRoom = []
  #uses = new Map()
  #wanted = new Map()

  constructor(phase, places) {
    this.places = places
    phase.steps.forEach((step, at) => step.args.forEach((ref) => this.#note(ref, at)))
    phase.outputs.forEach((ref, k) => {
      this.#note(ref, Infinity)
      this.#wanted.set(nameOf(ref), places.outputs[k])
    })
    for (const name of phase.inputs) {
      if (!this.#uses.has(name)) continue
      const place = places.inputs[name]
      if (typeof place === 'string') this.#memory.set(name, place)
      else this.#put(name, place)
    }
  }

  #note(ref, at) {
    const name = nameOf(ref)
    if (ref.kind === 'literal') this.#memory.set(name, this.places.literal(ref.value))
    this.#uses.set(name, [...(this.#uses.get(name) ?? []), at])
  }

  step({ id, op, args, imm }, at) {
    const names = args.map(nameOf)
    // Only one operand of an instruction may be in memory.
    names.filter((name) => !this.#register.has(name)).slice(1).forEach((name) => this.#load(name, at, names))
    const result = nameOf({ kind: 'value', id })
    if (op === 'lut3') this.#lut3(result, names, imm, at)
    else this.#plain(result, op, names, imm, at)
  }

  /** The destination is any register, also that of an argument not used again. */
  #plain(result, op, names, imm, at) {
    const operands = names.map((name) => this.#operand(name))
    this.#forget(names, at)
    const to = this.#take(result, at, names)
    if (op === 'rotl') this.#emit(`vprolq $${imm}, ${operands[0]}, ${zmm(to)}`)
    else if (op === 'xor') {
      const [a, b] = operands.sort((one, other) => Number(isRegister(one)) - Number(isRegister(other)))
      this.#emit(`vpxorq ${a}, ${b}, ${zmm(to)}`)
    } else throw new Error(`no instruction for ${op}`)
    this.#put(result, to)
  }

  /** The destination is the register of an argument, or of a copy of one that is used again. */
  #lut3(result, names, table, at) {
    const here = names.filter((name) => this.#register.has(name))
    const ending = here.filter((name) => this.#lastUse(name) === at)
    const wanted = this.#wanted.get(result)
    const over = ending.find((name) => this.#register.get(name) === wanted) ?? ending[0]
    const first = over ?? here[0]
    const rest = names.filter((name) => name !== first).sort((a, b) => Number(this.#register.has(b)) - Number(this.#register.has(a)))
    const [second, third] = rest.map((name) => this.#operand(name))
    let to = this.#register.get(first)
    if (over === undefined) {
      to = this.#take(result, at, names)
      this.#move(this.#operand(first), to)
    }
    const order = [first, ...rest].map((name) => names.indexOf(name))
    this.#emit(`vpternlogq $0x${permuted(table, order).toString(16)}, ${third}, ${second}, ${zmm(to)}`)
    this.#forget(names, at)
    this.#put(result, to)
  }

  /** Brings the outputs to their registers. */
  finish(outputs) {
    const moves = outputs.map((ref) => ({ name: nameOf(ref), to: this.#wanted.get(nameOf(ref)) }))
    const loads = moves.filter(({ name }) => !this.#register.has(name))
    let pending = moves.filter(({ name, to }) => this.#register.has(name) && this.#register.get(name) !== to)
    while (pending.length > 0) {
      const next = pending.find(({ to }) => this.#free.has(to))
      if (next) {
        this.#relocate(next.name, next.to)
        pending = pending.filter((move) => move !== next)
      } else this.#relocate(pending[0].name, [...this.#free][0])
    }
    for (const { name, to } of loads) this.#move(this.#memory.get(name), to)
  }

  #relocate(name, to) {
    const from = this.#register.get(name)
    this.#move(zmm(from), to)
    this.#free.add(from)
    this.#put(name, to)
  }

  #emit(line) {
    this.lines.push(line)
  }

  #move(from, to) {
    const broadcast = from.endsWith(BROADCAST)
    this.#emit(`${broadcast ? 'vpbroadcastq' : 'vmovdqa64'} ${broadcast ? from.slice(0, -BROADCAST.length) : from}, ${zmm(to)}`)
  }

  #load(name, at, kept) {
    const to = this.#take(name, at, kept)
    this.#move(this.#memory.get(name), to)
    this.#put(name, to)
  }

  #put(name, register) {
    this.#free.delete(register)
    this.#register.set(name, register)
  }

  #operand(name) {
    return this.#register.has(name) ? zmm(this.#register.get(name)) : this.#memory.get(name)
  }

  #lastUse(name) {
    return this.#uses.get(name).at(-1)
  }

  /** A register for a word: that which it should end in, if free. One is made free if none is. */
  #take(name, at, kept) {
    if (this.#free.size === 0) this.#evict(at, kept)
    const wanted = this.#wanted.get(name)
    if (this.#free.has(wanted)) return wanted
    // Rather one that no output waits for.
    const ends = new Set(this.#wanted.values())
    const [register] = [...this.#free].sort((a, b) => Number(ends.has(a)) - Number(ends.has(b)) || a - b)
    return register
  }

  #evict(at, kept) {
    // What is in memory too costs only its way back.
    const distance = (name) => {
      const next = this.#uses.get(name).find((use) => use >= at)
      return next === Infinity ? Number.MAX_VALUE : next + (this.#memory.has(name) ? 20 : 0)
    }
    const candidates = [...this.#register.keys()].filter((name) => !kept.includes(name))
    const name = candidates.reduce((a, b) => (distance(b) > distance(a) ? b : a))
    const register = this.#register.get(name)
    if (!this.#memory.has(name)) {
      const index = this.#freeRoom.pop() ?? this.room++
      this.#memory.set(name, this.places.room(index))
        this.#emit(`vmovdqa64 ${zmm(register)}, ${this.places.room(index)}`)
    }
    this.#register.delete(name)
    this.#free.add(register)
  }

  /** Frees what arguments have that are not used after this step. */
  #forget(names, at) {
    for (const name of names) {
      if (this.#lastUse(name) !== at) continue
      if (this.#register.has(name)) this.#free.add(this.#register.get(name))
      this.#register.delete(name)
      const index = Array.from({ length: this.room }, (_, k) => k).find((k) => this.places.room(k) === this.#memory.get(name))
      if (index !== undefined) this.#freeRoom.push(index)
      this.#memory.delete(name)
    }
  }
}

/** What follows the address of a 64-bit word that every lane is to have. Braces are escaped for inline assembly. */
export const BROADCAST = '%{1to8%}'

function nameOf(ref) {
  if (ref.kind === 'input') return ref.name
  return ref.kind === 'value' ? `v${ref.id}` : `${ref.value}`
}

/** Percent signs are doubled for inline assembly. */
export function zmm(register) {
  return `%%zmm${register}`
}

function isRegister(operand) {
  return operand.startsWith('%%')
}

/** The table of the same function with its arguments in another order: `order[i]` is the former place of the argument now at place i. */
function permuted(table, order) {
  let result = 0
  for (let row = 0; row < 8; row++) {
    const former = order.reduce((sum, place, at) => sum | (((row >> (2 - at)) & 1) << (2 - place)), 0)
    result |= ((table >> former) & 1) << row
  }
  return result
}
