/** Block and extrinsic weights of the runtime, and arithmetic on them. */
import type { DispatchClass, DispatchInfo, DispatchOk, Weight } from './types.js'

const U64_MAX = 0xffff_ffff_ffff_ffffn

export const DB_READ = 25_000_000n
export const DB_WRITE = 100_000_000n
/** Every extrinsic costs this before its call is looked at. */
export const BASE_EXTRINSIC: Weight = { refTime: 99_840_000n, proofSize: 0n }
export const BASE_BLOCK: Weight = { refTime: 381_015_000n, proofSize: 0n }
export const MAX_BLOCK: Weight = { refTime: 4_000_000_000_000n, proofSize: U64_MAX }

/** What the hooks of the chain's other pallets are charged at in every block, as its own accounting says. */
export const HOOKS: Weight = { refTime: 540_003_647n, proofSize: 109_996n }

/** Largest sum of a class in a block; mandatory extrinsics have none. */
export const MAX_TOTAL: Record<DispatchClass, Weight | null> = {
  Normal: { refTime: 3_000_000_000_000n, proofSize: 0xbfff_ffff_ffff_ffffn },
  Operational: MAX_BLOCK,
  Mandatory: null,
}
export const MAX_EXTRINSIC: Record<DispatchClass, Weight | null> = {
  Normal: { refTime: 2_599_900_160_000n, proofSize: 0xa666_6666_6666_6666n },
  Operational: { refTime: 3_599_900_160_000n, proofSize: 0xe666_6666_6666_6666n },
  Mandatory: null,
}
/** Room that is kept free for a class. */
export const RESERVED: Record<DispatchClass, Weight | null> = {
  Normal: { refTime: 0n, proofSize: 0n },
  Operational: { refTime: 1_000_000_000_000n, proofSize: 0x4000_0000_0000_0000n },
  Mandatory: null,
}
export const MAX_LENGTH: Record<DispatchClass, number> = { Normal: 7_864_320, Operational: 10_485_760, Mandatory: 10_485_760 }

export const ZERO_WEIGHT: Weight = { refTime: 0n, proofSize: 0n }

export function weightOf(value: bigint | Weight, proofSize = 0n): Weight {
  return typeof value === 'bigint' ? { refTime: value, proofSize } : value
}

export function addWeights(...weights: Weight[]): Weight {
  let refTime = 0n
  let proofSize = 0n
  for (const weight of weights) {
    refTime += weight.refTime
    proofSize += weight.proofSize
  }
  return { refTime: refTime > U64_MAX ? U64_MAX : refTime, proofSize: proofSize > U64_MAX ? U64_MAX : proofSize }
}

export function anyAbove(a: Weight, b: Weight): boolean {
  return a.refTime > b.refTime || a.proofSize > b.proofSize
}

/** What a call cost: never more than was announced. */
export function actualWeight(info: DispatchInfo, post: DispatchOk | undefined): Weight {
  if (post?.actualWeight === undefined) return info.weight
  const actual = weightOf(post.actualWeight)
  return {
    refTime: actual.refTime < info.weight.refTime ? actual.refTime : info.weight.refTime,
    proofSize: actual.proofSize < info.weight.proofSize ? actual.proofSize : info.weight.proofSize,
  }
}

export function actuallyPays(info: DispatchInfo, post: DispatchOk | undefined): boolean {
  return info.paysFee && post?.paysFee !== false
}
