/** In what the releases of HTTP axons differ. */
import { AppError } from '../../../core/errors.js'

export type NonceRule = 'rising' | 'v6.10.0' | 'v7.2' | 'v7.4'

export interface Release {
  /** Such as `6.9.4`. */
  text: string
  /** The integer that it publishes. */
  integer: number
  /** How failures look: HTTP 500 with the status in a header, the status with a message, or that with a number in place of what went wrong inside. */
  failures: 'header' | 'message' | 'hidden'
  nonces: NonceRule
  /** Of a request that waited in line as long as its caller. */
  lateStatus: 408 | 503
  /** What happens when the body lacks a required field. */
  missingField: 'detail' | 'drop' | 'failure'
  /** Of a route that is not there. */
  unknownRoute: 'crash' | 'empty' | 'message'
  /** Whether answers that went well carry the axon's signature; failures always do. */
  signsAnswers: boolean
  /** Whether nonces of the axon are unix time; else they count from when the machine started. */
  unixNonces: boolean
  /** Without one, Python says so rather than finding the signature wrong. */
  wantsNonce: boolean
  /** Whether the body hash goes by the list of hash fields (6.0), by the model (6.1 to 7.1), or by the list when that is a class variable. */
  hashOrder: 'list' | 'model' | 'either'
}

/** The traits of a release from 6.0.0 to 10.x. Throws BAD_INPUT for anything else. */
export function releaseOf(text: string): Release {
  const match = /^(\d+)\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  const [major = 0, minor = 0, patch = 0] = match === null ? [] : match.slice(1).map(Number)
  if (major < 6 || major > 10)
    throw new AppError('BAD_INPUT', `"${text.slice(0, 40)}" is no release with HTTP axons; wanted 6.0.0 to 10.x.y`)
  const order = place(major, minor, patch)
  const isNew = order >= place(7, 2, 0)
  const isFirst = order < place(6, 5, 0)
  return {
    text,
    integer: isNew ? order : 100 * major + 10 * minor + patch,
    failures: isNew ? 'hidden' : isFirst ? 'header' : 'message',
    nonces: order >= place(7, 4, 0) ? 'v7.4' : isNew ? 'v7.2' : order === place(6, 10, 0) ? 'v6.10.0' : 'rising',
    lateStatus: isNew || isFirst ? 408 : 503,
    missingField: isNew ? 'failure' : order < place(6, 1, 0) ? 'detail' : 'drop',
    unknownRoute: order === place(6, 3, 0) ? 'empty' : isFirst ? 'crash' : 'message',
    signsAnswers: !isNew,
    unixNonces: isNew || order === place(6, 10, 0),
    wantsNonce: isNew || order === place(6, 10, 0),
    hashOrder: isNew ? 'either' : order < place(6, 1, 0) ? 'list' : 'model',
  }
}

function place(major: number, minor: number, patch: number): number {
  return major * 1_000_000 + minor * 1_000 + patch
}
