/** What the nonces of axons tell about replays of their signed texts. */

export interface AxonNonces {
  /** A mark to be taken before a request is sent. */
  mark(): number
  /**
   * Takes a nonce that came with a verified signature; false when it is a replay. Answers overtake each other, and an axon makes its nonce when it takes a
   * request: a nonce must never have been seen, and must be above those that had come when the request was sent.
   */
  take(axon: { hotkey: string; uuid: string; nonce: bigint; sentAt: number }): boolean
}

interface Sequence {
  seen: Set<bigint>
  /** The highest nonce by when it came, rising in both. */
  marks: { at: number; highest: bigint }[]
}

/** Nonces that are kept by axon: more than answers that can be under way at once. */
const KEPT = 512

export function createAxonNonces(maxAxons = 4096): AxonNonces {
  const sequences = new Map<string, Sequence>()
  let clock = 0
  return {
    mark: () => clock,
    take({ hotkey, uuid, nonce, sentAt }) {
      const key = `${hotkey}:${uuid}`
      const sequence = sequences.get(key) ?? { seen: new Set(), marks: [] }
      const floor = sequence.marks.findLast(({ at }) => at <= sentAt)
      if (sequence.seen.has(nonce) || (floor !== undefined && nonce <= floor.highest)) return false
      remember(sequence, nonce, ++clock)
      // To the end: the axons that answered least recently are at the front.
      sequences.delete(key)
      sequences.set(key, sequence)
      if (sequences.size > maxAxons) sequences.delete(sequences.keys().next().value as string)
      return true
    },
  }
}

function remember({ seen, marks }: Sequence, nonce: bigint, at: number): void {
  seen.add(nonce)
  if (seen.size > KEPT) seen.delete(seen.values().next().value as bigint)
  const last = marks.at(-1)
  if (last !== undefined && nonce <= last.highest) return
  marks.push({ at, highest: nonce })
  if (marks.length > KEPT) marks.shift()
}
