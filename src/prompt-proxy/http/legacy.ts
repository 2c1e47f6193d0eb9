/** `POST /chat` as validator endpoints of 2023 had it: their bodies, answers and errors, for clients that were written then. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError, ERRORS } from '../../core/errors.js'
import { callerOf } from '../../core/http/index.js'
import type { FailedAttempt, PromptResult } from '../contract.js'
import { askAll, askingOf, askOne, gather, modelOf } from './asking.js'
import { answerErrors, type ErrorAnswer, failedOf, isHotkeyRefused, isQuotaUsed } from './errors.js'
import { targetHeaders } from '../answer-headers.js'
import { legacySchema, parseBody } from './input.js'
import type { PromptRoutesDeps } from './routes.js'
import { trackOf } from './usage.js'

const ENDPOINT_VERSION = '2023-05-19'

/** `door` adds what is in front of the route; errors of it have the shape of 2023 as well. */
export function registerLegacy(app: FastifyInstance, { engine, log, limits }: PromptRoutesDeps, door: () => void): void {
  const schema = legacySchema(limits)
  answerErrors(app, { log, answer: legacyError })
  door()
  app.post('/', { bodyLimit: limits.maxBodyBytes }, async (request, reply) => {
    const version = request.headers['endpoint-version']
    if (version !== undefined && version !== ENDPOINT_VERSION)
      throw new AppError('BAD_INPUT', `Endpoint-Version: the only one is ${ENDPOINT_VERSION}`, { field: 'Endpoint-Version', in: 'header' })
    const body = parseBody(schema, request.body)
    const { messages, top_n, timeout } = body
    const all = body.respond_on_first_success === false
    const uids = top_n === undefined || top_n === null ? body.uids : undefined
    const model = modelOf(engine, body.model)
    const strategy = all ? 'all' : 'fastest'
    const asking = askingOf({ caller: callerOf(request), track: trackOf(request), limits, model }, messages, {
      uids,
      top_n,
      timeout,
      strategy,
    })
    if (all) {
      asking.request.topN ??= uids === undefined || uids === null ? undefined : Math.min(uids.length, limits.maxTargets)
      const { choices, failed, answerers } = await askAll(engine, asking)
      void reply.headers(targetHeaders(answerers))
      return {
        choices: choices.map(({ text, result }, index) => choiceView(index, { ...result, text })),
        failed_responses: failed.map(failedResponse),
      }
    }
    const { answer, answerer } = await askOne(engine, asking)
    const { text } = await gather(answer, asking)
    void reply.headers(targetHeaders([answerer]))
    const ms = performance.now() - asking.track.startedAt
    return { choices: [choiceView(0, { target: answer.target, text, ms })], failed_responses: answer.failed.map(failedResponse) }
  })
}

function choiceView(index: number, { target, text, ms }: PromptResult): object {
  return {
    ...{ index, uid: target.uid, responder_hotkey: target.hotkey },
    ...{ message: { role: 'assistant', content: text }, response_ms: Math.round(ms) },
  }
}

function failedResponse({ uid, hotkey, message, ms }: FailedAttempt, index: number): object {
  return { index, uid, responder_hotkey: hotkey, error: message, response_ms: Math.round(ms) }
}

function legacyError(error: AppError, request: FastifyRequest): ReturnType<ErrorAnswer> {
  const { code, message, detail } = error
  const status = ERRORS[code].http
  if (code === 'INTERNAL') return { status, body: { detail: 'Internal Server Error' } }
  if (code === 'UNAUTHORIZED' && !isHotkeyRefused(error)) return { status, body: { detail: deniedText(error, request) } }
  if (isQuotaUsed(error)) return { status: 401, body: { detail: 'Not enough credits' } }
  if (code === 'RATE_LIMITED') return { status, body: { detail: 'Too Many Requests' } }
  if (code === 'BAD_INPUT' && 'field' in detail) return { status: 422, body: { detail: problemsOf(error) } }
  if (code !== 'UPSTREAM_DOWN' && code !== 'UPSTREAM_TIMEOUT') return { status, body: { detail: message } }
  const failed = failedOf(error)
  const text = failed.length === 0 ? message : 'All miner responses have failed.'
  return { status: 502, body: { detail: text, failed_responses: failed.map(failedResponse) } }
}

function deniedText({ message }: AppError, { headers }: FastifyRequest): string {
  if (headers.authorization === undefined && headers['x-api-key'] === undefined) return 'Missing API key'
  if (message.includes('expired')) return 'API key has expired'
  return message.includes('revoked') ? 'API key is disabled' : 'Invalid API key'
}

/** The list of problems as the framework of those endpoints made it. */
function problemsOf({ message, detail }: AppError): object[] {
  const { field, in: place = 'body' } = detail
  const loc = typeof field === 'string' ? field.split(/[.[\]]+/).filter((part) => part !== '') : []
  return [{ loc: [place, ...loc.map((part) => (/^\d+$/.test(part) ? Number(part) : part))], msg: message, type: 'value_error' }]
}
