/** The way from what a caller wants to what the engine gives, for all routes. */
import { AppError } from '../../core/errors.js'
import type { Caller } from '../../core/api-keys.js'
import type { Answerer } from '../answer-headers.js'
import type { FailedAttempt, PromptAnswer, PromptEngine, PromptModel, PromptRequest, PromptResult, Strategy } from '../contract.js'
import type { PromptMessage } from '../dendrite/types.js'
import type { PromptLimits } from './input.js'
import { estimateTokens } from '../tokens.js'
import { createCutter, type CutOptions, cutText } from './text.js'
import type { Choice } from './completions.js'
import type { Track } from './usage.js'

/** Fields that all bodies have, as they are on the wire. */
export interface Wanted {
  uids?: number[] | null
  hotkeys?: string[] | null
  top_n?: number | null
  strategy?: Strategy | null
  /** Seconds. */
  timeout?: number | null
  temperature?: number | null
  top_p?: number | null
  max_tokens?: number | null
  stop?: string[] | null
  seed?: number | null
}

export interface Asking {
  caller: Caller
  request: PromptRequest
  cutting: CutOptions
  track: Track
}

/** The model of that id, or the first there is. NOT_FOUND when there is none of that id, UPSTREAM_DOWN when there is none at all. */
export function modelOf(engine: PromptEngine, id: string | null | undefined): PromptModel {
  const models = engine.models()
  const found = id === undefined || id === null ? models[0] : models.find((model) => model.id === id)
  if (found !== undefined) return found
  if (id === undefined || id === null) throw new AppError('UPSTREAM_DOWN', 'there is no subnet that can be asked now')
  throw new AppError('NOT_FOUND', 'there is no model of that id: GET /v1/models has those there are', { field: 'model' })
}

/** What the engine is asked for, and how its answers are cut; notes both. */
export function askingOf(
  { caller, track, limits, model }: { caller: Caller; track: Track; limits: PromptLimits; model: PromptModel },
  messages: readonly PromptMessage[],
  wanted: Wanted,
  stream = false,
): Asking {
  const { timeout, stop } = wanted
  // Written out, here and wherever a request passes: spreading objects into one another costs more than all that is done with them.
  const request: PromptRequest = {
    model: model.id,
    messages,
    stream,
    receipt: track.receipt,
    timeoutMs: timeout === undefined || timeout === null ? limits.timeoutMs : Math.max(1, Math.round(timeout * 1000)),
    sampling: samplingOf(wanted),
    uids: wanted.uids ?? undefined,
    hotkeys: wanted.hotkeys ?? undefined,
    topN: wanted.top_n ?? undefined,
    strategy: wanted.strategy ?? undefined,
    firstTokenMs: limits.firstTokenMs,
  }
  track.model = model.id
  track.promptTokens = messages.reduce((sum, { content }) => sum + estimateTokens(content), 0)
  return { caller, request, cutting: { stop: stop ?? [], maxTokens: wanted.max_tokens ?? undefined }, track }
}

/** One answer, the first piece of which is there. */
export async function askOne(
  engine: PromptEngine,
  { caller, request, track }: Asking,
): Promise<{ answer: PromptAnswer; answerer: Answerer }> {
  const answer = await engine.prompt(caller, request, track.signal)
  track.target = answer.target
  track.returnCode = 'SUCCESS'
  return { answer, answerer: { target: answer.target, returnCode: 'SUCCESS', ms: answer.firstPieceMs } }
}

/** The whole of it. */
export async function gather({ pieces }: PromptAnswer, { cutting, track }: Asking): Promise<Choice> {
  const cutter = createCutter(cutting)
  let text = ''
  for await (const piece of pieces) {
    text += cutter.push(piece)
    track.completionTokens = cutter.tokens
    if (cutter.cut !== null) break
  }
  text += cutter.end()
  track.completionTokens = cutter.tokens
  track.answers = 1
  return { text, finishReason: cutter.cut ?? 'stop', tokens: cutter.tokens }
}

export interface Answers {
  choices: (Choice & { result: PromptResult })[]
  failed: FailedAttempt[]
  answerers: Answerer[]
}

/** Several answers, best first, at most `keep`. */
export async function askAll(engine: PromptEngine, { caller, request, track, cutting }: Asking, keep = Infinity): Promise<Answers> {
  if (keep < Infinity) request.keep = keep
  const { results, failed } = await engine.promptAll(caller, request, track.signal)
  const choices = results.slice(0, keep).map((result) => ({ ...cutText(result.text, cutting), result }))
  Object.assign(track, { target: choices[0]?.result.target ?? null, returnCode: 'SUCCESS', answers: choices.length })
  track.completionTokens = choices.reduce((sum, { tokens }) => sum + tokens, 0)
  return { choices, failed, answerers: choices.map(({ result: { target, ms } }) => ({ target, ms, returnCode: 'SUCCESS' })) }
}

/** undefined where nothing of it is asked for. */
function samplingOf({ temperature, top_p: topP, max_tokens: maxTokens, stop, seed }: Wanted): PromptRequest['sampling'] {
  if ((temperature ?? topP ?? maxTokens ?? stop ?? seed ?? null) === null) return undefined
  return {
    temperature: temperature ?? undefined,
    topP: topP ?? undefined,
    maxTokens: maxTokens ?? undefined,
    stop: stop ?? undefined,
    seed: seed ?? undefined,
  }
}
