import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, ERRORS, isAppError } from '../../core/errors.js'
import { knownError } from '../../core/http/errors.js'
import type { Logger } from '../../core/log.js'
import { HOTKEY_PROOF } from '../admission/hotkey-proof.js'
import type { FailedAttempt } from '../contract.js'
import { DendriteError } from '../dendrite/types.js'
import { targetHeaders } from '../answer-headers.js'

/** What a caller is told to wait where an error does not say. */
const RETRY_SECONDS = 5

interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** How a face says that something failed. */
export type ErrorAnswer = (error: AppError, request: FastifyRequest) => { status: number; body: unknown }

/** Makes everything that fails in these routes an answer of that shape. To be called before the routes are defined. */
export function answerErrors(app: FastifyInstance, { log, answer }: { log: Logger; answer: ErrorAnswer }): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = failureOf(error, request.promptTrack?.signal)
    noteFailure(request, known)
    if (known.code === 'INTERNAL' && !reply.raw.destroyed) log.error(faultOf(error, request.id), 'request failed')
    const { status, body } = answer(known, request)
    addErrorHeaders(reply, known, status)
    void reply.code(status).send(body)
  })
}

/** What the engine, the targets and the framework throw, as our errors. What a target wrote is not passed on. */
export function failureOf(error: unknown, signal?: AbortSignal): AppError {
  if (signal?.aborted === true && isAppError(signal.reason)) return signal.reason
  if (error instanceof DendriteError) {
    const code = error.returnCode === 'TIMEOUT' ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_DOWN'
    return new AppError(code, `the target broke off its answer: ${error.returnCode}`, { returnCode: error.returnCode }, error)
  }
  return knownError(error as FastifyError)
}

/** Keeps why a request failed for who counts. */
export function noteFailure({ promptTrack }: FastifyRequest, error: AppError): void {
  if (promptTrack === null) return
  promptTrack.error = error
  const last = failedOf(error).at(-1)
  if (last !== undefined) {
    const { netuid, uid, hotkey, protocol, returnCode } = last
    Object.assign(promptTrack, { target: { netuid, uid, hotkey, protocol }, returnCode })
  }
  if (error.cause instanceof DendriteError) promptTrack.returnCode = error.cause.returnCode
}

/** Where a fault is. Messages of unforeseen errors are left out: they may quote what was asked or answered. */
export function faultOf(error: unknown, requestId: string): Record<string, unknown> {
  if (!(error instanceof Error)) return { requestId, fault: typeof error }
  const at = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { requestId, fault: error.name, at: at.slice(0, 10).map((line) => line.trim()) }
}

/** The attempts behind an error of the engine. */
export function failedOf({ detail }: AppError): FailedAttempt[] {
  return Array.isArray(detail['failed']) ? (detail['failed'] as FailedAttempt[]) : []
}

export function isQuotaUsed({ code, detail }: AppError): boolean {
  return code === 'RATE_LIMITED' && detail['reason'] === 'insufficient_quota'
}

/** A header or body that was to show that the caller holds a hotkey: its key is good. */
export function isHotkeyRefused({ code, detail }: AppError): boolean {
  return code === 'UNAUTHORIZED' && detail['reason'] === HOTKEY_PROOF
}

/** Errors as the OpenAI API tells them. */
export function openAiError(error: AppError, requestId: string): OpenAiError {
  if (error.code === 'INTERNAL') {
    return { error: { message: `internal error; the request was ${requestId}`, type: 'server_error', param: null, code: 'internal' } }
  }
  const { field } = error.detail
  const { type, code, param = typeof field === 'string' ? field : null } = kindOf(error)
  return { error: { message: error.message, type, param, code } }
}

const INVALID = 'invalid_request_error'

function kindOf(error: AppError): { type: string; code: string | null; param?: string | null } {
  const { code, detail } = error
  switch (code) {
    case 'BAD_INPUT':
      return { type: INVALID, code: null }
    case 'NOT_FOUND':
      return detail['url'] === undefined
        ? { type: INVALID, code: 'model_not_found', param: 'model' }
        : { type: INVALID, code: 'unknown_url' }
    case 'UNAUTHORIZED':
      return { type: INVALID, code: isHotkeyRefused(error) ? 'invalid_hotkey_proof' : 'invalid_api_key' }
    case 'FORBIDDEN':
      return { type: 'permission_error', code: 'insufficient_permissions' }
    case 'RATE_LIMITED': {
      const kind = isQuotaUsed(error) ? 'insufficient_quota' : 'rate_limit_exceeded'
      return { type: kind, code: kind }
    }
    default:
      return { type: ERRORS[code].http < 500 ? INVALID : 'server_error', code: code.toLowerCase() }
  }
}

function addErrorHeaders(reply: FastifyReply, error: AppError, status: number): void {
  const { retryAfterSeconds } = error.detail
  const seconds = typeof retryAfterSeconds === 'number' ? Math.ceil(retryAfterSeconds) : RETRY_SECONDS
  if (status === 429 || status === 503) void reply.header('retry-after', String(seconds))
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  const last = failedOf(error).at(-1)
  if (last !== undefined) void reply.headers(targetHeaders([{ target: last, returnCode: last.returnCode, ms: last.ms }]))
}
