// The memory that a pool shares with its threads. One writer, the pool: it makes the epoch odd, writes, and makes it even again, so that a thread which reads the
// same even epoch before and after has read one state. Kernels read the epoch all the time and return when it is another.

export const STATE = { idle: 0, work: 1, stop: 2 }
export const SHARED_BYTES = 64
export const OWN_BYTES = 24

/** What all threads read. */
export function sharedWords(memory) {
  return {
    epoch: new Int32Array(memory, 0, 1),
    /** The next high half of nonces that nobody has; threads count it on. */
    nextHigh: new Int32Array(memory, 4, 1),
    state: new Int32Array(memory, 8, 1),
    little: new Int32Array(memory, 12, 1),
    limit: new BigUint64Array(memory, 16, 1),
    /** Of `process.hrtime`, nanoseconds. */
    setAt: new BigInt64Array(memory, 24, 1),
    preimage: new Uint8Array(memory, 32, 32),
  }
}

/** What one thread writes, but for `taken`. */
export function ownWords(memory) {
  return {
    /** Nonces tried. */
    tried: new BigUint64Array(memory, 0, 1),
    /** From the setting of a state to the thread's reading it. */
    switchNs: new BigInt64Array(memory, 8, 1),
    /** The last one that the thread has read. */
    epoch: new Int32Array(memory, 16, 1),
    /** Messages with hits that the pool has taken. */
    taken: new Int32Array(memory, 20, 1),
  }
}
