import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { createRegistrationClient, type RegistrationClient } from './api-client.js'

const REGISTRATION = {
  id: 'r1',
  state: 'solving',
  reason: null,
  targets: [{ netuid: 1, state: 'pending', reason: null, solution: null, offer: null, uid: null }],
  progress: null,
}

let app: FastifyInstance | undefined
afterEach(() => app?.close())

/** A service that answers each request to its events with the next of these texts. */
async function service(streams: string[], define: (app: FastifyInstance) => void = () => undefined): Promise<RegistrationClient> {
  app = Fastify()
  app.get('/pow/v1/registrations/:id/events', (_request, reply) => reply.type('text/event-stream').send(streams.shift() ?? ''))
  define(app)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return createRegistrationClient({ url: `${url}/`, apiKey: 'secret', retryMs: 5 })
}

const event = (registration: object, type = 'state'): string =>
  `id: 1\nevent: ${type}\ndata: ${JSON.stringify({ id: '1', type, registration })}\n\n`
const error = (code: string): string => `event: error\ndata: ${JSON.stringify({ error: { code, message: 'of the service' } })}\n\n`

async function statesOf(client: RegistrationClient): Promise<string[]> {
  const states: string[] = []
  for await (const told of client.follow('r1', AbortSignal.timeout(5_000))) states.push(told.state)
  return states
}

describe('the client of the service', () => {
  it('follows a registration to its end, over connections that break and errors that pass', async () => {
    const client = await service([
      `retry: 2000\n\n:\n\n${event(REGISTRATION)}`,
      event({ ...REGISTRATION, state: 'ready' }) + error('DATABASE_DOWN'),
      event({ ...REGISTRATION, state: 'registered' }) + event(REGISTRATION),
    ])
    expect(await statesOf(client)).toEqual(['solving', 'ready', 'registered'])
  })

  it('gives up on what trying again does not mend', async () => {
    expect(await statesOf(await service([error('NOT_FOUND')])).catch((thrown: unknown) => thrown)).toMatchObject({
      code: 'NOT_FOUND',
      message: 'of the service',
    })
  })

  it('takes nothing that is not what it should be', async () => {
    const solution = { block_number: 1, block_hash: `0x${'00'.repeat(32)}`, nonce: '1', work: '0x00', byte_order: 'big' }
    const bad = { ...REGISTRATION, targets: [{ ...REGISTRATION.targets[0], solution }] }
    const client = await service([`data: ${JSON.stringify({ registration: bad })}\n\n`])
    expect(await statesOf(client).catch((thrown: unknown) => thrown)).toMatchObject({ code: 'UPSTREAM_INVALID' })
    const huge = await service([`data: ${'x'.repeat(2_000_000)}\n\n`])
    expect(await statesOf(huge).catch((thrown: unknown) => thrown)).toMatchObject({ code: 'UPSTREAM_INVALID' })
  })

  it('reads and writes the names of the wire, and has its own inside', async () => {
    const bodies: unknown[] = []
    const seal = `0x${'0a'.repeat(32)}`
    const solution = { block_number: 1, block_hash: seal, nonce: '18446744073709551615', work: seal, byte_order: 'little' }
    const progress = { hash_rate: 2.5e6, expected_seconds: 4, p95_seconds: 12, block_number: 7, ahead: 1 }
    const told = { ...REGISTRATION, max_cost: '7', targets: [{ ...REGISTRATION.targets[0], solution }], progress }
    const client = await service([`data: ${JSON.stringify({ registration: { ...told, state: 'registered' } })}\n\n`], (at) => {
      at.post('/pow/v1/registrations', (request, reply) => {
        bodies.push(request.body)
        return reply.code(201).send(told)
      })
    })
    const made = await client.create({ hotkey: 'h', netuids: [1], mode: 'burn', maxCost: '7', coldkey: undefined })
    expect(bodies).toEqual([{ hotkey: 'h', netuids: [1], mode: 'burn', max_cost: '7' }])
    const expected = {
      targets: [{ solution: { blockNumber: 1, blockHash: seal, nonce: '18446744073709551615', work: seal, byteOrder: 'little' } }],
      progress: { hashRate: 2.5e6, expectedSeconds: 4, blockNumber: 7, ahead: 1 },
    }
    expect(made).toMatchObject(expected)
    for await (const followed of client.follow('r1', AbortSignal.timeout(5_000))) expect(followed).toMatchObject(expected)
  })

  it('sends its key, tells refusals with their reason, and follows no redirect', async () => {
    const keys: unknown[] = []
    const client = await service([], (at) => {
      at.post('/pow/v1/registrations', (request, reply) => {
        keys.push(request.headers.authorization)
        return reply.code(422).send({ error: { code: 'REFUSED', message: 'no', detail: { reason: 'POW_DISABLED' } } })
      })
      at.get('/pow/v1/registrations/:id', (_request, reply) => reply.redirect('http://127.0.0.1:9/elsewhere'))
    })
    await expect(client.create({ hotkey: 'h', netuids: [1] })).rejects.toMatchObject({
      code: 'REFUSED',
      detail: { reason: 'POW_DISABLED' },
    })
    await expect(client.get('r1')).rejects.toMatchObject({ code: 'UPSTREAM_DOWN' })
    expect(keys).toEqual(['Bearer secret'])
  })
})
