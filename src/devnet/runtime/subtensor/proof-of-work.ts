/**
 * The work behind `register`. The seal covers a nonce, a recent block and the hotkey:
 * `keccak256(sha256(nonce (u64, little endian) ++ keccak256(block hash ++ hotkey)))`.
 */
import { createHash } from 'node:crypto'
import { hexToU8a, u8aConcat } from '@polkadot/util'
import { keccakAsU8a } from '@polkadot/util-crypto'
import type { Hex } from '../../../core/records.js'

/** The chain hashes this for a block whose hash it does not have, the block being built among them. */
const UNKNOWN_BLOCK: Hex = `0x${'00'.repeat(32)}`
const TWO_256 = 2n ** 256n

export interface Work {
  nonce: bigint
  seal: Uint8Array
}

/** What does not change while nonces are tried. */
function preimage(blockHash: Hex | null, hotkey: Hex): Uint8Array {
  const bytes = new Uint8Array(40)
  bytes.set(keccakAsU8a(u8aConcat(hexToU8a(blockHash ?? UNKNOWN_BLOCK), hexToU8a(hotkey))), 8)
  return bytes
}

function sealOf(bytes: Uint8Array, nonce: bigint): Uint8Array {
  new DataView(bytes.buffer).setBigUint64(0, nonce, true)
  return keccakAsU8a(createHash('sha256').update(bytes).digest())
}

export function createSeal(blockHash: Hex | null, hotkey: Hex, nonce: bigint): Uint8Array {
  return sealOf(preimage(blockHash, hotkey), nonce)
}

/** Good work is a number so small that times the difficulty it still fits 256 bits. */
export function meetsDifficulty(seal: Uint8Array, difficulty: bigint): boolean {
  return BigInt(`0x${Buffer.from(seal).toString('hex')}`) * difficulty < TWO_256
}

/** Tries nonces from `start` on; on average it takes `difficulty` of them. */
export function findWork(blockHash: Hex, hotkey: Hex, difficulty: bigint, start = 0n): Work {
  const bytes = preimage(blockHash, hotkey)
  for (let nonce = start; ; nonce++) {
    const seal = sealOf(bytes, nonce)
    if (meetsDifficulty(seal, difficulty)) return { nonce, seal }
  }
}
