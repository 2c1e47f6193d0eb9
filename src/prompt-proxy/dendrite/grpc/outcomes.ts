/** What became of a call over gRPC, in return codes. */
import { status, type ServiceError } from '@grpc/grpc-js'
import { DendriteError, RETURN_CODES, type ReturnCodeName } from '../types.js'
import type { V5Response } from './messages.js'

const MAX_QUOTED = 200

const NAME_OF_CODE = new Map<number, ReturnCodeName>(
  Object.entries(RETURN_CODES).map(([name, code]) => [code, name as ReturnCodeName] as const),
)
/** Codes of SDK 5.x that have no name of their own here: shapes and serialization, by whose fault it is, and another name for two more. */
for (const code of [10, 12, 14]) NAME_OF_CODE.set(code, 'INVALID_REQUEST')
for (const code of [11, 13, 15, 20]) NAME_OF_CODE.set(code, 'INVALID_RESPONSE')
NAME_OF_CODE.set(16, 'UNAVAILABLE').set(17, 'TIMEOUT')

const NAME_OF_STATUS = new Map<number, ReturnCodeName>([
  [status.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  [status.DEADLINE_EXCEEDED, 'TIMEOUT'],
  [status.UNAVAILABLE, 'UNAVAILABLE'],
  [status.UNIMPLEMENTED, 'NOT_IMPLEMENTED'],
  [status.RESOURCE_EXHAUSTED, 'NUCLEUS_FULL'],
])

/** By these details the library says on our side that an answer is none; some of them under statuses that axons use for something else. */
const NO_ANSWER =
  /^(Received message larger than max|Received message that decompresses|Response message parsing error|Failed to decompress|Received compressed message|Received message compressed|Too many responses received|No message received)/

/**
 * Throws when a response is a failure, else nothing. A code 22 without a word, about as late as the axon was told to give up, is a timeout:
 * axons on older Pythons do not know their own.
 */
export function checkResponse(
  { returnCode, returnMessage, hotkey }: V5Response,
  expected: { hotkey: string; timeoutMs: number; elapsedMs: number },
): void {
  if (returnCode !== RETURN_CODES.SUCCESS) {
    const name = NAME_OF_CODE.get(returnCode) ?? 'UNKNOWN_EXCEPTION'
    const silent = returnCode === RETURN_CODES.UNKNOWN_EXCEPTION && returnMessage === ''
    const isLate = expected.elapsedMs >= expected.timeoutMs * 0.9
    throw new DendriteError(silent && isLate ? 'TIMEOUT' : name, `the axon answered with return code ${returnCode}${quoted(returnMessage)}`)
  }
  // Axons leave it empty; one that fills it in must at least be itself.
  if (hotkey !== '' && hotkey !== expected.hotkey)
    throw new DendriteError('INVALID_RESPONSE', `the answer is of another hotkey${quoted(hotkey)}`)
}

/** The failure that a status is. */
export function errorOfStatus(error: ServiceError): DendriteError {
  const { code, details } = error
  const name = NO_ANSWER.test(details) ? 'INVALID_RESPONSE' : (NAME_OF_STATUS.get(code) ?? 'UNKNOWN_EXCEPTION')
  return new DendriteError(name, `GRPC error code: ${code}, details${quoted(details) || ': none'}`, error)
}

/** What an axon wrote, for logs: short, and in one line. */
function quoted(text: string): string {
  if (text === '') return ''
  const plain = text.slice(0, MAX_QUOTED).replace(/[\p{C}\u2028\u2029]/gu, '?')
  return `: ${plain}${text.length > MAX_QUOTED ? '…' : ''}`
}
