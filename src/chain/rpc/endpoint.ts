import { AppError, errorMessage } from '../../core/errors.js'
import { maskUrl } from '../../core/mask.js'

export interface Endpoint {
  url: string
  /** The address as it may be shown. */
  shown: string
}

export function parseEndpoints(texts: readonly string[]): Endpoint[] {
  if (texts.length === 0) throw new AppError('CONFIG_INVALID', 'no node to connect to; wanted at least one ws:// or wss:// address')
  return texts.map(parseEndpoint)
}

function parseEndpoint(text: string): Endpoint {
  const shown = maskUrl(text)
  if (!URL.canParse(text)) throw new AppError('CONFIG_INVALID', `"${shown}" is not an address; wanted ws://HOST:PORT or wss://HOST`)
  const { protocol, hostname } = new URL(text)
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw new AppError('CONFIG_INVALID', `"${shown}" is not a WebSocket address; wanted ws://HOST:PORT or wss://HOST`)
  }
  if (hostname === '') throw new AppError('CONFIG_INVALID', `"${shown}" names no host; wanted ws://HOST:PORT or wss://HOST`)
  return { url: text, shown }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the host name could not be looked up just now',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  EPROTO: 'TLS: the other side does not speak it',
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS: the other side does not speak it; is it ws:// instead of wss://?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: its certificate chain is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: its certificate cannot be verified',
  CERT_HAS_EXPIRED: 'TLS: its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: its certificate is for another host name',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'a message was larger than the limit of this client',
}

/** Why a socket failed, in words, with the system's code for those who search for it. */
export function describeFailure(error: unknown): string {
  const code = codeOf(error)
  if (code === undefined) return errorMessage(error)
  const reason = REASONS[code]
  return reason === undefined ? `${errorMessage(error)} (${code})` : `${reason} (${code})`
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
