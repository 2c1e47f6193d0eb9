import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Caller } from '../../core/api-keys.js'
import { type Access, callerOf, type HttpPlugin, registerAccess, sendEvents, type ServerEvent } from '../../core/http/index.js'
import type { Logger } from '../../core/log.js'
import { ENDED_STATES } from '../../core/registrations.js'
import type { PowService, RegistrationEvent } from '../contract.js'
import { parseListQuery, parseQuoteQuery, parseRegistrationId, parseRegistrationInput } from '../input.js'
import { openApiDocument } from './openapi.js'
import { quote, registrationEvent, registrationPage, registrationView } from './views.js'
import { type Inside, toWire } from './wire.js'

export interface PowRoutesDeps {
  service: PowService
  access: Access
  log: Logger
  /** Between comments that keep an event stream alive. */
  heartbeatMs?: number
}

type WithId = FastifyRequest<{ Params: { id: string } }>

const PREFIX = '/pow/v1'
/** What a caller is told to wait where an error does not say. */
const RETRY_SECONDS = '5'

/** The HTTP face of the service: registrations, their events and quotes, and the document that describes them. */
export function powRoutes({ service, access, log, heartbeatMs }: PowRoutesDeps): HttpPlugin {
  async function register(app: FastifyInstance): Promise<void> {
    const document = JSON.stringify(openApiDocument(PREFIX))
    app.get('/openapi.json', (_request, reply) =>
      reply.type('application/json; charset=utf-8').header('cache-control', 'public, max-age=300').send(document),
    )
    await app.register(async (behind) => {
      registerAccess(behind, { access, scope: 'pow' })
      behind.addHook('onSend', (_request, reply, _payload, done) => {
        if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store')
        if ((reply.statusCode === 429 || reply.statusCode === 503) && !reply.hasHeader('retry-after'))
          void reply.header('retry-after', RETRY_SECONDS)
        done()
      })
      registerRoutes(behind)
      await behind.register(async (bare) => registerCancel(bare))
    })
  }

  function registerRoutes(app: FastifyInstance): void {
    app.post('/registrations', async (request, reply) => {
      const { registration, created } = await service.create(callerOf(request), parseRegistrationInput(request.body))
      return reply
        .code(created ? 201 : 200)
        .header('location', `${PREFIX}/registrations/${registration.id}`)
        .send(toWire(registrationView, registration))
    })
    app.get('/registrations', (request) => answer(registrationPage, service.list(callerOf(request), parseListQuery(request.query))))
    app.get('/registrations/:id', (request: WithId) => answer(registrationView, service.get(callerOf(request), idOf(request))))
    app.get('/registrations/:id/events', async (request: WithId, reply) => {
      const caller = callerOf(request)
      const id = idOf(request)
      // It has no body, and must not wait for one.
      if (request.method === 'HEAD') await service.get(caller, id)
      else if (await hasSeenTheEnd(caller, id, request.headers['last-event-id'])) return reply.code(204).send()
      const onError = (error: unknown): void => log.error({ err: error, requestId: request.id }, 'event stream failed')
      return sendEvents(reply, (signal) => messages(service.watch(caller, id, signal)), { heartbeatMs, onError })
    })
    app.get('/quote', (request) => answer(quote, service.quote(parseQuoteQuery(request.query))))
  }

  /** Clients that always say "JSON follows" send none here. A body, whatever its type, is read and left alone. */
  function registerCancel(app: FastifyInstance): void {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))
    app.delete('/registrations/:id', (request: WithId) => answer(registrationView, service.cancel(callerOf(request), idOf(request))))
  }

  /** A browser comes back whenever a stream ends, also when there is nothing to come; it stays away after 204. */
  async function hasSeenTheEnd(caller: Caller, id: string, lastEventId: string | string[] | undefined): Promise<boolean> {
    if (lastEventId === undefined) return false
    const stop = new AbortController()
    try {
      for await (const { id: now, registration } of service.watch(caller, id, stop.signal))
        return now === lastEventId && ENDED_STATES.includes(registration.state)
      return false
    } finally {
      stop.abort()
    }
  }

  return { prefix: PREFIX, register }
}

function idOf(request: WithId): string {
  return parseRegistrationId(request.params.id)
}

/** What the service answers, in the words of the wire: of the schema that the OpenAPI document shows for it. */
async function answer<S extends z.ZodType>(schema: S, asked: Promise<Inside<z.output<S>>>): Promise<unknown> {
  return toWire(schema, await asked)
}

async function* messages(events: AsyncIterable<RegistrationEvent>): AsyncGenerator<ServerEvent> {
  for await (const event of events) yield { id: event.id, event: event.type, data: JSON.stringify(toWire(registrationEvent, event)) }
}
