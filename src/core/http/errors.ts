import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { AppError, detailOnWire, ERRORS, isAppError } from '../errors.js'
import type { Logger } from '../log.js'

/** Shapes the body of an answer that is an error. What is INTERNAL must tell nothing but the request's id. */
export type ErrorBody = (error: AppError, requestId: string) => unknown

/** `{error: {code, message, detail?, request_id}}`: what REST routes answer. */
export function restErrorBody(error: AppError, requestId: string): unknown {
  const { code, message } = error
  if (code === 'INTERNAL') return { error: { code, message: 'internal error', request_id: requestId } }
  const detail = detailOnWire(error)
  return { error: { code, message, ...(Object.keys(detail).length === 0 ? {} : { detail }), request_id: requestId } }
}

/** Makes everything that fails in these routes, and every path below them that does not exist, an answer of that shape. */
export function handleErrors(app: FastifyInstance, { log, errorBody }: { log: Logger; errorBody: ErrorBody }): void {
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request
    answerError(reply, new AppError('NOT_FOUND', `there is nothing at ${method} ${url.split('?')[0] ?? ''}`), errorBody)
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = knownError(error)
    if (known.code === 'INTERNAL') log.error({ err: error, requestId: request.id }, 'request failed')
    answerError(reply, known, errorBody)
  })
}

export function answerError(reply: FastifyReply, error: AppError, errorBody: ErrorBody): void {
  const { retryAfterSeconds } = error.detail
  if (typeof retryAfterSeconds === 'number') void reply.header('retry-after', String(Math.ceil(retryAfterSeconds)))
  if (error.code === 'UNAUTHORIZED') void reply.header('www-authenticate', 'Bearer')
  void reply.code(ERRORS[error.code].http).send(errorBody(error, reply.request.id))
}

/** What Fastify refuses by itself (bodies too large, not JSON) as our errors. */
export function knownError(error: FastifyError): AppError {
  if (isAppError(error)) return error
  if (error.statusCode === 413) return new AppError('TOO_LARGE', 'the request body is too large')
  const bad = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return bad ? new AppError('BAD_INPUT', error.message) : new AppError('INTERNAL', 'internal error', {}, error)
}
