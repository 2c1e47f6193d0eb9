/** The gRPC face of the prompt service: `TextPrompting`, as validators of SDK 5.0 to 5.3 served it on their axons, so that clients of that time find an axon here. */
import type { Caller } from '../../core/api-keys.js'
import type { AppError } from '../../core/errors.js'
import type { GrpcCall, GrpcService } from '../../core/grpc/index.js'
import type { Logger } from '../../core/log.js'
import type { PromptUsageLog } from '../../core/prompting.js'
import { type Answerer, receiptHeaders, targetHeaders } from '../answer-headers.js'
import type { AnsweringTarget, PromptEngine, PromptRequest, Receipt } from '../contract.js'
import type { V5Method, V5Response } from '../dendrite/grpc/messages.js'
import { DendriteError, RETURN_CODES, type ReturnCodeName } from '../dendrite/types.js'
import { failedOf, faultOf } from '../http/errors.js'
import type { PromptLimits } from '../http/input.js'
import { estimateTokens } from '../tokens.js'
import { createDoor, type DoorOptions } from './door.js'
import { outcomeOf } from '../outcome.js'
import { failedFields, failureOf } from './outcomes.js'
import { messagesOf, timeoutOf, type V5Question } from './question.js'

export interface PromptGrpcOptions extends DoorOptions {
  engine: PromptEngine
  /** Who of those that signed may ask, and how much: FORBIDDEN, with the reason, for who may not. */
  callers: { admit(hotkey: string, remoteAddress: string): Promise<Caller> }
  usage: PromptUsageLog
  limits: Pick<PromptLimits, 'timeoutMs' | 'maxTimeoutMs' | 'firstTokenMs' | 'maxTargets'>
  /** Id of the model that is asked: callers cannot name one. */
  model: string
  /** Targets that MultiForward asks; validators asked 10. */
  topN?: number
  log: Logger
}

/** One admitted call, and what is known of it so far. */
interface Asking {
  call: GrpcCall
  caller: Caller
  question: V5Question
  receipt: Receipt
  promptTokens: number
  completionTokens: number
  answers: number
  target: AnsweringTarget | null
  returnCode: ReturnCodeName | null
}

type Answer = Partial<V5Response>

const TOP_N = 10

/**
 * The service for `startGrpcServer`. A call that is not signed for `hotkey` ends with status 16 UNAUTHENTICATED and the text of the axons of that time, and one too many of those with
 * 8 RESOURCE_EXHAUSTED; everything behind that is told by return codes. Fields that 5.3 does not know are neither needed nor sent, so that all releases are served alike.
 */
export function promptGrpc(options: PromptGrpcOptions): GrpcService {
  const { engine, callers, usage, limits, model, log } = options
  const topN = Math.min(options.topN ?? TOP_N, limits.maxTargets)
  const door = createDoor(options)

  async function serve(method: V5Method, work: (asking: Asking) => Promise<Answer>, call: GrpcCall): Promise<Answer> {
    const [at, startedAt] = [new Date(), performance.now()]
    const hotkey = await door.hotkeyOf(call)
    call.setHeader('x-request-id', call.requestId)
    // The library made it by the service's file.
    const question = call.request as V5Question
    let asking: Asking | null = null
    let error: AppError | null = null
    try {
      asking = newAsking(call, { ...(await callers.admit(hotkey, call.remoteAddress)), hotkey }, question)
      return { ...(await work(asking)), returnCode: RETURN_CODES.SUCCESS, returnMessage: 'Success' }
    } catch (thrown) {
      error = failureOf(thrown, call.signal)
      if (error.code === 'INTERNAL') log.error(faultOf(thrown, call.requestId), 'call failed')
      // Nobody is there to be told, or the server stops: that is said by a status.
      if (error.code === 'ABORTED') throw error
      tellFailure(call, error)
      return failedFields(error, question, call.requestId)
    } finally {
      if (asking !== null) {
        setHeaders(call, receiptHeaders(asking.receipt))
        report(`TextPrompting/${method}`, asking, error, { at, ms: performance.now() - startedAt })
      }
    }
  }

  function requestOf(asking: Asking): PromptRequest {
    const { call, question, receipt } = asking
    const messages = messagesOf(question)
    asking.promptTokens = messages.reduce((sum, { content }) => sum + estimateTokens(content), 0)
    return { model, messages, stream: false, receipt, timeoutMs: timeoutOf(question, call, limits), firstTokenMs: limits.firstTokenMs }
  }

  async function forward(asking: Asking): Promise<Answer> {
    const { call, caller } = asking
    const { target, firstPieceMs, pieces } = await engine.prompt(caller, requestOf(asking), call.signal)
    asking.target = target
    asking.returnCode = 'SUCCESS'
    let response = ''
    for await (const piece of pieces) response += piece
    if (response === '') throw new DendriteError('EMPTY_RESPONSE', 'the answer was empty')
    asking.answers = 1
    asking.completionTokens = estimateTokens(response)
    setHeaders(call, targetHeaders([{ target, returnCode: 'SUCCESS', ms: firstPieceMs }]))
    return { response }
  }

  async function multiForward(asking: Asking): Promise<Answer> {
    const { call, caller } = asking
    const request: PromptRequest = { ...requestOf(asking), strategy: 'all', topN }
    const { results } = await engine.promptAll(caller, request, call.signal)
    const texts = results.map(({ text }) => text)
    Object.assign(asking, { answers: texts.length, completionTokens: texts.reduce((sum, text) => sum + estimateTokens(text), 0) })
    Object.assign(asking, { target: results[0]?.target ?? null, returnCode: 'SUCCESS' })
    const answerers = results.map(({ target, ms }): Answerer => ({ target, ms, returnCode: 'SUCCESS' }))
    setHeaders(call, targetHeaders(answerers))
    return { multiCompletions: texts }
  }

  function report(route: string, asking: Asking, error: AppError | null, { at, ms }: { at: Date; ms: number }): void {
    const { call, caller, receipt, promptTokens, completionTokens, answers } = asking
    const failed = error === null ? undefined : failedOf(error).at(-1)
    const target = failed ?? asking.target
    usage.add({
      requestId: call.requestId,
      at,
      customer: caller.customer,
      callerHotkey: caller.hotkey ?? null,
      route,
      model,
      netuid: target?.netuid ?? null,
      uid: target?.uid ?? null,
      hotkey: target?.hotkey ?? null,
      protocol: target?.protocol ?? null,
      returnCode: failed?.returnCode ?? (error?.cause instanceof DendriteError ? error.cause.returnCode : asking.returnCode),
      outcome: outcomeOf(error),
      errorCode: error?.code ?? null,
      promptTokens,
      completionTokens,
      answers,
      credits: receipt.credits,
      waitedMs: receipt.waitedMs,
      ms,
    })
  }

  return {
    proto: 'text-prompting/text_prompting.proto',
    name: 'TextPrompting',
    methods: {
      Forward: { unary: (call) => serve('Forward', forward, call) },
      MultiForward: { unary: (call) => serve('MultiForward', multiForward, call) },
      // What completions were worth is taken and left: validators did no more with it.
      Backward: { unary: (call) => serve('Backward', () => Promise.resolve({}), call) },
    },
  }
}

function newAsking(call: GrpcCall, caller: Caller, question: V5Question): Asking {
  const receipt: Receipt = { waitedMs: 0, credits: 0, creditsLeft: null, tokens: null }
  return { call, caller, question, receipt, promptTokens: 0, completionTokens: 0, answers: 0, target: null, returnCode: null }
}

/** Who was the last to fail, and when it is worth to come again. */
function tellFailure(call: GrpcCall, error: AppError): void {
  const last = failedOf(error).at(-1)
  if (last !== undefined) setHeaders(call, targetHeaders([{ target: last, returnCode: last.returnCode, ms: last.ms }]))
  const { retryAfterSeconds } = error.detail
  if (typeof retryAfterSeconds === 'number') call.setHeader('retry-after', String(Math.ceil(retryAfterSeconds)))
}

function setHeaders({ setHeader }: GrpcCall, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) setHeader(name, value)
}
