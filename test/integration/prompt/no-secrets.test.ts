/** Whatever happens, what is secret is neither logged, counted, printed nor stored: keys, signatures, tokens, and what was asked and answered. */
import { getPublicKey, secretFromSeed } from '@scure/sr25519'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLogger } from '../../../src/core/log.js'
import { toHex } from '../../../src/core/units/bytes.js'
import { encodeSs58 } from '../../../src/core/units/ss58.js'
import { keyPairFromSeed } from '../../../src/core/wallet/keys.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { signedByHand, v5TestClient } from '../../support/v5-client.js'
import { eventually } from '../../support/waiting.js'
import { startGrpcSink, startRelay, type GrpcSink, type Relay } from './relay.js'
import { GATEWAY_SEED, modelOf, neuronOf, NETUID, PROTOCOLS, startAxon, startWorld, type Axon, type World } from './world.js'

/** In everything that is asked, that is answered, and that axons say when they fail. */
const ASKED = 'marigold-asked-5521'
const ANSWERED = 'marigold-answered-5521'
const CALLER_SEED = new Uint8Array(32).fill(0x27)
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec50'
const FAULTY = 1
const SINK = 2
const GONE = 3

let db: TestDatabase
let world: World
const axons: Axon[] = []
const relays: Relay[] = []
let sink: GrpcSink
let logged = ''
let printed = ''
/** What must not be found, by what it is. */
const secrets = new Map<string, string>()
const spies: { mockRestore(): void }[] = []

beforeAll(async () => {
  const keep = (text: unknown): boolean => {
    printed += String(text)
    return true
  }
  spies.push(...[process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation(keep)))
  spies.push(
    ...(['log', 'info', 'warn', 'error', 'debug', 'trace'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((...all) => void all.forEach(keep)),
    ),
  )
  db = await testDatabase()
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      logged += line.toString()
      done()
    },
  })
  sink = await startGrpcSink()
  const neurons = []
  for (const protocol of PROTOCOLS) {
    const [good, faulty] = [await startAxon(protocol, answer), await startAxon(protocol, answer)]
    axons.push(good, faulty)
    let { port } = good
    if (protocol !== 'grpc') {
      const relay = await startRelay(port)
      relays.push(relay)
      port = relay.port
    }
    neurons.push(neuronOf(protocol, 0, { port, pair: good.pair }), neuronOf(protocol, FAULTY, faulty))
    neurons.push(neuronOf(protocol, GONE, { port: 1, pair: await keyPairFromSeed(new Uint8Array(32).fill(NETUID[protocol])) }))
  }
  neurons.push(neuronOf('grpc', SINK, { port: sink.port, pair: await keyPairFromSeed(new Uint8Array(32).fill(0x99)) }))
  world = await startWorld({
    ...{ db, neurons, log: createLogger({ level: 'trace', format: 'json', stream }) },
    config: { 'prompt.maxBodyBytes': '4096', 'prompt.grpcCallers': 'registered' },
    async standing(hotkey) {
      // A fault of our own, for callers over gRPC and for those with a proof alike.
      if (hotkey === encodeSs58(toHex(getPublicKey(secretFromSeed(CALLER_SEED))))) throw new TypeError(`the index is broken: ${ASKED}`)
      return { isRegistered: true, stake: 1n }
    },
  })
})
afterAll(async () => {
  for (const spy of spies) spy.mockRestore()
  await world?.close()
  await Promise.all(axons.map((axon) => axon.close()))
  for (const part of [...relays, sink]) await part?.[Symbol.asyncDispose]()
  await db?.[Symbol.asyncDispose]()
})

async function* answer(): AsyncGenerator<string> {
  yield `${ANSWERED} `
  yield ANSWERED
}

async function ask(model: string, key: string, uids: number[], more: object = {}, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, messages: [{ role: 'user', content: ASKED }], uids, strategy: 'stake', timeout: 5, ...more }),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
  })
  await response.text()
  return response.status
}

/** Everything that may go well or wrong, over all faces. */
async function play(): Promise<void> {
  const { key, customer } = await world.newKey({ monthlyCredits: 1_000 })
  const { key: poor } = await world.newKey({ monthlyCredits: 0, requestsPerMinute: 2 })
  for (const [name, one] of Object.entries({ key, poor })) {
    secrets.set(`API key ${name}`, one)
    secrets.set(`secret of API key ${name}`, one.split('_').slice(2).join('_'))
  }
  const guess = `tg_${customer}_${'guess'.repeat(9).slice(0, 43)}`
  secrets.set('guessed API key', guess.split('_').slice(2).join('_'))
  secrets.set('word in the place of a key', 'hunter2-hunter2')

  for (const protocol of PROTOCOLS) {
    const model = modelOf(protocol)
    for (const stream of [false, true]) {
      expect(await ask(model, key, [0], { stream })).toBe(200)
      expect(await ask(model, key, [GONE], { stream })).toBe(502)
    }
    expect(await ask(model, key, [0, FAULTY], { strategy: 'all' })).toBe(200)
    const axon = axons.find((one) => one.pair.address === axons[PROTOCOLS.indexOf(protocol) * 2 + 1]?.pair.address)
    const set = axon?.setFault.bind(axon) as (fault: object | undefined) => Promise<void>
    const faults =
      protocol === 'grpc'
        ? [{ kind: 'code', code: 22, message: ANSWERED }, { kind: 'garbage' }, { kind: 'wrong-hotkey' }, { kind: 'die' }, { kind: 'hang' }]
        : [
            { kind: 'status', status: 500, message: ANSWERED },
            { kind: 'garbage' },
            { kind: 'die', afterPieces: 1 },
            { kind: 'redirect', to: `http://x/${ANSWERED}` },
            { kind: 'hang' },
            { kind: 'forge' },
            { kind: 'huge-header', bytes: 20_000 },
          ]
    for (const fault of faults) {
      await set(fault)
      for (const stream of [false, true]) {
        await ask(model, key, [FAULTY], { stream, timeout: 0.3 })
        await ask(model, key, [FAULTY, 0], { stream, timeout: 0.6 })
      }
    }
    await set(undefined)
  }
  await ask(modelOf('grpc'), key, [SINK])

  // Refusals of all kinds.
  for (const wrong of [guess, 'hunter2-hunter2', `${key}x`, key.toUpperCase()]) expect(await ask(modelOf('http'), wrong, [0])).toBe(401)
  expect(await ask(modelOf('http'), poor, [0])).toBe(429)
  expect(await ask(ASKED, key, [0])).toBe(404)
  for (const more of [
    { [ASKED]: 1 },
    { temperature: ASKED },
    { messages: [{ role: ASKED, content: ASKED }] },
    { messages: ASKED.repeat(500) },
    { hotkeys: [ASKED] },
  ])
    expect([400, 413]).toContain(await ask(modelOf('http'), key, [0], more))
  await (await world.post('/v1/chat/completions', `{"model": "${ASKED}`, key)).text()
  await (await fetch(`${world.url}/v1/targets?${ASKED}=${key}`, { headers: { 'x-api-key': key } })).text()
  await (await fetch(`${world.url}/${ASKED}`, { headers: { 'x-api-key': key } })).text()
  await (await world.post('/v1/prompt', { prompt: ASKED }, key)).text()
  await (await world.post('/chat', { messages: [{ role: 'user', content: ASKED }] }, key)).text()
  // One that hangs up.
  const controller = new AbortController()
  const left = world.post(
    '/v1/chat/completions',
    { model: modelOf('http'), messages: [{ role: 'user', content: ASKED }] },
    key,
    controller.signal,
  )
  setTimeout(() => controller.abort(), 5)
  await left.then((response) => response.text()).catch(() => undefined)

  await playProofs(key)
  await playGrpc()
  // The database says what it was asked when it cannot do it.
  await db.pool.query('ALTER TABLE prompt_credits RENAME TO prompt_credits_away')
  expect(await ask(modelOf('http'), key, [0])).toBeGreaterThanOrEqual(500)
  await db.pool.query('ALTER TABLE prompt_credits_away RENAME TO prompt_credits')
}

async function playProofs(key: string): Promise<void> {
  const pair = await keyPairFromSeed(new Uint8Array(32).fill(0x55))
  const challenged = await world.post('/v1/hotkey/challenge', { hotkey: pair.address }, key)
  const { challenge } = (await challenged.json()) as { challenge: string }
  secrets.set('seal of a challenge', challenge.split('Seal: ')[1] ?? '')
  const signature = Buffer.from(pair.sign(Buffer.from(challenge))).toString('hex')
  secrets.set('signature of a proof', signature)
  const proof = { hotkey: pair.address, challenge, signature }
  const proved = await world.post('/v1/hotkey/proof', proof, key)
  const { token } = (await proved.json()) as { token: string }
  secrets.set('hotkey token', token)
  secrets.set('seal of a hotkey token', token.split('.')[1] ?? '')
  expect((await world.post('/v1/hotkey/proof', proof, key)).status).toBe(401)
  expect(await ask(modelOf('http'), key, [0], {}, { 'x-taogate-hotkey': token })).toBe(200)
  // The fault of our own, for a proof that is right.
  const unlucky = await keyPairFromSeed(CALLER_SEED)
  const again = await world.post('/v1/hotkey/challenge', { hotkey: unlucky.address }, key)
  const { challenge: text } = (await again.json()) as { challenge: string }
  const signed = Buffer.from(unlucky.sign(Buffer.from(text))).toString('hex')
  secrets.set('signature of a proof that met a fault', signed)
  expect((await world.post('/v1/hotkey/proof', { hotkey: unlucky.address, challenge: text, signature: signed }, key)).status).toBe(500)
  expect(await ask(modelOf('http'), key, [0], {}, { 'x-taogate-hotkey': `${token}x` })).toBe(401)
}

async function playGrpc(): Promise<void> {
  const client = v5TestClient(world.grpcPort)
  try {
    for (const seed of [new Uint8Array(32).fill(0x26), CALLER_SEED]) {
      for (const messages of [[JSON.stringify({ role: 'user', content: ASKED })], [ASKED]]) {
        const metadata = signedByHand(seed, world.gateway.address, BigInt(secrets.size + 1), UUID)
        secrets.set(`signature of a call ${secrets.size}`, /0x([0-9a-f]{128})/.exec(metadata[0]?.[1] ?? '')?.[1] ?? '')
        for (let n = 0; n < 2; n++) await client.call('Forward', { messages, timeout: 2 }, metadata).catch(() => undefined)
      }
    }
    await client
      .call('Forward', { messages: [] }, [
        ['bittensor-signature', `1.${ASKED}.0x00.x`],
        ['authorization', 'Bearer hunter2-hunter2'],
      ])
      .catch(() => undefined)
  } finally {
    client.close()
  }
}

/** Of the wallet, and of everything that it signed for axons. */
function addWalletSecrets(): void {
  const seed = Buffer.from(GATEWAY_SEED)
  const privateKey = Buffer.from(secretFromSeed(GATEWAY_SEED))
  for (const [name, bytes] of Object.entries({
    seed,
    scalar: privateKey.subarray(0, 32),
    rest: privateKey.subarray(32),
    'shared secret': world.secret,
  })) {
    secrets.set(`${name} in hex`, bytes.toString('hex'))
    secrets.set(`${name} in base64`, bytes.toString('base64').replace(/=+$/, ''))
    secrets.set(`${name} as a list`, [...bytes].join(','))
  }
  const sent = relays.flatMap((relay) => relay.requests())
  const signatures = sent.flatMap(({ headers }) => headers.flatMap(([name, value]) => (/signature/.test(name) ? [value] : [])))
  signatures.push(...sink.calls.map((call) => String(call['bittensor-signature'])))
  for (const [at, signature] of signatures.entries())
    secrets.set(`signature for an axon ${at}`, /0x([0-9a-f]{128})/.exec(signature)?.[1] ?? '')
}

test('nothing of it is found in logs, metrics, on the terminal or in the database', async () => {
  await play()
  await eventually('all are over', async () => (await world.targets()).every((target) => target.in_flight === 0), 10_000)
  const counted = await (await fetch(`${world.url}/metrics`)).text()
  // What is kept is written when the service stops, at the latest.
  await world.close()
  const stored = await db.dump()
  addWalletSecrets()
  secrets
    .set('what was asked', ASKED)
    .set('what was answered', ANSWERED)
    .set('a header with a key', 'Bearer ')
    .set('a packed signature', 'signature"')

  // All of it is there to be looked through, and there is something in each place.
  expect([...secrets].filter(([, secret]) => secret.length < 7)).toEqual([])
  expect(secrets.size).toBeGreaterThan(40)
  expect(relays.every((relay) => relay.requests().some(({ body }) => body.includes(ASKED)))).toBe(true)
  expect(logged.split('\n').length).toBeGreaterThan(5)
  expect(logged).toContain('"level":"error"')
  expect(logged).toContain('"level":"debug"')
  expect(counted).toContain('tao_prompt_')
  expect(stored).toContain('TextPrompting/Forward')
  expect(world.used.length).toBeGreaterThan(50)
  const places = { logged, printed, counted, used: JSON.stringify(world.used), stored }
  const found = Object.entries(places).flatMap(([place, text]) =>
    [...secrets].flatMap(([name, secret]) => (text.toLowerCase().includes(secret.toLowerCase()) ? [`${name} is in what is ${place}`] : [])),
  )
  expect(found).toEqual([])
})
