/** What axons make of the body of a request. */
import { errorMessage } from '../../../core/errors.js'
import type { SynapseSpec } from '../../dendrite/http/synapse.js'
import type { PyValue } from '../../dendrite/python-text.js'
import type { Release } from './release.js'

/** A failure with the status that it deserves, and its words. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** A body that FastAPI refuses by itself, under a header that says 200. */
export class Unprocessable extends Error {}
/** The connection closes without an answer. */
export class Dropped extends Error {}

/** The hashed fields of a prompt in the order of the release. */
export function hashOrder(release: Release, spec: SynapseSpec): readonly string[] {
  const byList = release.hashOrder === 'list' || (release.hashOrder === 'either' && spec.hashFieldsInBody === false)
  return byList ? spec.hashFields : FIELDS.filter((name) => spec.hashFields.includes(name))
}

const FIELDS = ['roles', 'messages', 'completion']

/** The fields of a body. Throws as the release does when they are not what the class wants. */
export function parseBody(release: Release, spec: SynapseSpec, bytes: Buffer): Record<string, PyValue> {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Unprocessable(errorMessage(error))
  }
  if (spec.name === 'Synapse') return {}
  const body = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>
  const missing = ['roles', 'messages'].find((name) => !isTextList(body[name]))
  if (missing === undefined) return { completion: '', ...(body as Record<string, PyValue>) }
  const text = `1 validation error for ${spec.name}: ${missing}`
  if (release.missingField === 'detail') throw new Unprocessable(text)
  throw release.missingField === 'drop' ? new Dropped(text) : new Failure(500, text)
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
