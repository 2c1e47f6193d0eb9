/** Answers in the shape of the OpenAI API. */
import { randomUUID } from 'node:crypto'
import type { PromptAnswer } from '../contract.js'
import { dataFrame } from './event-stream.js'
import { createCutter, type CutOptions, type FinishReason } from './text.js'
import type { Track } from './usage.js'

/** What all parts of one answer have in common. */
export interface CompletionHead {
  id: string
  /** Unix seconds. */
  created: number
  model: string
}

export interface Choice {
  text: string
  finishReason: FinishReason
  tokens: number
}

export interface StreamOptions {
  head: CompletionHead
  cutting: CutOptions
  includeUsage: boolean
  track: Track
  /** The body that tells the caller of a failure behind the first frame. */
  onError(error: unknown): unknown
}

/** The same for all: what makes an answer differ are the targets, which headers name. */
const FINGERPRINT = 'taogate'

export function newHead(model: string): CompletionHead {
  return { id: `chatcmpl-${randomUUID().replaceAll('-', '')}`, created: Math.floor(Date.now() / 1000), model }
}

/** A `chat.completion`. */
export function completion({ id, created, model }: CompletionHead, choices: readonly Choice[], promptTokens: number): unknown {
  const completionTokens = choices.reduce((sum, { tokens }) => sum + tokens, 0)
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: choices.map(({ text, finishReason }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage: usageOf(promptTokens, completionTokens),
    system_fingerprint: FINGERPRINT,
  }
}

/** The frames of an answer that comes in pieces: the role, the pieces, an empty delta with the reason of the end, and `[DONE]`. */
export async function* framesOfPieces({ pieces }: PromptAnswer, options: StreamOptions): AsyncGenerator<string> {
  const { track, onError } = options
  const frames = framesFor(options)
  const cutter = createCutter(options.cutting)
  try {
    yield frames.role(0)
    for await (const piece of pieces) {
      const text = cutter.push(piece)
      track.completionTokens = cutter.tokens
      if (text !== '') yield frames.content(0, text)
      if (cutter.cut !== null) break
    }
    const rest = cutter.end()
    track.completionTokens = cutter.tokens
    if (rest !== '') yield frames.content(0, rest)
    track.answers = 1
    yield frames.finish(0, cutter.cut ?? 'stop')
    yield* frames.last()
  } catch (error) {
    yield dataFrame(JSON.stringify(onError(error)))
  }
}

/** The frames of answers that are there already. */
export async function* framesOfChoices(choices: readonly Choice[], options: StreamOptions): AsyncGenerator<string> {
  const frames = framesFor(options)
  for (const [index, { text, finishReason }] of choices.entries()) {
    yield frames.role(index)
    if (text !== '') yield frames.content(index, text)
    yield frames.finish(index, finishReason)
  }
  yield* frames.last()
}

/** Makes the frames of one answer. Of every frame but the text all is known beforehand: it is written once. */
function framesFor({ head, includeUsage, track }: StreamOptions) {
  const { id, created, model } = head
  const common = { id, object: 'chat.completion.chunk', created, model, system_fingerprint: FINGERPRINT }
  const opening = `${JSON.stringify(common).slice(0, -1)},"choices":[`
  const ending = includeUsage ? '],"usage":null}' : ']}'
  const choice = (index: number, delta: string, reason: FinishReason | null): string =>
    dataFrame(`${opening}{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${JSON.stringify(reason)}}${ending}`)
  return {
    role: (index: number) => choice(index, '{"role":"assistant","content":"","refusal":null}', null),
    content: (index: number, text: string) => choice(index, `{"content":${JSON.stringify(text)}}`, null),
    finish: (index: number, reason: FinishReason) => choice(index, '{}', reason),
    *last(): Generator<string> {
      if (includeUsage)
        yield dataFrame(JSON.stringify({ ...common, choices: [], usage: usageOf(track.promptTokens, track.completionTokens) }))
      yield dataFrame('[DONE]')
    },
  }
}

function usageOf(promptTokens: number, completionTokens: number): unknown {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens }
}
