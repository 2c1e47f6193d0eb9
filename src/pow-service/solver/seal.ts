/**
 * The proof of work of a registration, one nonce at a time and by other code than the kernels: whatever a kernel finds is judged here.
 * Formulas: pallet SubtensorModule, `create_seal_hash`, `hash_meets_difficulty` and the age check of `do_registration` (spec 120 to 393).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { ByteOrder } from '../../core/registrations.js'

const MAX_U256 = (1n << 256n) - 1n
/** The pallet refuses work that is this many blocks older than the block it executes in. */
const MAX_AGE_BLOCKS = 3

/** keccak256(block hash || hotkey public key): what a nonce is sealed with. Both are 32 bytes; so since spec 117. */
export function preimageOf(blockHash: Uint8Array, hotkeyPublicKey: Uint8Array): Uint8Array {
  return keccak_256(concat(checked('block hash', blockHash), checked('hotkey', hotkeyPublicKey)))
}

/** keccak256(sha256(nonce as 8 bytes little-endian || preimage)): 32 bytes, the `work` of the call. */
export function sealOf(preimage: Uint8Array, nonce: bigint): Uint8Array {
  const message = new Uint8Array(40)
  new DataView(message.buffer).setBigUint64(0, nonce, true)
  message.set(checked('preimage', preimage), 8)
  return keccak_256(sha256(message))
}

/** Whether the chain takes a seal: seal * difficulty fits in 256 bits. Difficulty 0 takes every seal. */
export function meets(seal: Uint8Array, difficulty: bigint, byteOrder: ByteOrder): boolean {
  return toNumber(checked('seal', seal), byteOrder) * difficulty <= MAX_U256
}

/**
 * The largest value (u64) of a seal's first 64 bits that can pass: floor((2^256 - 1) / difficulty) >> 192. What is below passes, what is
 * equal may or may not, so that a kernel compares one word and `meets` decides about the rare candidate.
 */
export function limitOf(difficulty: bigint): bigint {
  return (difficulty === 0n ? MAX_U256 : MAX_U256 / difficulty) >> 192n
}

/** The word that `limitOf` bounds: seal[0..8] read big-endian, or seal[24..32] read little-endian. */
export function decisiveWord(seal: Uint8Array, byteOrder: ByteOrder): bigint {
  const view = new DataView(seal.buffer, seal.byteOffset, seal.byteLength)
  return byteOrder === 'big' ? view.getBigUint64(0, false) : view.getBigUint64(24, true)
}

/** The chain's age rule for work on one block in an extrinsic that executes in another. */
export function acceptsAge(workBlock: number, executingBlock: number): boolean {
  return workBlock <= executingBlock && executingBlock - workBlock < MAX_AGE_BLOCKS
}

/**
 * Whether work on a block can still be included when `head` is the best block, so that the extrinsic executes in `head + 1` at the
 * earliest. Blocks above the head are refused: the executing block's own hash reads as zero and would tie the work to nothing.
 */
export function isFresh(workBlock: number, head: number): boolean {
  return workBlock <= head && acceptsAge(workBlock, head + 1)
}

function toNumber(bytes: Uint8Array, byteOrder: ByteOrder): bigint {
  const ordered = byteOrder === 'big' ? bytes : bytes.toReversed()
  return BigInt(`0x${Buffer.from(ordered).toString('hex')}`)
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

function checked(what: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 32) return bytes
  throw new RangeError(`a ${what} has 32 bytes, not ${bytes.length}`)
}
