import { randomBytes } from 'node:crypto'

/** What makes each signed request of a dendrite different from every other one. Axons keep the last nonce per caller and uuid. */
export interface NonceSource {
  /** UUID version 1, lower case: the name of this sequence ("receptor uuid", "dendrite uuid"). */
  readonly uuid: string
  /** Unix time in nanoseconds, and always more than the one before. */
  next(): bigint
}

const NANOSECONDS_PER_MS = 1_000_000n
/** Between the start of the Gregorian calendar, from which a UUID counts, and that of unix time. */
const GREGORIAN_OFFSET_MS = 12_219_292_800_000n
const TICKS_PER_MS = 10_000n

/**
 * A sequence of its own. Unix time, since axons of some releases look how old a nonce is; when the clock stands still or steps back, one more than the
 * last. `now` is the wall clock in milliseconds.
 */
export function createNonceSource(now: () => number = Date.now): NonceSource {
  let last = 0n
  return {
    uuid: uuidV1(now()),
    next() {
      const time = BigInt(Math.floor(now())) * NANOSECONDS_PER_MS
      last = time > last ? time : last + 1n
      return last
    },
  }
}

/**
 * The sequence of this process (of this thread, where there are several), for requests that arrive in the order in which they are made. A process that starts again
 * has another uuid, so what the clock did meanwhile is no matter.
 */
export const processNonces: NonceSource = createNonceSource()

/** Sequences that are lent out, so that no two requests that are under way to one axon share one: they may overtake each other, and the later nonce would refuse the earlier. */
export interface NonceLanes {
  take(axon: string): NonceSource
  /** To be called once, when the axon has answered, or nobody waits for that any more. */
  giveBack(axon: string, lane: NonceSource): void
}

/** An axon sees as many uuids as it had requests at once at most: it keeps something of each. Sequences are shared by all axons. */
export function createNonceLanes(make: () => NonceSource = createNonceSource): NonceLanes {
  const lanes: NonceSource[] = []
  /** Of axons with requests under way: lanes that are free again, and how many are out. */
  const axons = new Map<string, { free: NonceSource[]; out: number }>()
  return {
    take(axon) {
      const known = axons.get(axon)
      const own = known ?? { free: [], out: 0 }
      if (known === undefined) axons.set(axon, own)
      // All that are not free are out: the next one is one that this axon has not seen, or not since it had no requests.
      const lane = own.free.pop() ?? (lanes[own.out] ??= make())
      own.out++
      return lane
    },
    giveBack(axon, lane) {
      const own = axons.get(axon)
      if (own === undefined) return
      own.free.push(lane)
      if (--own.out === 0) axons.delete(axon)
    },
  }
}

/** One sequence for all. */
export function oneLane(source: NonceSource): NonceLanes {
  return { take: () => source, giveBack: () => undefined }
}

/** RFC 9562, 5.1: time in steps of 100 ns, a random clock sequence, and a random node whose multicast bit says that it is no address of a card. */
function uuidV1(nowMs: number): string {
  const ticks = (BigInt(Math.floor(nowMs)) + GREGORIAN_OFFSET_MS) * TICKS_PER_MS
  const bytes = randomBytes(16)
  bytes.writeUInt32BE(Number(ticks & 0xffff_ffffn), 0)
  bytes.writeUInt16BE(Number((ticks >> 32n) & 0xffffn), 4)
  bytes.writeUInt16BE(0x1000 | Number((ticks >> 48n) & 0x0fffn), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  bytes.writeUInt8(bytes.readUInt8(10) | 0x01, 10)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
