import { Metadata } from '@grpc/grpc-js'
import { AppError, detailOnWire, ERRORS } from '../errors.js'

/** How a call ended that failed. */
export interface FailedStatus {
  code: number
  details: string
  metadata: Metadata
}

/** Clients give up on a call whose trailers are above 8 KiB, and text that is not ASCII triples on its way. */
const MAX_MESSAGE = 1000
const MAX_DETAIL = 3000
const RETRY_SECONDS = 5

/**
 * The status of an error by the table of errors. Its code, detail, request id and when to come back are in the trailing metadata. What is INTERNAL
 * tells nothing but the request's id.
 */
export function statusOf(error: AppError, requestId: string): FailedStatus {
  if (error.code === 'INTERNAL') return statusWith(new AppError('INTERNAL', 'internal error'), requestId)
  return statusWith(error, requestId)
}

function statusWith(error: AppError, requestId: string): FailedStatus {
  const metadata = new Metadata()
  metadata.set('error-code', error.code)
  metadata.set('request-id', requestId)
  const detail = ascii(JSON.stringify(detailOnWire(error)))
  if (detail !== '{}' && detail.length <= MAX_DETAIL) metadata.set('error-detail', detail)
  const seconds = retryAfterSeconds(error)
  if (seconds !== null) metadata.set('retry-after', String(seconds))
  return { code: ERRORS[error.code].grpc, details: wellFormed(error.message.slice(0, MAX_MESSAGE)), metadata }
}

/** What the error says, or a while where the same call may succeed later and nobody knows when. */
function retryAfterSeconds({ code, detail }: AppError): number | null {
  const { retryAfterSeconds: told } = detail
  if (typeof told === 'number' && told >= 0) return Math.ceil(told)
  return ERRORS[code].retry ? RETRY_SECONDS : null
}

/** JSON of printable ASCII only, as metadata wants it. */
function ascii(json: string): string {
  return json.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The library encodes the text as a URI, which throws at half of a surrogate pair: one may come of cutting what a caller sent. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
