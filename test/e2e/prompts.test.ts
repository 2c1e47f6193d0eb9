import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { castOf } from '../../src/devnet/index.js'
import { createGrpcDendrite } from '../../src/prompt-proxy/dendrite/grpc/dendrite.js'
import { keyPairFromSeed } from '../../src/core/wallet/keys.js'
import { openProgram, type Program, type RunningCommand } from '../support/program.js'
import { eventually } from '../support/waiting.js'

/** As a user would: the program with its own database and chain, whose validators echo, and another process beside it that has only the prompt API. */
let program: Program
let up: RunningCommand
let proxy: RunningCommand

/** Callers behind a proxy are not taken for callers of the same machine. */
const FAR = { 'x-forwarded-for': '203.0.113.1' }
const HELLO = [{ role: 'user' as const, content: 'hello there' }]

const urlOf = (running: RunningCommand): string => running.told(/Prompts: (http:\S+)\/v1/)

beforeAll(async () => {
  program = await openProgram('prompts')
  const devnet = ['--devnet-neurons', '16', '--prompt-netuids', '1,2', '--requests-per-minute', '100000']
  const common = ['--port', '0', '--grpc-port', '0', '--data-dir', 'data', ...devnet]
  up = await program.start(['up', ...common, '--devnet-block-ms', '500', '--pow-threads', '0'], /Chain: ws:/)
  proxy = await program.start(['prompt-proxy', ...common], /gRPC: \S+:\d+/)
  for (const running of [up, proxy])
    await eventually('there are validators to ask', async () => {
      const { body } = await supertest(urlOf(running)).get('/v1/targets?netuid=1&available=true').expect(200)
      return (body as { data: unknown[] }).data.length > 1
    })
})

afterAll(async () => {
  await proxy?.stop()
  await up?.stop()
  await program?.[Symbol.asyncDispose]()
})

interface Target {
  uid: number
  hotkey: string
  protocol: string
  success_rate: number | null
  latency_ms: number | null
  refusal: string | null
}

async function targets(url: string): Promise<Target[]> {
  const { body } = await supertest(url).get('/v1/targets?netuid=1').expect(200)
  return (body as { data: Target[] }).data
}

describe.each([
  ['in one process with everything else', () => up],
  ['in a process of its own', () => proxy],
])('%s', (_, running) => {
  const url = (): string => urlOf(running())

  test('the client of the OpenAI API gets an answer, whole and as a stream, from a validator that signed calls have reached', async () => {
    const client = new OpenAI({ apiKey: 'none', baseURL: `${url()}/v1`, maxRetries: 0 })
    const { data, response } = await client.chat.completions.create({ model: 'bittensor/sn1', messages: HELLO }).withResponse()
    const uid = Number(response.headers.get('x-taogate-uid'))
    expect(data.choices[0]?.message.content).toMatch(/stand-in without a model\] You said, in 2 words: hello there$/)
    expect(data.choices[0]?.message.content).toContain(response.headers.get('x-taogate-hotkey'))
    const stream = await client.chat.completions.create({ model: 'bittensor/sn2', messages: HELLO, stream: true })
    const pieces: string[] = []
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '')
    expect(pieces.join('')).toMatch(/hello there$/)
    expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(5)
    const answered = (await targets(url())).find((target) => target.uid === uid)
    expect(answered).toMatchObject({ refusal: null, success_rate: expect.any(Number), latency_ms: expect.any(Number) })
  })

  test('every validator can be asked by its uid, over gRPC and over HTTP', async () => {
    const asked = (await targets(url())).filter(({ refusal }) => refusal === null)
    expect(new Set(asked.map(({ protocol }) => protocol))).toEqual(new Set(['grpc', 'http']))
    for (const { uid, hotkey, protocol } of asked) {
      const { headers, body } = await supertest(url())
        .post('/v1/prompt')
        .send({ prompt: 'reverse abc', uids: [uid] })
        .expect(200)
      expect(headers).toMatchObject({ 'x-taogate-hotkey': hotkey, 'x-taogate-protocol': protocol, 'x-taogate-return-code': '1' })
      expect((body as { response: string }).response).toContain('cba')
    }
  })

  test('a client of SDK 5.x finds an axon, if its hotkey is registered', async () => {
    const own = (await targets(url())).find(({ refusal }) => refusal === 'it is our own hotkey')
    const port = Number(running().told(/gRPC: \S+:(\d+)/))
    const axon = { netuid: 1, uid: 0, hotkey: own?.hotkey ?? '', ip: '127.0.0.1', port, version: 520 }
    const stranger = createGrpcDendrite({ pair: await keyPairFromSeed(randomBytes(32)), allowPrivate: true })
    const call = { messages: HELLO, stream: false, timeoutMs: 10_000, maxBytes: 65_536, signal: new AbortController().signal }
    await expect(stranger.prompt(axon, call)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
    await stranger.close()
    const [, miner] = await castOf({ seed: 'taogate', subnets: 2, neurons: 16 })
    if (miner === undefined) throw new Error('the devnet has no second account')
    const known = createGrpcDendrite({ pair: miner.pair, allowPrivate: true })
    const { value } = await known.prompt(axon, call)[Symbol.asyncIterator]().next()
    expect(value).toMatch(/You said, in 2 words: hello there$/)
    await known.close()
  })

  test('callers from elsewhere need a key, and what it may do is counted', async () => {
    const made = await program.run(
      ...['keys', 'create', '--name', 'app', '--scopes', 'prompt', '--monthly-credits', '2', '--data-dir', 'data', '--log-level', 'error'],
    )
    const key = made.text.trim().split('\n').at(-1) ?? ''
    const ask = (body: object): supertest.Test =>
      supertest(url())
        .post('/v1/chat/completions')
        .set(FAR)
        .set('authorization', `Bearer ${key}`)
        .send({ messages: HELLO, ...body })
    await supertest(url()).get('/v1/models').set(FAR).expect(401)
    await supertest(url()).get('/v1/models').set(FAR).set('authorization', `Bearer ${key}x`).expect(401)
    const good = await ask({ model: 'bittensor/sn1' }).expect(200)
    expect(good.headers['x-taogate-credits-remaining']).toBe('1')
    // Nobody is there to answer: it costs nothing.
    await ask({ model: 'bittensor/sn1', uids: [1] }).expect(502)
    await ask({ model: 'bittensor/sn1' }).expect(200)
    const used = await ask({ model: 'bittensor/sn1' }).expect(429)
    expect(used.body).toMatchObject({ error: { type: 'insufficient_quota', code: 'insufficient_quota' } })
    await eventually('the credits are in the list of keys', async () => {
      const { text } = await program.run('keys', 'list', '--json', '--data-dir', 'data', '--log-level', 'error')
      return text.includes(made.text.includes('tg_') ? key.slice(3, 19) : '?')
    })
    expect((await supertest(url()).get('/metrics')).text).toMatch(/tao_prompt_requests_total\{.*outcome="refused",error="RATE_LIMITED"\} 1/)
  })
})

test('a caller that shows to hold a hotkey gets a token for it', async () => {
  const pair = await keyPairFromSeed(randomBytes(32))
  const http = supertest(urlOf(proxy))
  const { body } = await http.post('/v1/hotkey/challenge').send({ hotkey: pair.address }).expect(200)
  const { challenge } = body as { challenge: string }
  const signature = `0x${Buffer.from(pair.sign(Buffer.from(challenge))).toString('hex')}`
  const proof = await http.post('/v1/hotkey/proof').send({ hotkey: pair.address, challenge, signature }).expect(200)
  expect(proof.body).toMatchObject({ hotkey: pair.address, registered: false })
  await http.post('/v1/hotkey/proof').send({ hotkey: pair.address, challenge, signature }).expect(401)
  const { token } = proof.body as { token: string }
  // The other process has the same secret.
  for (const running of [proxy, up])
    await supertest(urlOf(running)).post('/v1/prompt').set('x-taogate-hotkey', token).send({ prompt: 'hello' }).expect(200)
  await http.post('/v1/prompt').set('x-taogate-hotkey', `${token}x`).send({ prompt: 'hello' }).expect(401)
})

test('a mock axon is started by hand, and bad input says what is wanted', async () => {
  await writeFile(join(program.folder, 'axon-key'), `0x${randomBytes(32).toString('hex')}`, { mode: 0o600 })
  const axon = await program.start(
    ['mock-axon', '--sdk', '10.2.0', '--hotkey-file', 'axon-key', '--host', '127.0.0.1'],
    /; serve_axon version/,
  )
  expect(axon.output()).toMatch(/5\w{47} http 10\.2\.0 at 127\.0\.0\.1:\d+; serve_axon version=10002000 ip=2130706433/)
  expect(await axon.stop()).toBe(0)
  expect(await program.run('mock-axon', '--sdk', '1.0')).toMatchObject({ code: 2 })
})

test('elsewhere than on the devnet there has to be a wallet, and the settings say so', async () => {
  const missing = await program.run('prompt-proxy', '--chain', 'local', '--data-dir', 'data', '--port', '0')
  expect(missing).toMatchObject({ code: 2, text: expect.stringContaining('BT_WALLET_NAME') as string })
  await program.run('wallet', 'new', '--name', 'mine', '--wallet-path', 'wallets', '--no-password', '--quiet')
  const flags = ['--wallet-path', 'wallets', '--wallet-name', 'mine', '--port', '0', '--grpc-port', '0', '--data-dir', 'data']
  const own = await program.start(['prompt-proxy', '--chain', 'local', ...flags], /gRPC: /)
  const { ss58Address } = JSON.parse(await readFile(join(program.folder, 'wallets/mine/hotkeys/default'), 'utf8')) as {
    ss58Address: string
  }
  expect(own.output()).toContain(ss58Address)
  expect(await own.stop()).toBe(0)
})

test('a caller that hangs up in the middle of a stream leaves nothing under way', async () => {
  const controller = new AbortController()
  const response = await fetch(`${urlOf(proxy)}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bittensor/sn1', stream: true, messages: [{ role: 'user', content: 'word '.repeat(150) }] }),
    signal: controller.signal,
  })
  const reader = response.body?.getReader()
  await reader?.read()
  controller.abort()
  await eventually('nothing is under way', async () => {
    const { text } = await supertest(urlOf(proxy)).get('/metrics')
    return /tao_prompt_in_flight 0\n/.test(text) && /outcome="cancelled"/.test(text)
  })
})
