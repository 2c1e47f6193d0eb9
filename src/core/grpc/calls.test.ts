import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../errors.js'
import { silentLog } from '../log.js'
import type { GrpcCall } from './calls.js'
import { startGrpcServer, type GrpcServer } from './server.js'

let server: GrpcServer
let client: Client
let calls: GrpcCall[]
let answer: (call: GrpcCall) => Promise<object>
let messages: (call: GrpcCall) => AsyncIterable<object>

beforeEach(async () => {
  calls = []
  const none = { unary: async () => ({}) }
  const methods = {
    ...{ Create: none, List: none, Cancel: none, GetQuote: none },
    Get: { unary: (call: GrpcCall) => (calls.push(call), answer(call)) },
    Watch: { stream: (call: GrpcCall) => (calls.push(call), messages(call)) },
  }
  const service = { proto: 'taogate/pow/v1/pow.proto', name: 'taogate.pow.v1.Registrations', methods }
  server = await startGrpcServer({ host: '127.0.0.1', port: 0, services: [service], log: silentLog })
  client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
})

afterEach(async () => {
  client.close()
  await server.close()
})

/** What came of a call in which nothing is asked for: ahead of the answer, and behind it. */
function get({ deadline, signal }: { deadline?: number; signal?: AbortSignal } = {}) {
  return new Promise<{ error: ServiceError | null; ahead: object; behind: object }>((resolve) => {
    let [ahead, behind] = [{}, {}]
    const same = (bytes: Buffer): Buffer => bytes
    const path = '/taogate.pow.v1.Registrations/Get'
    const options = deadline === undefined ? {} : { deadline }
    const call = client.makeUnaryRequest(path, same, same, Buffer.alloc(0), new Metadata(), options, (error) =>
      setImmediate(() => resolve({ error, ahead, behind })),
    )
    call.on('metadata', (metadata: Metadata) => (ahead = metadata.getMap()))
    call.on('status', ({ metadata }: { metadata: Metadata }) => (behind = metadata.getMap()))
    signal?.addEventListener('abort', () => call.cancel(), { once: true })
  })
}

describe('metadata', () => {
  test('what a method sets is ahead of its answer, the last value of each name', async () => {
    answer = async ({ setHeader }) => {
      setHeader('x-one', '1')
      setHeader('x-two', 'a')
      setHeader('x-two', 'b,c')
      return {}
    }
    const { error, ahead, behind } = await get()
    expect(error).toBeNull()
    expect(ahead).toMatchObject({ 'x-one': '1', 'x-two': 'b,c' })
    expect(behind).not.toHaveProperty('x-one')
  })

  test('of a call that fails nothing of it is sent', async () => {
    answer = async ({ setHeader }) => {
      setHeader('x-one', '1')
      throw new AppError('NOT_FOUND', 'there is none')
    }
    const { error, ahead, behind } = await get()
    expect(error).toMatchObject({ code: 5, details: 'there is none' })
    expect({ ...ahead, ...behind }).not.toHaveProperty('x-one')
  })

  test('in a stream it is ahead of the first message, or of the end where there is none', async () => {
    for (const count of [2, 0]) {
      messages = async function* ({ setHeader }) {
        setHeader('x-one', '1')
        for (let i = 0; i < count; i++) yield { id: String(i), type: 'state' }
      }
      let ahead = {}
      let got = 0
      const same = (bytes: Buffer): Buffer => bytes
      const call = client.makeServerStreamRequest('/taogate.pow.v1.Registrations/Watch', same, same, Buffer.alloc(0))
      call.on('metadata', (metadata: Metadata) => (ahead = metadata.getMap()))
      for await (const _ of call) got++
      expect([got, ahead]).toEqual([count, expect.objectContaining({ 'x-one': '1' })])
    }
  })
})

describe('who leaves', () => {
  test('a caller without a deadline has none', async () => {
    answer = async () => ({})
    await get()
    expect(calls[0]?.deadline).toBeNull()
  })

  test('a call whose deadline has passed is aborted for that', async () => {
    answer = () => new Promise(() => undefined)
    const deadline = Date.now() + 1_000
    const { error } = await get({ deadline })
    expect(error).toMatchObject({ code: 4 })
    expect(Math.abs((calls[0]?.deadline ?? 0) - deadline)).toBeLessThan(400)
    await eventually('it is aborted', () => calls[0]?.signal.aborted === true)
    expect(calls[0]?.signal.reason).toMatchObject({ code: 'ABORTED', detail: { reason: 'deadline' } })
  })

  test('so is one whose caller hangs up, for that', async () => {
    answer = () => new Promise(() => undefined)
    const controller = new AbortController()
    const call = get({ deadline: Date.now() + 20_000, signal: controller.signal })
    await eventually('it is there', () => calls.length === 1)
    controller.abort()
    expect((await call).error).toMatchObject({ code: 1 })
    await eventually('it is aborted', () => calls[0]?.signal.aborted === true)
    expect(calls[0]?.signal.reason).toMatchObject({ code: 'ABORTED', detail: { reason: 'caller' } })
  })
})
