/**
 * What is done to answers on their way out. Axons heed neither `stop` nor `max_tokens`, and their tokenizers are not known here: tokens are estimated from bytes,
 * so that counting does not depend on how a text came in pieces, and a limit can be kept exactly.
 */
import { TOKEN_BYTES } from '../tokens.js'

export type FinishReason = 'stop' | 'length'

export interface CutOptions {
  /** The text ends before the first place where any of them begins. None may be empty. */
  stop: readonly string[]
  /** The text ends with the last whole character that is within so many tokens. */
  maxTokens?: number
}

export interface Cutter {
  /** What can be given away after another piece: nothing of it will have to be taken back. */
  push(piece: string): string
  /** The rest of what was held back, when nothing more comes. */
  end(): string
  /** Set once the text was cut: whatever else comes is not wanted. */
  readonly cut: FinishReason | null
  /** Tokens that were given away. */
  readonly tokens: number
}

/** Cuts a text that comes in pieces as if it had come whole: first at the stop sequences, then to its length. A character must not be split over pieces. */
export function createCutter({ stop, maxTokens }: CutOptions): Cutter {
  const longest = Math.max(0, ...stop.map(({ length }) => length))
  const limit = maxTokens === undefined ? Infinity : maxTokens * TOKEN_BYTES
  let held = ''
  let bytes = 0
  let cut: FinishReason | null = null

  function push(piece: string): string {
    if (cut !== null) return ''
    if (longest === 0) return within(piece)
    held += piece
    const found = firstOf(held, stop)
    const begins = beginningOf(held, stop, longest, found)
    const isFound = found < held.length && begins === found
    const safe = within(held.slice(0, begins))
    held = held.slice(begins)
    if (isFound) cut ??= 'stop'
    return safe
  }

  function end(): string {
    if (cut !== null) return ''
    const found = firstOf(held, stop)
    const isFound = found < held.length
    const rest = within(held.slice(0, found))
    held = ''
    if (isFound) cut ??= 'stop'
    return rest
  }

  function within(text: string): string {
    const size = Buffer.byteLength(text)
    if (bytes + size <= limit) {
      bytes += size
      return text
    }
    cut = 'length'
    let length = 0
    for (const character of text) {
      const next = bytes + Buffer.byteLength(character)
      if (next > limit) break
      bytes = next
      length += character.length
    }
    return text.slice(0, length)
  }

  return {
    push,
    end,
    get cut() {
      return cut
    },
    get tokens() {
      return Math.ceil(bytes / TOKEN_BYTES)
    },
  }
}

/** A whole text, cut. */
export function cutText(text: string, options: CutOptions): { text: string; finishReason: FinishReason; tokens: number } {
  const cutter = createCutter(options)
  const kept = cutter.push(text) + cutter.end()
  return { text: kept, finishReason: cutter.cut ?? 'stop', tokens: cutter.tokens }
}

/** Where the first of them begins; the length of the text when none is in it. */
function firstOf(text: string, stop: readonly string[]): number {
  const places = stop.map((one) => text.indexOf(one)).filter((at) => at >= 0)
  return Math.min(text.length, ...places)
}

/** Where, before `found`, one of them may have begun whose end is still to come; `found` when nowhere. */
function beginningOf(text: string, stop: readonly string[], longest: number, found: number): number {
  for (let at = Math.max(0, text.length - longest + 1); at < found; at++) {
    const tail = text.slice(at)
    if (stop.some((one) => one.length > tail.length && one.startsWith(tail))) return at
  }
  return found
}
