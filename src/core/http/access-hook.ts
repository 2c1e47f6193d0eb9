import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, Scope } from '../api-keys.js'
import { AppError } from '../errors.js'
import { type Access, type Credentials, refuse, TOO_MANY } from './access.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, in routes behind `registerAccess`; null elsewhere. */
    caller: Caller | null
  }
}

/**
 * Lets only callers with the scope into the routes of this plugin, before a body is read, and tells them what they have left in `X-RateLimit-*`
 * (`Reset` in seconds until all of it is back). To be called before the routes are defined.
 */
export function registerAccess(app: FastifyInstance, { access, scope }: { access: Access; scope: Scope }): void {
  if (!app.hasRequestDecorator('caller')) app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request, reply) => {
    const { caller, quota } = await access.admit(credentialsOf(request), scope)
    addQuota(reply, quota)
    refuse(quota, TOO_MANY)
    request.caller = caller
  })
}

/** The caller of a route behind `registerAccess`. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new AppError('INTERNAL', 'this route is not behind an access check')
  return caller
}

function addQuota(
  reply: FastifyReply,
  { limit, remaining, resetSeconds }: { limit: number; remaining: number; resetSeconds: number },
): void {
  void reply.headers({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(Math.ceil(resetSeconds)),
  })
}

function credentialsOf({ headers, socket }: FastifyRequest): Credentials {
  return {
    key: keyOf(headers),
    remoteAddress: socket.remoteAddress ?? '',
    // Asked only where it matters: reading two URLs costs more than looking up a key.
    get forwarded() {
      return isForwarded(headers)
    },
  }
}

function keyOf({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  return bearer ?? (typeof apiKey === 'string' ? apiKey : undefined)
}

const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via']

/**
 * Whether somebody else may be behind the peer: a proxy that says so, or a page of another site in a browser of this machine, which names that
 * site as its origin or, with a name that leads here, as the host.
 */
function isForwarded(headers: IncomingHttpHeaders): boolean {
  if (FORWARDING_HEADERS.some((name) => headers[name] !== undefined)) return true
  const { origin, host } = headers
  return !isLocalHost(`http://${host ?? ''}`) || (origin !== undefined && !isLocalHost(origin))
}

function isLocalHost(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
