import { z } from 'zod'
import { listQuery, quoteQuery, registrationInput } from '../input.js'
import {
  errorBody,
  offer,
  progress,
  quote,
  reason,
  registrationEvent,
  registrationPage,
  registrationView,
  solution,
  target,
} from './views.js'

/** Of the interface, not of the program: raised with the path when something is taken away. */
const API_VERSION = '1.0.0'

type Json = Record<string, unknown>

/** The routes below a prefix as an OpenAPI 3.1 document, made from the schemas that requests are checked with. */
export function openApiDocument(prefix: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'taogate registrations',
      version: API_VERSION,
      description: 'Registrations of hotkeys on subnets, by proof of work or by paying. Amounts are rao, in decimal digits.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: prefix }],
    security: [{ bearer: [] }, { header: [] }],
    paths: {
      '/registrations': {
        post: operation('createRegistration', 'Ask for a registration', {
          requestBody: { required: true, content: json(ref(registrationInput)) },
          responses: {
            201: answer('It is new.', registrationView),
            200: answer('The same was asked for before and is not finished: this is it.', registrationView),
            ...failures(400, 401, 403, 413, 422, 429, 503),
          },
        }),
        get: operation('listRegistrations', 'Your registrations, newest first', {
          parameters: parametersOf(listQuery),
          responses: { 200: answer('A page.', registrationPage), ...failures(400, 401, 403, 429, 503) },
        }),
      },
      '/registrations/{id}': {
        parameters: [ID],
        get: operation('getRegistration', 'One registration', {
          responses: { 200: answer('It.', registrationView), ...failures(401, 403, 404, 429, 503) },
        }),
        delete: operation('cancelRegistration', 'End a registration; an ended one stays as it is', {
          responses: { 200: answer('It, as it is now.', registrationView), ...failures(401, 403, 404, 429, 503) },
        }),
      },
      '/registrations/{id}/events': {
        parameters: [ID],
        get: operation('watchRegistration', 'A registration as it goes: server-sent events', {
          parameters: [
            {
              name: 'last-event-id',
              in: 'header',
              description: 'What a browser sends when it comes back. The first event is the state now, in any case.',
              schema: { type: 'string' },
            },
          ],
          responses: {
            200: {
              description:
                'Events named `state` and `progress`; the data of each is a RegistrationEvent. They end when the registration has.',
              content: { 'text/event-stream': { schema: { type: 'string' }, 'x-event-data': ref(registrationEvent) } },
            },
            204: { description: 'It has ended, and the last event that came was the last there is. Do not come back.' },
            ...failures(401, 403, 404, 429, 503),
          },
        }),
      },
      '/quote': {
        get: operation('getQuote', 'What registering on a subnet takes now', {
          parameters: parametersOf(quoteQuery),
          responses: { 200: answer('The numbers of one block.', quote), ...failures(400, 401, 403, 404, 429, 502, 503, 504) },
        }),
      },
      '/openapi.json': {
        get: operation('getOpenApi', 'This document', {
          security: [],
          responses: { 200: { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) } },
        }),
      },
    },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, header: { type: 'apiKey', in: 'header', name: 'x-api-key' } },
      headers: { 'retry-after': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } } },
      schemas: schemas(),
    },
  }
}

const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

const MEANINGS: Record<number, string> = {
  400: 'A field is not as it has to be; the message names it.',
  401: 'There is no key, or not one that is known.',
  403: 'The key does not open this.',
  404: 'There is no such thing, or it is not yours.',
  413: 'The body is too large.',
  422: 'The chain would refuse it; the detail has the reason.',
  429: 'Too many requests, or too many registrations under way.',
  502: 'The chain node cannot be reached, or answers nonsense.',
  503: 'Something the service needs is away.',
  504: 'The chain node did not answer in time.',
}

const VIEWS = [registrationView, registrationEvent, registrationPage, quote, reason, solution, offer, target, progress, errorBody]
const NAMED: z.ZodType[] = [registrationInput, ...VIEWS]

function operation(operationId: string, summary: string, rest: Json): Json {
  return { operationId, summary, tags: ['registrations'], ...rest }
}

function answer(description: string, schema: z.ZodType): Json {
  return { description, content: json(ref(schema)) }
}

function failures(...statuses: number[]): Json {
  return Object.fromEntries(statuses.map((status) => [status, failure(status)]))
}

function failure(status: number): Json {
  const headers = status === 429 || status === 503 ? { headers: { 'retry-after': { $ref: '#/components/headers/retry-after' } } } : {}
  return { description: MEANINGS[status], ...headers, content: json(ref(errorBody)) }
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

function ref(schema: z.ZodType): Json {
  return { $ref: pathOf(idOf(schema)) }
}

function idOf(schema: z.ZodType): string {
  return String(schema.meta()?.id)
}

function pathOf(id: string): string {
  return `#/components/schemas/${id}`
}

/** A flat object as query parameters. */
function parametersOf(schema: z.ZodType): Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = typeof property === 'object' ? property : {}
    return { name, in: 'query', required: required.includes(name), description, schema: rest }
  })
}

/** All schemas that have a name, by it. What a request may hold is shown as it comes in, before it is brought into one form. */
function schemas(): Json {
  const wanted = z.registry<{ id: string }>()
  for (const schema of NAMED) wanted.add(schema, { id: idOf(schema) })
  const made = z.toJSONSchema(wanted, { io: 'input', uri: pathOf }).schemas
  return Object.fromEntries(Object.entries(made).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]))
}
