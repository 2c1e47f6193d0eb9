// Writes WebAssembly modules byte by byte: the few sections and instructions that the solver needs (core specification 2.0, chapter 5).

export const I32 = 0x7f
export const V128 = 0x7b

/** @param {number} value */
function unsigned(value) {
  const bytes = []
  let rest = value >>> 0
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}

/** @param {number} value 32 bits, with its sign */
function signed(value) {
  const bytes = []
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
    bytes.push(done ? low : low | 0x80)
    if (done) return bytes
  }
}

const name = (text) => [...unsigned(text.length), ...new TextEncoder().encode(text)]
const list = (items) => [unsigned(items.length), ...items].flat()
// Not by spreading: a body as arguments of a call would overflow the stack.
const section = (id, content) => [[id], unsigned(content.length), content].flat()
const simd = (op, ...rest) => [0xfd, ...unsigned(op), ...rest]

/** Instructions by name; each is a list of bytes. */
export const ins = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  else: [0x05],
  end: [0x0b],
  br: (depth) => [0x0c, ...unsigned(depth)],
  brIf: (depth) => [0x0d, ...unsigned(depth)],
  get: (local) => [0x20, ...unsigned(local)],
  set: (local) => [0x21, ...unsigned(local)],
  tee: (local) => [0x22, ...unsigned(local)],
  i32Store: (offset) => [0x36, 2, ...unsigned(offset)],
  i32Const: (value) => [0x41, ...signed(value)],
  i32Eq: [0x46],
  i32Ne: [0x47],
  i32LtU: [0x49],
  i32GeU: [0x4f],
  i32Add: [0x6a],
  i32Or: [0x72],
  i32Xor: [0x73],
  i32Shl: [0x74],
  i32ShrU: [0x76],
  load: (offset) => simd(0, 4, ...unsigned(offset)),
  store: (offset) => simd(11, 4, ...unsigned(offset)),
  shuffle: (lanes) => simd(13, ...lanes),
  i32x4Splat: simd(17),
  and: simd(78),
  andnot: simd(79),
  or: simd(80),
  xor: simd(81),
  i32x4Shl: simd(171),
  i32x4ShrU: simd(173),
  i32x4Add: simd(174),
  i64x2Bitmask: simd(196),
  i64x2Shl: simd(203),
  i64x2ShrU: simd(205),
  i64x2Add: simd(206),
  i64x2GtS: simd(217),
}

/**
 * One module with one memory, exported as `memory`.
 *
 * @param {object} module
 * @param {number} module.pages Of 64 KiB.
 * @param {{ offset: number, bytes: Uint8Array }[]} module.data What is in the memory to begin with.
 * @param {{ export: string, params: number[], results: number[], locals: number[], body: number[] }[]} module.functions
 * @returns {Uint8Array}
 */
export function encodeModule({ pages, data, functions }) {
  const types = functions.map(({ params, results }) => [
    0x60,
    ...list(params.map((type) => [type])),
    ...list(results.map((type) => [type])),
  ])
  const bodies = functions.map(({ locals, body }) =>
    [list(runs(locals).map(([type, count]) => [...unsigned(count), type])), body, ins.end].flat(),
  )
  const segments = data.map(({ offset, bytes }) => [0x00, ...ins.i32Const(offset), ...ins.end, ...unsigned(bytes.length), ...bytes])
  const exported = functions.map((entry, index) => [...name(entry.export), 0x00, ...unsigned(index)])
  return Uint8Array.from(
    [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, list(types)),
      section(3, list(functions.map((_, index) => unsigned(index)))),
      section(5, list([[0x01, ...unsigned(pages), ...unsigned(pages)]])),
      section(7, list([[...name('memory'), 0x02, 0x00], ...exported])),
      section(10, list(bodies.map((body) => [unsigned(body.length), body].flat()))),
      section(11, list(segments)),
    ].flat(),
  )
}

/** [type, how many in a row] */
function runs(types) {
  const all = []
  for (const type of types) {
    const last = all.at(-1)
    if (last !== undefined && last[0] === type) last[1]++
    else all.push([type, 1])
  }
  return all
}
