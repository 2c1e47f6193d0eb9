import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, ERRORS } from '../../core/errors.js'
import { type Access, callerOf, type HttpPlugin, registerAccess } from '../../core/http/index.js'
import type { Logger } from '../../core/log.js'
import type { PromptUsageLog } from '../../core/prompting.js'
import type { HotkeyProofs } from '../admission/hotkey-proof.js'
import { type Answerer, receiptHeaders, targetHeaders } from '../answer-headers.js'
import type { PromptEngine, PromptModel } from '../contract.js'
import { askAll, type Asking, askingOf, askOne, gather, modelOf, type Wanted } from './asking.js'
import { completion, framesOfChoices, framesOfPieces, newHead, type StreamOptions } from './completions.js'
import { answerErrors, failureOf, faultOf, noteFailure, openAiError } from './errors.js'
import { sendFrames } from './event-stream.js'
import { addOpenAiLimits, exposeHeaders } from './headers.js'
import { registerHotkey, registerHotkeyRoutes } from './hotkey.js'
import { type ChatBody, chatSchema, parseBody, type PromptLimits, promptSchema } from './input.js'
import { registerLegacy } from './legacy.js'
import { registerTracking, trackOf } from './usage.js'
import { failedView, promptView, targetsView } from './views.js'

export interface PromptRoutesDeps {
  engine: PromptEngine
  access: Access
  log: Logger
  limits: PromptLimits
  /** Told of every prompt that was let in, once, when it is over. */
  usage: PromptUsageLog
  /** How callers show that they hold a hotkey. */
  hotkeys: HotkeyProofs
  /** Between comments that keep a quiet stream alive. */
  heartbeatMs?: number
  /** How long answers may go on when the server has begun to close. */
  drainMs?: number
}

const DRAIN_MS = 5_000

/** The HTTP faces of the prompt service: the OpenAI API and ours below `/v1`, and the API of 2023 at `/chat`. */
export function promptRoutes(deps: PromptRoutesDeps): HttpPlugin[] {
  return [
    { prefix: '/v1', register: (app) => Promise.resolve(registerV1(app, deps)) },
    { prefix: '/v1/hotkey', register: (app) => Promise.resolve(registerHotkeyV1(app, deps)) },
    { prefix: '/chat', register: (app) => Promise.resolve(registerChat(app, deps)) },
  ]
}

/** What all routes have: the check of keys and of proofs, and headers. */
function registerDoor(app: FastifyInstance, { access, hotkeys }: PromptRoutesDeps): void {
  app.decorateRequest('promptTrack', null)
  app.addHook('onSend', ({ promptTrack }, reply, _payload, done) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store')
    addOpenAiLimits(reply)
    if (promptTrack !== null) void reply.headers(receiptHeaders(promptTrack.receipt))
    exposeHeaders(reply)
    done()
  })
  registerAccess(app, { access, scope: 'prompt' })
  registerHotkey(app, hotkeys)
}

/** The same, for prompts: what was used is recorded. */
function registerPromptDoor(app: FastifyInstance, deps: PromptRoutesDeps): void {
  const { usage, drainMs = DRAIN_MS } = deps
  registerDoor(app, deps)
  registerTracking(app, { usage, drainMs })
}

/** Not as the handler of the framework: there can be only one below a prefix, and the server has set it. */
function registerNotFound(app: FastifyInstance): void {
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/*',
    handler: (request) => {
      const url = request.url.split('?')[0] ?? ''
      return Promise.reject(new AppError('NOT_FOUND', `there is nothing at ${request.method} ${url}`, { url }))
    },
  })
}

function registerChat(app: FastifyInstance, deps: PromptRoutesDeps): void {
  registerLegacy(app, deps, () => registerPromptDoor(app, deps))
  registerNotFound(app)
}

/** Errors as the OpenAI API tells them. */
function answerAsOpenAi(app: FastifyInstance, log: Logger): void {
  answerErrors(app, { log, answer: (error, { id }) => ({ status: ERRORS[error.code].http, body: openAiError(error, id) }) })
}

function registerHotkeyV1(app: FastifyInstance, deps: PromptRoutesDeps): void {
  answerAsOpenAi(app, deps.log)
  registerDoor(app, deps)
  registerHotkeyRoutes(app, deps)
  registerNotFound(app)
}

function registerV1(app: FastifyInstance, deps: PromptRoutesDeps): void {
  const { engine, log, limits, heartbeatMs } = deps
  const bodyLimit = limits.maxBodyBytes
  const chatBody = chatSchema(limits)
  const promptBody = promptSchema(limits)
  answerAsOpenAi(app, log)
  registerPromptDoor(app, deps)

  app.post('/chat/completions', { bodyLimit }, async (request, reply) => {
    const body = parseBody(chatBody, request.body)
    const model = modelOf(engine, body.model)
    body.max_tokens = body.max_completion_tokens ?? body.max_tokens
    const asking = ask(request, model, body.messages, body, body.stream)
    const all = (body.strategy ?? model.strategy) === 'all'
    const keep = body.n ?? (all ? Infinity : 1)
    if (keep === 1 && !all) return body.stream === true ? streamOne(request, reply, asking, body) : completeOne(reply, asking)
    if (!all) asking.request.topN ??= keep
    const { choices, answerers } = await askAll(engine, asking, keep)
    addCompletionHeaders(reply, answerers)
    if (body.stream === true) return sendFrames(reply, framesOfChoices(choices, streamOptions(request, asking, body)), heartbeatMs)
    return completion(newHead(model.id), choices, asking.track.promptTokens)
  })

  app.get('/models', () => Promise.resolve({ object: 'list', data: engine.models().map(modelView) }))
  // Ids have slashes in them; libraries send them as they are, or encoded.
  app.get('/models/*', (request: FastifyRequest<{ Params: { '*': string } }>) =>
    Promise.resolve(modelView(modelOf(engine, request.params['*']))),
  )
  app.get('/targets', (request) => Promise.resolve(targetsView(engine.targets(), request.query)))

  app.post('/prompt', { bodyLimit }, async (request, reply) => {
    const isText = typeof request.body === 'string' && request.headers['content-type']?.startsWith('text/plain') === true
    const body = parseBody(promptBody, isText ? { prompt: request.body } : request.body)
    const model = modelOf(engine, body.model)
    const user = { role: 'user', content: body.prompt }
    const messages = typeof body.system === 'string' ? [{ role: 'system', content: body.system }, user] : [user]
    const asking = ask(request, model, messages, body)
    if (body.return_all === true) {
      const { choices, failed, answerers } = await askAll(engine, asking)
      void reply.headers(targetHeaders(answerers))
      const responses = choices.map(({ text, finishReason, result }) => promptView(text, finishReason, result))
      return { model: model.id, responses, failed: failed.map(failedView) }
    }
    const { answer, answerer } = await askOne(engine, asking)
    const { text, finishReason } = await gather(answer, asking)
    void reply.headers(targetHeaders([answerer]))
    if (isText) return reply.type('text/plain; charset=utf-8').send(text)
    return { model: model.id, ...promptView(text, finishReason, { target: answer.target, ms: performance.now() - asking.track.startedAt }) }
  })

  registerNotFound(app)

  function ask(
    request: FastifyRequest,
    model: PromptModel,
    messages: Asking['request']['messages'],
    wanted: Wanted,
    stream?: boolean | null,
  ): Asking {
    return askingOf({ caller: callerOf(request), track: trackOf(request), limits, model }, messages, wanted, stream === true)
  }

  async function completeOne(reply: FastifyReply, asking: Asking): Promise<unknown> {
    const { answer, answerer } = await askOne(engine, asking)
    const choice = await gather(answer, asking)
    addCompletionHeaders(reply, [answerer])
    return completion(newHead(asking.request.model), [choice], asking.track.promptTokens)
  }

  async function streamOne(request: FastifyRequest, reply: FastifyReply, asking: Asking, body: ChatBody): Promise<FastifyReply> {
    const { answer, answerer } = await askOne(engine, asking)
    addCompletionHeaders(reply, [answerer])
    return sendFrames(reply, framesOfPieces(answer, streamOptions(request, asking, body)), heartbeatMs)
  }

  function streamOptions(request: FastifyRequest, { request: { model }, cutting, track }: Asking, body: ChatBody): StreamOptions {
    return {
      ...{ head: newHead(model), cutting, track, includeUsage: body.stream_options?.include_usage === true },
      onError: (error) => {
        const known = failureOf(error, track.signal)
        noteFailure(request, known)
        if (known.code === 'INTERNAL' && !track.signal.aborted) log.error(faultOf(error, request.id), 'stream failed')
        return openAiError(known, request.id)
      },
    }
  }
}

/** Beside who answered: that the numbers of tokens are estimates. */
function addCompletionHeaders(reply: FastifyReply, answerers: readonly Answerer[]): void {
  void reply.headers(targetHeaders(answerers))
  void reply.header('x-taogate-usage', 'estimate')
}

function modelView({ id, created, ownedBy }: PromptModel): unknown {
  return { id, object: 'model', created, owned_by: ownedBy }
}
