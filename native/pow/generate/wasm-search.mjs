// Runs the WebAssembly solver: one instance for each thread, with the interface of the native kernels.
import { evaluate } from './graph.mjs'
import { GROUP } from './wasm.mjs'

/**
 * Nonces of one call into the module: half a millisecond at 2 million a second. Between calls the control word is read, and only from one call to the next
 * can the engine go over to the code that it has optimised meanwhile.
 */
const SLICE = 1024

/**
 * Tries the nonces (high << 32 | low) for low = from .. from + count - 1, as the native addon's `search` does: returns [how many were tried, how many hits],
 * with the low words of the hits in `hits`; ends early when `control[0]` is no longer `epoch`, or when `hits` is full.
 *
 * @callback Search
 * @param {Uint8Array} preimage 32 bytes
 * @param {boolean} littleEndian
 * @param {bigint} limit u64
 * @param {number} high
 * @param {number} from
 * @param {number} count at most 2^32
 * @param {Int32Array} control
 * @param {number} epoch
 * @param {Uint32Array} hits
 * @returns {[number, number]}
 */

/**
 * @param {WebAssembly.Module} module
 * @param {Omit<import('./wasm.mjs').WasmSolver, 'bytes'>} layout
 * @returns {Search}
 */
export function createWasmSearch(module, layout) {
  const { memory, search } = new WebAssembly.Instance(module).exports
  const words = new Uint32Array(memory.buffer)
  const quads = new BigUint64Array(memory.buffer)
  let prepared = ''

  function prepare(preimage, high) {
    const key = `${Buffer.from(preimage).toString('hex')}/${high}`
    if (key === prepared) return
    const message = Buffer.alloc(36)
    message.writeUInt32LE(high, 0)
    message.set(preimage, 4)
    const inputs = Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`m${k + 1}`, BigInt(message.readUInt32BE(4 * k))]))
    evaluate(layout.launch, inputs).forEach((word, slot) =>
      words.fill(Number(word), layout.slots / 4 + 4 * slot, layout.slots / 4 + 4 * slot + 4),
    )
    prepared = key
  }

  return (preimage, littleEndian, limit, high, from, count, control, epoch, hits) => {
    prepare(preimage, high)
    quads.fill(limit ^ (1n << 63n), layout.limit / 8, layout.limit / 8 + 2)
    let tried = 0
    let found = 0
    while (tried < count && Atomics.load(control, 0) === epoch) {
      const wanted = Math.min(SLICE, count - tried)
      const groups = search((from + tried) | 0, Math.ceil(wanted / GROUP), littleEndian ? 1 : 0)
      const done = Math.min(groups * GROUP, wanted)
      const listed = words[layout.hitCount / 4]
      for (let k = 0; k < listed; k++) {
        const group = words[layout.hits / 4 + 2 * k]
        const mask = words[layout.hits / 4 + 2 * k + 1]
        for (let lane = 0; lane < GROUP; lane++) {
          const offset = group * GROUP + lane
          // The last group reaches beyond the range where the count is not a multiple of its size.
          if ((mask & (1 << lane)) === 0 || offset >= done) continue
          hits[found++] = from + tried + offset
          if (found === hits.length) return [tried + offset + 1, found]
        }
      }
      tried += done
    }
    return [tried, found]
  }
}
