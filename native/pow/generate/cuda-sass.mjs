// Counts what a device of compute capability 9.0 issues for one hash, from the machine code in a .cubin (an ELF file): no disassembler is needed, since all
// instructions are 16 bytes long and their operation is in fixed bits. These codes are not documented; they were matched by what a kernel of known make-up compiles to.

/** Lowest 9 bits of an instruction: the operation; the three above them are the kind of its operands. */
const OPERATION = 0x1ffn
const BRANCH = 0x147n
const EXIT = 0x14dn
const ATOMIC = 0x1a8n
const NOP = 0x118n

/** Operations of the pipe for logic, shifts and sums, and of the one for multiply-adds; the rest (branches, uniform registers, memory) has others. */
const PIPES = new Map([
  ...['MOV 02', 'SEL 07', 'ISETP 0c', 'IADD3 10', 'LEA 11', 'LOP3 12', 'PRMT 16', 'SHF 19', 'VIADD 36', 'VIMNMX 48'].map((op) => [
    codeOf(op),
    'alu',
  ]),
  ...['IMAD 24', 'IMAD.WIDE 25', 'IMAD.HI 27'].map((op) => [codeOf(op), 'multiply']),
])

function codeOf(text) {
  return BigInt(`0x${text.split(' ')[1]}`)
}

/** @typedef {{ total: number, alu: number, multiply: number, other: number }} Count */

/**
 * What one pass of the loop over nonces issues, on its longer way through the last round and without keeping a candidate.
 *
 * @param {Uint8Array} cubin
 * @param {string} kernel
 * @param {number} trips How often a loop inside the loop over nonces is gone through.
 * @returns {Count & { codeBytes: number }}
 */
export function countHash(cubin, kernel, trips) {
  const instructions = instructionsOf(Buffer.from(cubin), kernel)
  const back = instructions.flatMap(({ target }, at) => (target !== null && target < at ? [{ first: target, last: at }] : []))
  const size = ({ first, last }) => last - first + 1
  const inside = (one, other) => one !== other && one.first >= other.first && one.last <= other.last
  const hash = back.filter((loop) => size(loop) > instructions.length / 2).sort((a, b) => size(a) - size(b))[0]
  if (!hash) throw new Error(`${kernel} has no loop of more than half its code`)
  const inner = back.filter((loop) => inside(loop, hash))
  return { ...longestWay(instructions, hash, inner, trips), codeBytes: 16 * size(hash) }
}

/** From the loop's first instruction to its last, by the way that issues most. */
function longestWay(instructions, hash, inner, trips) {
  const after = new Array(instructions.length).fill(null)
  for (let at = hash.last; at >= hash.first; at--) {
    const { operation, target, always } = instructions[at]
    if (operation === ATOMIC || operation === EXIT) continue
    const ahead = target !== null && target > at ? after[target] : null
    const next = at === hash.last ? { total: 0, alu: 0, multiply: 0, other: 0 } : always && target > at ? null : after[at + 1]
    const best = !next || (ahead && ahead.total > next.total) ? ahead : next
    if (!best) continue
    const weight = inner.some((loop) => at >= loop.first && at <= loop.last) ? trips : 1
    const pipe = PIPES.get(operation) ?? 'other'
    after[at] = { ...best, total: best.total + weight, [pipe]: best[pipe] + weight }
  }
  if (!after[hash.first]) throw new Error('no way through the loop was found')
  return after[hash.first]
}

function instructionsOf(elf, kernel) {
  const code = sectionOf(elf, `.text.${kernel}`)
  const instructions = []
  for (let at = 0; at < code.length; at += 16) {
    const low = code.readBigUInt64LE(at)
    const high = code.readBigUInt64LE(at + 8)
    const operation = low & OPERATION
    const isBranch = operation === BRANCH
    instructions.push({ operation, target: isBranch ? at / 16 + 1 + distance(low, high) : null, always: isBranch && isAlways(low, high) })
  }
  while (instructions.at(-1)?.operation === NOP) instructions.pop()
  return instructions
}

/** Of a branch, in instructions from the one after it: bits 34..81 above bits 16..23, in units of four bytes. */
function distance(low, high) {
  const upper = BigInt.asIntN(48, ((low >> 34n) | (high << 30n)) & 0xffffffffffffn)
  return Number(((upper << 8n) | ((low >> 16n) & 0xffn)) / 4n)
}

/** Neither the instruction's own predicate (bits 12..15) nor the one it reads (87..90) is other than "true". */
function isAlways(low, high) {
  return ((low >> 12n) & 0xfn) === 7n && ((high >> 23n) & 0xfn) === 7n
}

function sectionOf(elf, name) {
  const [start, entry, count, names] = [
    Number(elf.readBigUInt64LE(0x28)),
    elf.readUInt16LE(0x3a),
    elf.readUInt16LE(0x3c),
    elf.readUInt16LE(0x3e),
  ]
  const header = (index) => {
    const at = start + index * entry
    return { name: elf.readUInt32LE(at), offset: Number(elf.readBigUInt64LE(at + 0x18)), size: Number(elf.readBigUInt64LE(at + 0x20)) }
  }
  const texts = header(names).offset
  for (let index = 0; index < count; index++) {
    const section = header(index)
    const from = texts + section.name
    if (elf.toString('latin1', from, elf.indexOf(0, from)) === name) return elf.subarray(section.offset, section.offset + section.size)
  }
  throw new Error(`the image has no ${name}`)
}
