import type { Hex } from '../../src/core/records.js'
import { createSeal, findWork, meetsDifficulty, type Work } from '../../src/devnet/runtime/subtensor/index.js'

export type WorkKind = 'good' | 'wrong nonce' | 'too easy'

/** Work for a registration, or what the chain will not take for it. It stands for a difficulty twice as high and fails one of a quarter. */
export function workOf(kind: WorkKind, blockHash: Hex, hotkey: Hex, difficulty: bigint): Work {
  if (kind === 'too easy') {
    for (let nonce = 0n; ; nonce++) {
      const seal = createSeal(blockHash, hotkey, nonce)
      if (!meetsDifficulty(seal, difficulty / 4n)) return { nonce, seal }
    }
  }
  const { nonce, seal } = findWork(blockHash, hotkey, difficulty * 2n)
  return { nonce: kind === 'good' ? nonce : nonce + 1n, seal }
}
