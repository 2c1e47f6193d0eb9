/** What mock axons answer: no model runs. The same question gets the same answer, in pieces as a model would send it. */
import { sleep } from '../../core/lifecycle.js'
import type { PromptMessage } from '../dendrite/types.js'

/** The pieces of an answer. `signal` is aborted when the caller has hung up. */
export type Answer = (question: { messages: readonly PromptMessage[]; signal: AbortSignal }) => AsyncIterable<string>

/** Characters of a question that come back. */
const MAX_ECHO = 1_000
const graphemes = new Intl.Segmenter('en')

/** Tells who answers, and does one of three small things to the last user message: `repeat …`, `reverse …`, `count words …`; all else comes back as it is. */
export function echoAnswer(name: string, delayMs: number): Answer {
  return ({ messages, signal }) => paced(echoOf(name, messages), delayMs, signal)
}

/** The same text whatever was asked. */
export function fixedAnswer(text: string, delayMs: number): Answer {
  return ({ signal }) => paced(text, delayMs, signal)
}

function echoOf(name: string, messages: readonly PromptMessage[]): string {
  const last = messages.findLast(({ role }) => role === 'user') ?? messages.at(-1)
  const question = last?.content.trim() ?? ''
  const [, verb = '', rest = ''] = /^(repeat|reverse|count words)\b(?: in)?[\s:]*(.*)$/is.exec(question) ?? []
  const start = `[${name}, a stand-in without a model]`
  switch (verb.toLowerCase()) {
    case 'repeat':
      return `${start} ${cut(rest)}`
    case 'reverse':
      return `${start} ${lettersOf(cut(rest)).reverse().join('')}`
    case 'count words':
      return `${start} ${wordsIn(rest)}`
    default:
      return `${start} You said, in ${wordsIn(question)} words: ${cut(question)}`
  }
}

function wordsIn(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

function cut(text: string): string {
  return text.length <= MAX_ECHO ? text : `${lettersOf(text.slice(0, MAX_ECHO)).slice(0, -1).join('')}…`
}

function lettersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment)
}

/** Word by word, each with the blanks behind it. */
async function* paced(text: string, delayMs: number, signal: AbortSignal): AsyncGenerator<string> {
  for (const piece of text.match(/\s*\S+\s*|\s+/g) ?? []) {
    if (delayMs > 0) await sleep(delayMs, signal)
    yield piece
  }
}
