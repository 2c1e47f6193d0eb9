import type { GrpcCall } from '../../core/grpc/index.js'
import type { Receipt } from '../contract.js'
import { RETURN_CODES } from '../dendrite/types.js'
import type { Answerer } from '../http/headers.js'

/** Says who answered, in the metadata ahead of the answer: the headers of the HTTP API, with one value for each answer, in their order, and commas between. */
export function setTargetHeaders({ setHeader }: Pick<GrpcCall, 'setHeader'>, answerers: readonly Answerer[]): void {
  if (answerers.length === 0) return
  const set = (name: string, value: (one: Answerer) => string | number): void =>
    setHeader(`x-taogate-${name}`, answerers.map((one) => plainWord(value(one))).join(','))
  set('netuid', ({ target }) => target.netuid)
  set('uid', ({ target }) => target.uid)
  set('hotkey', ({ target }) => target.hotkey)
  set('protocol', ({ target }) => target.protocol)
  set('latency-ms', ({ ms }) => Math.max(0, Math.round(ms)))
  set('return-code', ({ returnCode }) => RETURN_CODES[returnCode])
}

/** What is left of the caller's tokens and credits, where they are limited. */
export function setReceipt({ setHeader }: Pick<GrpcCall, 'setHeader'>, { tokens, creditsLeft }: Receipt): void {
  if (tokens !== null) {
    setHeader('x-ratelimit-limit-tokens', String(tokens.limit))
    setHeader('x-ratelimit-remaining-tokens', String(tokens.remaining))
    setHeader('x-ratelimit-reset-tokens', `${Math.ceil(tokens.resetSeconds)}s`)
  }
  if (creditsLeft !== null) setHeader('x-taogate-credits-remaining', String(creditsLeft))
}

/** What a chain or a target says is not trusted to be fit for metadata. */
function plainWord(value: string | number): string {
  return String(value)
    .slice(0, 128)
    .replace(/[^\w.:-]/g, '?')
}
