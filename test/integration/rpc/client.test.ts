import { afterEach, describe, expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import { createRpcClient } from '../../../src/chain/rpc/client.js'
import { isOutcomeUnknown, rpcErrorOf } from '../../../src/chain/rpc/errors.js'
import type { RpcClient, RpcClientOptions } from '../../../src/chain/rpc/types.js'
import { refusal, startFaultNode, type FaultNode } from '../../support/fault-node.js'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
})

async function aNode(options: Parameters<typeof startFaultNode>[0] = {}): Promise<FaultNode> {
  const node = await startFaultNode(options)
  opened.push(node)
  return node
}

function aClient(endpoints: string | string[], options: Partial<RpcClientOptions> = {}): RpcClient {
  const backoff = { minMs: 5, maxMs: 40 }
  const client = createRpcClient({ endpoints: [endpoints].flat(), log: silentLog, backoff, ...options })
  opened.push(client)
  return client
}

/** Asks for `count` numbers and checks that each got its own answer. */
async function askMany(client: RpcClient, count: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => client.request<number>('echo', [i])))
  expect(answers).toEqual(Array.from({ length: count }, (_, i) => i))
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited too long: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('requests', () => {
  test('are pipelined up to the bound and not beyond', async () => {
    const node = await aNode({ faults: { delayMs: 2 } })
    const client = aClient(node.url, { maxInFlight: 10 })
    await askMany(client, 200)
    expect(node.mostWaiting()).toBe(10)
    expect(client.stats()).toMatchObject({ requests: 200, byMethod: { echo: 200 }, retries: 0, inFlight: 0, queued: 0 })
  })

  test('find their answers when these come out of order', async () => {
    const node = await aNode({ faults: { reverse: 32 } })
    await askMany(aClient(node.url, { maxInFlight: 64 }), 500)
  })

  test('may have answers of many megabytes', async () => {
    const huge = `0x${'ab'.repeat(20_000_000)}`
    const node = await aNode({ answers: { big: () => huge } })
    const answer = await aClient(node.url).request<string>('big', [])
    expect(answer.length).toBe(huge.length)
    expect(answer === huge).toBe(true)
  })

  test('with an answer above the limit fail in bounded tries and say why', async () => {
    const node = await aNode({ answers: { big: () => 'x'.repeat(5000) } })
    const client = aClient(node.url, { maxMessageBytes: 1000, maxAttempts: 3 })
    await expect(client.request('big', [])).rejects.toMatchObject({ code: 'UPSTREAM_DOWN', message: /larger than the limit/ })
    expect(node.seen.get('big')).toBe(3)
  })

  test('are aborted by their signal, queued or written, and the others go on', async () => {
    const node = await aNode({ faults: { delayMs: 30 } })
    const client = aClient(node.url, { maxInFlight: 1 })
    const controller = new AbortController()
    const written = client.request('echo', [1], { signal: controller.signal })
    const queued = client.request('echo', [2], { signal: controller.signal })
    const other = client.request('echo', [3])
    await until(() => client.stats().inFlight === 1, 'a request is written')
    controller.abort()
    await expect(written).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(queued).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await other).toBe(3)
    await expect(client.request('echo', [4], { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a node that refuses', () => {
  test('for a passing reason is asked again', async () => {
    const node = await aNode({ faults: { errorEvery: 7 } })
    const client = aClient(node.url)
    await askMany(client, 1000)
    expect(client.stats().retries).toBeGreaterThan(100)
  })

  test.each([
    ['internal error', { code: -32603, message: 'Internal error' }],
    ['limit', { code: -32005, message: 'limit exceeded' }],
    ['HTTP-like limit', { code: 429, message: 'slow down' }],
    ['no code', { message: 'rate limit reached' }],
  ])('for a passing reason every time (%s) is given up as UPSTREAM_DOWN', async (_name, error) => {
    const node = await aNode({ faults: { errorEvery: 1, error } })
    const failed = await aClient(node.url, { maxAttempts: 3 })
      .request('state_call', [])
      .catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ code: 'UPSTREAM_DOWN' })
    expect(rpcErrorOf(failed)?.message).toBe(error.message)
    expect(node.seen.get('state_call')).toBe(3)
  })

  test.each([
    ['method not found', { code: -32601, message: 'Method not found' }],
    ['invalid params', { code: -32602, message: 'Invalid params' }],
    ['unknown block', { code: 4003, message: 'Client error: UnknownBlock: State already discarded' }],
    ['no code', { message: 'Block not found' }],
  ])('for a lasting reason (%s) is asked once', async (_name, error) => {
    const node = await aNode({ faults: { errorEvery: 1, error } })
    const failed = await aClient(node.url)
      .request('state_call', [])
      .catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({
      code: 'UPSTREAM_INVALID',
      detail: { rpcCode: 'code' in error ? error.code : null, rpcMessage: error.message },
    })
    expect(node.seen.get('state_call')).toBe(1)
  })
})

describe('a connection that is lost', () => {
  test.each([
    ['in one burst', 1, 0],
    ['by a client that waits', 20, 0],
    ['with answers that take a while', 1, 10],
  ])('every 100 requests loses nothing of 10,000 asked %s', async (_name, parts, delayMs) => {
    const node = await aNode({ faults: { dropEvery: 100, ...(delayMs > 0 ? { delayMs } : {}) } })
    const client = aClient(node.url)
    for (let part = 0; part < parts; part++) await askMany(client, 10_000 / parts)
    expect(client.stats()).toMatchObject({ requests: 10_000, inFlight: 0, queued: 0 })
    expect(client.stats().reconnects).toBeGreaterThan(99)
  })

  test('by one poisonous request each time fails that request and no other', async () => {
    const node = await aNode()
    node.answers['poison'] = () => node.dropConnections()
    const client = aClient(node.url)
    const poison = client.request('poison', [])
    const others = askMany(client, 600)
    await expect(poison).rejects.toMatchObject({ code: 'UPSTREAM_DOWN', message: /the connection to ws:.* was lost before the answer/ })
    await others
    expect(node.seen.get('poison')).toBe(8)
  })

  test('before a request was written does not stop it, even one that acts', async () => {
    const node = await aNode()
    const { port } = node
    const client = aClient(node.url)
    await client.ready()
    await node.close()
    await until(() => client.stats().inFlight === 0 && node.openConnections() === 0, 'the node is gone')
    await new Promise((resolve) => setTimeout(resolve, 30))
    const sent = client.request('author_submitExtrinsic', ['0x01'])
    const back = await aNode({ port })
    expect(await sent).toBe('0x01')
    expect(back.seen.get('author_submitExtrinsic')).toBe(1)
  })

  test('after a request that acts was written rejects it and does not send it again', async () => {
    const node = await aNode({ faults: { dropEvery: 1 } })
    const client = aClient(node.url)
    const failed = await client.request('author_submitExtrinsic', ['0x01']).catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ code: 'UPSTREAM_DOWN', message: /may or may not have been carried out/ })
    expect(isOutcomeUnknown(failed)).toBe(true)
    node.faults = {}
    await client.request('echo', [1])
    expect(node.seen.get('author_submitExtrinsic')).toBe(1)
  })

  test('while the node is away for a moment costs only time', async () => {
    const node = await aNode({ faults: { delayMs: 5 } })
    const { port } = node
    const client = aClient(node.url, { maxInFlight: 8 })
    const answers = askMany(client, 300)
    await until(() => (node.seen.get('echo') ?? 0) > 50, 'some are answered')
    await node.close()
    await new Promise((resolve) => setTimeout(resolve, 60))
    await aNode({ port })
    await answers
    expect(client.stats().reconnects).toBe(1)
  })
})

describe('garbage', () => {
  test.each([
    ['text that is not JSON', () => 'oops'],
    ['half an answer', (id: number) => `{"jsonrpc":"2.0","id":${id},"result":"0x01`],
    ['another id', () => '{"jsonrpc":"2.0","id":987654321,"result":1}'],
    ['a list', () => '[1,2,3]'],
    ['null', () => 'null'],
    ['an answer without a result', (id: number) => `{"jsonrpc":"2.0","id":${id}}`],
    ['an error without an id', () => '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'],
  ])('now and then (%s) loses nothing', async (_name, garbage) => {
    const node = await aNode({ faults: { garbageEvery: 41, garbage } })
    const client = aClient(node.url)
    await askMany(client, 1000)
    expect(client.stats().retries).toBeGreaterThan(20)
  })

  test.each([
    ['without an id', () => '<html>502 Bad Gateway</html>'],
    ['with an id', (id: number) => `{"jsonrpc":"2.0","id":${id},"result":<html>502 Bad Gateway</html>`],
  ])('every time (%s) is given up with an excerpt', async (_name, garbage) => {
    const node = await aNode({ faults: { garbageEvery: 1, garbage } })
    const failed = aClient(node.url, { maxAttempts: 3 }).request('state_getStorage', [])
    await expect(failed).rejects.toMatchObject({ code: 'UPSTREAM_INVALID', message: /state_getStorage: ws:.*502 Bad Gateway/ })
    expect(node.seen.get('state_getStorage')).toBe(3)
  })
})

describe('timeouts', () => {
  test('a request whose answer is lost is sent again', async () => {
    const node = await aNode({ faults: { stallEvery: 50 } })
    await askMany(aClient(node.url, { timeoutMs: 100 }), 200)
  })

  test('a node that never answers is given up in the stated time', async () => {
    const node = await aNode({ faults: { stallEvery: 1 } })
    const client = aClient(node.url, { timeoutMs: 50, maxAttempts: 2 })
    const started = performance.now()
    await expect(client.request('slow', [])).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', message: /within 50 ms in each of 2 tries/ })
    expect(performance.now() - started).toBeGreaterThan(95)
    expect(client.stats().inFlight).toBe(0)
  })

  test('a late answer is neither taken for another nor a fault', async () => {
    const node = await aNode({ faults: { delayMs: 80 } })
    const client = aClient(node.url, { timeoutMs: 40, maxAttempts: 1 })
    await expect(client.request('echo', [1])).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
    node.faults = {}
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(await client.request('echo', [2])).toBe(2)
    expect(node.connections()).toBe(1)
  })

  test('of a single request may be shorter or longer than that of the client', async () => {
    const node = await aNode({ faults: { delayMs: 80 } })
    const patient = aClient(node.url, { maxAttempts: 1 })
    const other = patient.request('echo', [0])
    await expect(patient.request('echo', [1], { timeoutMs: 20 })).rejects.toMatchObject({ message: /within 20 ms/ })
    expect(await other).toBe(0)
    const hasty = aClient(node.url, { maxAttempts: 1, timeoutMs: 20 })
    expect(await hasty.request('echo', [2], { timeoutMs: 500 })).toBe(2)
  })
})

describe('several endpoints', () => {
  test('the next one takes over, and the preferred one is used again when it is back', async () => {
    const first = await aNode()
    const second = await aNode()
    const { port, url } = first
    const client = aClient([url, second.url], { failbackMs: 50 })
    await askMany(client, 50)
    expect(client.endpoint).toBe(url)
    await first.close()
    await askMany(client, 50)
    expect(client.endpoint).toBe(second.url)
    const back = await aNode({ port })
    await until(() => client.endpoint === url, 'the preferred endpoint is in use')
    await askMany(client, 50)
    expect(back.seen.get('echo')).toBe(50)
    await until(() => second.openConnections() === 0, 'the connection to the second is closed')
  })

  test('going back loses no request that is under way', async () => {
    const first = await aNode({ faults: { refuseWith: 503 } })
    const second = await aNode({ faults: { delayMs: 3 } })
    const client = aClient([first.url, second.url], { failbackMs: 20, maxInFlight: 4 })
    await client.ready()
    const answers = askMany(client, 400)
    first.faults = {}
    await answers
    expect(client.endpoint).toBe(first.url)
    expect(client.stats().retries).toBe(0)
  })

  test('one that stalls is left for the next', async () => {
    const stalled = await aNode({ faults: {} })
    const good = await aNode()
    const client = aClient([stalled.url, good.url], { timeoutMs: 60 })
    await client.ready()
    stalled.faults = { stallEvery: 1 }
    await askMany(client, 20)
    expect(client.endpoint).toBe(good.url)
  })

  test('one that serves another chain is not used', async () => {
    const first = await aNode()
    const other = await aNode({ answers: { chain_getBlockHash: () => '0xdead' } })
    const client = aClient([first.url, other.url], { maxAttempts: 2 })
    await askMany(client, 5)
    await first.close()
    await expect(client.request('echo', [1])).rejects.toMatchObject({
      code: 'UPSTREAM_DOWN',
      message: /serves another chain \(genesis 0xdead/,
    })
    expect(other.seen.get('echo')).toBeUndefined()
  })
})

describe('an address that is wrong', () => {
  test.each(['finney', 'http://127.0.0.1:9944', 'ws://', ''])('%j is refused at once', (address) => {
    expect(() => createRpcClient({ endpoints: [address], log: silentLog })).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
    )
  })

  test('where nothing listens is named with the reason', async () => {
    const node = await startFaultNode()
    await node.close()
    const client = aClient(node.url)
    await expect(client.ready()).rejects.toMatchObject({
      code: 'UPSTREAM_DOWN',
      message: `cannot use the node ${node.url}: nothing listens there (ECONNREFUSED)`,
    })
  })

  test('with an unknown host is named with the reason', async () => {
    await expect(aClient('ws://no-such-host.invalid:9944').ready()).rejects.toMatchObject({
      message: /no-such-host\.invalid:9944: .*(ENOTFOUND|EAI_AGAIN)/,
    })
  })

  test('of a web server is told by its HTTP status, and every endpoint is named', async () => {
    const web = await aNode({ faults: { refuseWith: 404 } })
    const gone = await startFaultNode()
    await gone.close()
    const failed = aClient([web.url, gone.url]).ready()
    await expect(failed).rejects.toMatchObject({
      message: `cannot use any of the nodes ${web.url}: HTTP 404 instead of a WebSocket upgrade; ${gone.url}: nothing listens there (ECONNREFUSED)`,
    })
  })

  test('of a TLS service that is none is told', async () => {
    const node = await aNode()
    await expect(aClient(node.url.replace('ws:', 'wss:')).ready()).rejects.toMatchObject({ message: /TLS|socket hang up|reset/ })
  })

  test('does not show the password in it', async () => {
    const error = await aClient('ws://user:hunter2@127.0.0.1:1/?key=hunter3')
      .ready()
      .catch((thrown: unknown) => thrown)
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hunter/)
  })

  test('rejects the requests that wait, and works once the node is there', async () => {
    const node = await startFaultNode()
    const { port } = node
    await node.close()
    const client = aClient(node.url)
    await expect(client.request('echo', [1])).rejects.toMatchObject({ code: 'UPSTREAM_DOWN', message: /nothing listens there/ })
    await aNode({ port })
    await client.ready()
    expect(await client.request('echo', [2])).toBe(2)
  })

  test('of a node that hangs up at once is given up', async () => {
    const node = await aNode({ faults: { closeAtOnce: true } })
    await expect(aClient(node.url, { maxAttempts: 2 }).request('echo', [1])).rejects.toMatchObject({
      code: 'UPSTREAM_DOWN',
      message: /closed by the other side/,
    })
  })
})

describe('subscriptions', () => {
  test('go on after a reconnect and say that they began anew', async () => {
    const node = await aNode()
    const client = aClient(node.url)
    const heads: number[] = []
    let resets = 0
    const onHead = (head: unknown): void => void heads.push(Number((head as { number: string }).number))
    const subscription = await client.subscribe('chain_subscribeNewHeads', [], 'chain_unsubscribeNewHeads', onHead, () => resets++)
    node.moveHead(1)
    await until(() => heads.includes(1), 'head 1')
    for (let round = 1; round <= 3; round++) {
      node.dropConnections()
      await until(() => resets === round, 'the subscription is made again')
      node.moveHead(10 * round)
      await until(() => heads.includes(10 * round), 'a head after the reconnect')
    }
    await subscription.unsubscribe()
    const before = heads.length
    node.moveHead(99)
    expect(await client.request('echo', ['after'])).toBe('after')
    expect(heads.length).toBe(before)
    expect(node.seen.get('chain_subscribeNewHeads')).toBe(4)
    expect(node.seen.get('chain_unsubscribeNewHeads')).toBe(1)
  })

  test('move along with a change of endpoint', async () => {
    const first = await aNode({ faults: { refuseWith: 503 } })
    const second = await aNode()
    const client = aClient([first.url, second.url], { failbackMs: 30 })
    const heads: number[] = []
    const onHead = (head: unknown): void => void heads.push(Number((head as { number: string }).number))
    await client.subscribe('chain_subscribeNewHeads', [], 'chain_unsubscribeNewHeads', onHead)
    first.faults = {}
    await until(() => first.seen.has('chain_subscribeNewHeads'), 'subscribed at the preferred endpoint')
    first.moveHead(5)
    await until(() => heads.includes(5), 'a head of the preferred endpoint')
    await until(() => second.openConnections() === 0, 'the other connection is closed')
  })

  test('that fail to be made reject', async () => {
    const node = await aNode({
      answers: {
        chain_subscribeNewHeads: () => {
          throw refusal('Method not found', -32601)
        },
      },
    })
    const made = aClient(node.url).subscribe('chain_subscribeNewHeads', [], 'x', () => {})
    await expect(made).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  })

  test('survive a subscriber that throws', async () => {
    const node = await aNode()
    const client = aClient(node.url)
    let heard = 0
    await client.subscribe('chain_subscribeNewHeads', [], 'chain_unsubscribeNewHeads', () => {
      heard++
      throw new Error('subscriber bug')
    })
    node.moveHead(1)
    node.moveHead(2)
    await until(() => heard >= 3, 'three notices')
  })
})

describe('close', () => {
  test('rejects what is under way with ABORTED and leaves no handle', async () => {
    const node = await aNode({ faults: { delayMs: 10_000 } })
    const client = aClient(node.url, { maxInFlight: 2 })
    await client.ready()
    const handles = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const withClient = handles()
    const requests = [1, 2, 3, 4].map((i) => client.request('echo', [i]))
    const failed = Promise.allSettled(requests)
    await until(() => client.stats().inFlight === 2, 'two are written')
    await client.close()
    expect((await failed).map((one) => (one as PromiseRejectedResult).reason as unknown)).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining({ code: 'ABORTED' }) as unknown),
    )
    await until(() => handles() < withClient, 'the sockets are gone')
    await expect(client.request('echo', [5])).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(client.ready()).rejects.toMatchObject({ code: 'ABORTED' })
    await client.close()
  })

  test('ends a client that is still trying to connect', async () => {
    const client = aClient('ws://127.0.0.1:1', { backoff: { minMs: 60_000, maxMs: 60_000 } })
    const ready = client.ready().catch((thrown: unknown) => thrown)
    const asked = client.request('echo', []).catch((thrown: unknown) => thrown)
    await new Promise((resolve) => setTimeout(resolve, 30))
    await client.close()
    expect(await ready).toMatchObject({ code: 'ABORTED' })
    expect(await asked).toMatchObject({ code: 'ABORTED' })
  })

  test('comes with the abort of the signal', async () => {
    const node = await aNode({ faults: { delayMs: 10_000 } })
    const controller = new AbortController()
    const client = aClient(node.url, { signal: controller.signal })
    await client.ready()
    const asked = client.request('echo', [1]).catch((thrown: unknown) => thrown)
    controller.abort()
    expect(await asked).toMatchObject({ code: 'ABORTED' })
    await until(() => node.openConnections() === 0, 'the connection is closed')
  })
})

test('metrics tell requests by outcome, bytes, reconnects and what is in flight', async () => {
  const node = await aNode({ faults: { dropEvery: 60 } })
  const metrics = createMetrics()
  const client = aClient(node.url, { metrics })
  await askMany(client, 100)
  node.faults = { errorEvery: 1, error: { code: -32601, message: 'Method not found' } }
  await client.request('nope', []).catch(() => {})
  await client.close()
  const text = await metrics.metrics()
  expect(text).toContain('tao_chain_rpc_requests_total{method="echo",outcome="ok"} 100')
  expect(text).toContain('tao_chain_rpc_requests_total{method="nope",outcome="refused"} 1')
  expect(text).toMatch(/tao_chain_rpc_seconds_count\{method="echo"\} 100/)
  expect(text).toMatch(/tao_chain_rpc_bytes_total\{direction="in"\} [1-9]\d+/)
  expect(text).toMatch(/tao_chain_rpc_retries_total\{reason="lost"\} [1-9]/)
  expect(text).toMatch(/tao_chain_rpc_reconnects_total [1-9]/)
  expect(text).toContain('tao_chain_rpc_in_flight_requests 0')
})
