import { excerpt, type RpcErrorBody } from './errors.js'

/** What one message of a node is. `garbage` with an id belongs to that request; without one it may stand for any of them. */
export type Incoming =
  | { kind: 'answer'; id: number; result: unknown }
  | { kind: 'refusal'; id: number; error: RpcErrorBody }
  | { kind: 'notice'; subscription: string | number; value: unknown }
  | { kind: 'other' }
  | { kind: 'garbage'; id: number | null; what: string }

interface Envelope {
  id?: unknown
  result?: unknown
  error?: unknown
  method?: unknown
  params?: unknown
}

export function encodeRequest(id: number, method: string, params: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`
}

export function readMessage(text: string): Incoming {
  let message: Envelope
  try {
    message = JSON.parse(text) as Envelope
  } catch {
    return { kind: 'garbage', id: idIn(text), what: `sent what is not JSON: ${excerpt(text)}` }
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return { kind: 'garbage', id: null, what: `sent what is not an answer: ${excerpt(text)}` }
  }
  const { id } = message
  if (typeof id === 'number') {
    if ('result' in message) return { kind: 'answer', id, result: message.result }
    const error = readError(message.error)
    if (error !== null) return { kind: 'refusal', id, error }
    return { kind: 'garbage', id, what: `sent an answer with neither a result nor an error: ${excerpt(text)}` }
  }
  if (typeof message.method === 'string') return readNotice(message)
  return { kind: 'garbage', id: null, what: `sent an answer to no request: ${excerpt(text)}` }
}

function readNotice(message: Envelope): Incoming {
  const params = message.params as { subscription?: unknown; result?: unknown } | null | undefined
  const subscription = typeof params === 'object' ? params?.subscription : undefined
  if (typeof subscription !== 'string' && typeof subscription !== 'number') return { kind: 'other' }
  return { kind: 'notice', subscription, value: params?.result }
}

function readError(error: unknown): RpcErrorBody | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (typeof message !== 'string' && typeof code !== 'number') return null
  return { code: typeof code === 'number' ? code : null, message: typeof message === 'string' ? message : 'no message' }
}

/** The id of a message that was cut or mangled, when it can still be read: then only that request has to be sent again. */
function idIn(text: string): number | null {
  const match = /^\s*\{(?:"jsonrpc":"2\.0",)?"id":(\d{1,15})[,}]/.exec(text.slice(0, 80))
  return match ? Number(match[1]) : null
}
