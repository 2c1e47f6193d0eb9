import type { Credentials } from '../http/index.js'
import type { GrpcCall } from './calls.js'

/** What a caller shows of itself: its key from the metadata `authorization` or `x-api-key`, and where it calls from. */
export function credentialsOf({ header, remoteAddress }: Pick<GrpcCall, 'header' | 'remoteAddress'>): Credentials {
  const bearer = /^bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1]
  return { key: bearer ?? header('x-api-key'), remoteAddress, forwarded: FORWARDING_HEADERS.some((name) => header(name) !== undefined) }
}

/** Proxies say by one of these that somebody else is behind them. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via']
