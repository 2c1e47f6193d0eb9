/** What answers carry beside their text, as headers of HTTP and as metadata of gRPC. */
import type { AnsweringTarget, Receipt } from './contract.js'
import { RETURN_CODES, type ReturnCodeName } from './dendrite/types.js'

/** Who answered and how. */
export interface Answerer {
  target: AnsweringTarget
  returnCode: ReturnCodeName
  ms: number
}

/** Who answered: one value for each answer, in their order, with commas between. */
export function targetHeaders(answerers: readonly Answerer[]): Record<string, string> {
  if (answerers.length === 0) return {}
  const each = (value: (one: Answerer) => string | number): string => answerers.map((one) => plainWord(value(one))).join(',')
  return {
    'x-taogate-netuid': each(({ target }) => target.netuid),
    'x-taogate-uid': each(({ target }) => target.uid),
    'x-taogate-hotkey': each(({ target }) => target.hotkey),
    'x-taogate-protocol': each(({ target }) => target.protocol),
    'x-taogate-latency-ms': each(({ ms }) => Math.max(0, Math.round(ms))),
    'x-taogate-return-code': each(({ returnCode }) => RETURN_CODES[returnCode]),
  }
}

/** What is left of the caller's tokens and credits, where they are limited. */
export function receiptHeaders({ tokens, creditsLeft }: Receipt): Record<string, string> {
  const headers: Record<string, string> = {}
  if (tokens !== null) {
    headers['x-ratelimit-limit-tokens'] = String(tokens.limit)
    headers['x-ratelimit-remaining-tokens'] = String(tokens.remaining)
    headers['x-ratelimit-reset-tokens'] = `${Math.ceil(tokens.resetSeconds)}s`
  }
  if (creditsLeft !== null) headers['x-taogate-credits-remaining'] = String(creditsLeft)
  return headers
}

/** What a chain or a target says is not trusted to be fit for a header: other characters than those of a plain word become `?`. */
function plainWord(value: string | number): string {
  return String(value)
    .slice(0, 128)
    .replace(/[^\w.:-]/g, '?')
}
