/** What a call weighs, as its declaration in the chain's source adds it up. */
import type { DispatchInfo } from '../types.js'

/** Of RocksDB, in picoseconds. */
const READ = 25_000_000n
const WRITE = 100_000_000n

interface Declaration {
  refTime?: bigint
  proofSize?: bigint
  reads?: number
  writes?: number
  class?: DispatchInfo['class']
  paysFee?: boolean
}

export function callWeight(declared: Declaration): DispatchInfo {
  const { refTime = 0n, proofSize = 0n, reads = 0, writes = 0 } = declared
  return {
    weight: { refTime: refTime + BigInt(reads) * READ + BigInt(writes) * WRITE, proofSize },
    class: declared.class ?? 'Normal',
    paysFee: declared.paysFee ?? true,
  }
}
