/** Whatever one target does, a request that another can answer is answered, and none hangs past its deadline. */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GrpcAxonFault } from '../../../src/prompt-proxy/mock-axon/grpc/faults.js'
import type { HttpAxonFault } from '../../../src/prompt-proxy/mock-axon/http/faults.js'
import { STRATEGIES, type Strategy } from '../../../src/prompt-proxy/contract.js'
import { RETURN_CODES, type ReturnCodeName } from '../../../src/prompt-proxy/dendrite/types.js'
import { sleep } from '../../../src/core/lifecycle.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { eventually } from '../../support/waiting.js'
import { watchDials, type Dialled } from './dialled.js'
import {
  AXON_HOST,
  framesOf,
  modelOf,
  NETUID,
  neuronOf,
  PROTOCOLS,
  startAxon,
  startWorld,
  textAnswer,
  textOf,
  type Axon,
  type Protocol,
  type TargetView,
  type World,
} from './world.js'

const ANSWER = 'The answer is 42.'
const MODES = ['plain', 'stream'] as const
type Mode = (typeof MODES)[number]
const GOOD_UID = 0
/** Of a request that another target can answer, and of one that none can, where the bad one is silent. */
const SILENT_MS = 1_500
const ALONE_MS = 700
/** More than the time that a target has to answer before it is held against it. */
const PATIENT_MS = 4_200
/** All others are over long before: they fail as soon as the target does. */
const PLENTY_MS = 15_000
/** What a deadline may be missed by, on a machine that is busy with other tests; on a quiet one it is less than 200 ms. */
const SLACK_MS = 1_000
/** Cases that are worked on side by side. */
const AT_ONCE = 8
const MIB = 1_048_576
const METADATA = '169.254.169.254'

interface Case {
  name: string
  fault: GrpcAxonFault | HttpAxonFault
  code: ReturnCodeName
  /** A stream of it begins well, and breaks off: what was given away cannot be taken back. */
  breaksOff?: boolean
  /** It has to be given up: it says nothing by itself. */
  isSilent?: boolean
  /** It lies only once it has told the truth. */
  warm?: boolean
}

const GRPC_CODES: [number, ReturnCodeName][] = [
  ...(Object.entries(RETURN_CODES) as [ReturnCodeName, number][]).map(([name, code]): [number, ReturnCodeName] => [code, name]),
  [16, 'UNAVAILABLE'],
  [17, 'TIMEOUT'],
  [12, 'INVALID_REQUEST'],
  [13, 'INVALID_RESPONSE'],
  [999, 'UNKNOWN_EXCEPTION'],
  [-1, 'UNKNOWN_EXCEPTION'],
]

const GRPC_CASES: Case[] = [
  { name: 'is dead', fault: { kind: 'refuse' }, code: 'UNAVAILABLE' },
  { name: 'drops connections', fault: { kind: 'drop' }, code: 'UNAVAILABLE' },
  { name: 'hangs', fault: { kind: 'hang' }, code: 'TIMEOUT', isSilent: true },
  { name: 'is slow', fault: { kind: 'delay', ms: 30_000 }, code: 'TIMEOUT', isSilent: true },
  { name: 'dies in the middle of a call', fault: { kind: 'die' }, code: 'UNAVAILABLE' },
  { name: 'says that it is another', fault: { kind: 'wrong-hotkey' }, code: 'INVALID_RESPONSE' },
  { name: 'sends garbage', fault: { kind: 'garbage' }, code: 'INVALID_RESPONSE' },
  { name: 'sends nothing', fault: { kind: 'empty' }, code: 'EMPTY_RESPONSE' },
  { name: 'sends too much', fault: { kind: 'huge', bytes: 5 * MIB }, code: 'INVALID_RESPONSE' },
  ...GRPC_CODES.filter(([, code]) => code !== 'SUCCESS').map(([number, code]): Case => ({
    name: `answers with return code ${number}`,
    fault: { kind: 'code', code: number, message: 'secret of the axon' },
    code,
  })),
]

const STATUSES: [number, ReturnCodeName][] = [
  [400, 'INVALID_REQUEST'],
  [401, 'UNAUTHENTICATED'],
  [403, 'BLACKLISTED'],
  [404, 'NOT_IMPLEMENTED'],
  [408, 'TIMEOUT'],
  [418, 'UNKNOWN_EXCEPTION'],
  [422, 'INVALID_REQUEST'],
  [429, 'BACKOFF'],
  [500, 'UNKNOWN_EXCEPTION'],
  [502, 'BAD_ENDPOINT'],
  [503, 'UNAVAILABLE'],
  [504, 'TIMEOUT'],
]

/** What axons of both protocols over HTTP may do. `trap` is where a redirect leads. */
function httpCases(trap: number): Case[] {
  const redirect = (name: string, to: string): Case => ({
    name: `redirects to ${name}`,
    fault: { kind: 'redirect', to },
    code: 'BAD_ENDPOINT',
  })
  return [
    { name: 'is dead', fault: { kind: 'refuse' }, code: 'UNAVAILABLE' },
    { name: 'drops connections', fault: { kind: 'drop' }, code: 'BAD_ENDPOINT' },
    { name: 'hangs', fault: { kind: 'hang' }, code: 'TIMEOUT', isSilent: true },
    { name: 'is slow', fault: { kind: 'delay', ms: 30_000 }, code: 'TIMEOUT', isSilent: true },
    { name: 'dies before its answer', fault: { kind: 'die', afterPieces: 0 }, code: 'BAD_ENDPOINT' },
    { name: 'dies in the middle of its answer', fault: { kind: 'die', afterPieces: 2 }, code: 'BAD_ENDPOINT', breaksOff: true },
    { name: 'sends garbage', fault: { kind: 'garbage' }, code: 'INVALID_RESPONSE' },
    { name: 'sends nothing', fault: { kind: 'empty' }, code: 'EMPTY_RESPONSE' },
    { name: 'sends too much', fault: { kind: 'huge', bytes: 10 * MIB }, code: 'INVALID_RESPONSE', breaksOff: true },
    { name: 'sends a header that is too large', fault: { kind: 'huge-header', bytes: 20_000 }, code: 'INVALID_RESPONSE' },
    redirect('a private address', `http://127.0.0.9:${trap}/Prompting`),
    redirect('a name', `http://localhost:${trap}/v1/chat/completions`),
    redirect('the metadata service', `http://${METADATA}/latest/meta-data/`),
    ...STATUSES.map(([status, code]): Case => ({
      name: `answers ${status}`,
      fault: { kind: 'status', status, message: 'secret of the axon' },
      code,
    })),
  ]
}

const LIES: Case[] = [
  { name: 'forges its signature', fault: { kind: 'forge' }, code: 'INVALID_RESPONSE' },
  { name: 'sends a signature of before', fault: { kind: 'replay' }, code: 'INVALID_RESPONSE', warm: true },
  { name: 'says that it is another', fault: { kind: 'wrong-hotkey' }, code: 'INVALID_RESPONSE' },
  { name: 'answers something else', fault: { kind: 'wrong-name' }, code: 'INVALID_RESPONSE' },
]
/** A byte now and then: over HTTP the first one of a stream is an answer that has begun. */
const drips = (breaksOff: boolean): Case => ({
  name: 'drips',
  fault: { kind: 'drip', ms: 200 },
  code: 'TIMEOUT',
  isSilent: true,
  breaksOff,
})

/** Names of tests do not depend on it, and are wanted before it is known. */
const ANY_PORT = 1
const CASES: Record<Protocol, (trap: number) => Case[]> = {
  grpc: () => GRPC_CASES,
  http: (trap) => [...httpCases(trap), ...LIES, drips(true)],
  epistula: (trap) => [...httpCases(trap), drips(false)],
}

interface Seen {
  status: number
  ms: number
  /** How long after its deadline it was over, beyond what a request that does nothing takes at that time on this machine. */
  lateMs: number
  uid: string | null
  returnCode: string | null
  /** All of the answer. */
  body: string
  /** Of a stream. */
  frames: string[]
}

/** So that what was sent before the end is there before the end. */
async function* pacedAnswer(): AsyncGenerator<string> {
  for await (const piece of textAnswer()) {
    yield piece
    await sleep(40)
  }
}

interface Outcome {
  bad: number
  together: Seen
  alone: Seen
  /** What its customer was charged, and what is still set aside. */
  credits: { used: number; held: number }
}

let db: TestDatabase
let world: World
let trap: Server
let trapped = 0
let dials: Dialled
const axons: Axon[] = []
const outcomes = new Map<string, Promise<Outcome>>()
/** Of axons that hang, each asked alone and with patience. */
let blamed: Promise<{ seen: Seen; target: TargetView | undefined }[]>

beforeAll(async () => {
  db = await testDatabase()
  trap = createServer((socket) => {
    trapped++
    socket.destroy()
  }).listen(0, '127.0.0.9')
  await once(trap, 'listening')
  const { port } = trap.address() as AddressInfo
  const neurons = []
  const hanging: { protocol: Protocol; uid: number }[] = []
  const runs: { key: string; run: () => Promise<Outcome> }[] = []
  for (const protocol of PROTOCOLS) {
    const good = await startAxon(protocol, textAnswer)
    axons.push(good)
    neurons.push(neuronOf(protocol, GOOD_UID, good, { stake: 1n }))
    const idle = await startAxon(protocol, textAnswer)
    axons.push(idle)
    await idle.setFault({ kind: 'hang' })
    hanging.push({ protocol, uid: axons.length })
    neurons.push(neuronOf(protocol, axons.length, idle))
    for (const one of CASES[protocol](port)) {
      for (const mode of MODES) {
        const bad = await startAxon(protocol, one.breaksOff === true ? pacedAnswer : textAnswer)
        axons.push(bad)
        const uid = axons.length
        neurons.push(neuronOf(protocol, uid, bad))
        runs.push({ key: `${protocol} ${mode} ${one.name}`, run: () => run(protocol, mode, one, bad, uid) })
      }
    }
  }
  dials = watchDials()
  world = await startWorld({ db, neurons })
  // The first calls of a process take longer than any later ones.
  for (const protocol of PROTOCOLS) for (const mode of MODES) await ask(protocol, mode, (await world.newKey()).key, [GOOD_UID], 10_000)
  blamed = Promise.all(hanging.map(({ protocol, uid }) => blame(protocol, uid)))
  const limit = limiter(AT_ONCE)
  for (const { key, run } of runs) outcomes.set(key, limit(run))
  // Failures are told by the tests that ask for them.
  await Promise.allSettled([blamed, ...outcomes.values()])
})

afterAll(async () => {
  dials?.[Symbol.dispose]()
  await world?.close()
  await Promise.all(axons.map((axon) => axon.close()))
  trap?.close()
  await db?.[Symbol.asyncDispose]()
})

async function blame(protocol: Protocol, bad: number): Promise<{ seen: Seen; target: TargetView | undefined }> {
  const seen = await ask(protocol, 'plain', (await world.newKey()).key, [bad], PATIENT_MS)
  return { seen, target: (await world.targets()).find(({ netuid, uid }) => netuid === NETUID[protocol] && uid === bad) }
}

async function run(
  protocol: Protocol,
  mode: Mode,
  { fault, isSilent = false, warm = false }: Case,
  axon: Axon,
  bad: number,
): Promise<Outcome> {
  const { key, customer } = await world.newKey({ monthlyCredits: 100, tokensPerMinute: 2_000_000_000 })
  // The kind of fault goes with the protocol.
  const set = axon.setFault.bind(axon) as (fault: Case['fault'] | undefined) => Promise<void>
  await set(fault)
  if (warm) await ask(protocol, mode, (await world.newKey()).key, [bad], PLENTY_MS)
  const together = await ask(protocol, mode, key, [bad, GOOD_UID], isSilent ? SILENT_MS : PLENTY_MS)
  const alone = await ask(protocol, mode, key, [bad], isSilent ? ALONE_MS : PLENTY_MS)
  await eventually('nothing is set aside any more', async () => (await creditsOf(customer)).held === 0, 5_000)
  await set(undefined)
  return { bad, together, alone, credits: await creditsOf(customer) }
}

async function ask(
  protocol: Protocol,
  mode: Mode,
  key: string,
  uids: number[],
  timeoutMs: number,
  strategy: Strategy = 'stake',
): Promise<Seen> {
  const startedAt = performance.now()
  const nothing = doesNothing(timeoutMs)
  const response = await world.post(
    '/v1/chat/completions',
    {
      ...{ model: modelOf(protocol), messages: [{ role: 'user', content: 'What is it?' }], stream: mode === 'stream' },
      // In the order of their stake: whoever is bad is asked first.
      ...{ uids, strategy, timeout: timeoutMs / 1_000 },
    },
    key,
    AbortSignal.timeout(20_000),
  )
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const copy = response.clone()
  const [body, frames] = await Promise.all([response.text(), isStream ? framesOf(copy) : copy.text().then(() => [])])
  const ms = performance.now() - startedAt
  const lateMs = ms - (await nothing.over())
  const { headers, status } = response
  return { status, ms, lateMs, uid: headers.get('x-taogate-uid'), returnCode: headers.get('x-taogate-return-code'), body, frames }
}

/** Waits for so long, and then asks for something that costs nothing: what it takes more than a request that was given so long is to take, the machine takes. */
function doesNothing(waitMs: number): { over(): Promise<number> } {
  const startedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  const done = new Promise<number>((resolve, reject) => {
    const ask = async (): Promise<number> => {
      timer = undefined
      await (await fetch(`${world.url}/healthz`)).text()
      return performance.now() - startedAt
    }
    timer = setTimeout(() => void ask().then(resolve, reject), waitMs)
  })
  return {
    over() {
      if (timer === undefined) return done
      // Nobody has to wait for the deadline of a request that was over before.
      clearTimeout(timer)
      return Promise.resolve(waitMs)
    },
  }
}

async function creditsOf(customer: string): Promise<{ used: number; held: number }> {
  const { rows } = await db.pool.query<{ used: number; held: number }>(
    'SELECT coalesce(sum(used), 0)::int AS used, coalesce(sum(held), 0)::int AS held FROM prompt_credits WHERE customer = $1',
    [customer],
  )
  return rows[0] ?? { used: 0, held: 0 }
}

function limiter(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = []
  let running = 0
  return async (run) => {
    if (running >= most) await new Promise<void>((resolve) => line.push(resolve))
    running++
    try {
      return await run()
    } finally {
      running--
      line.shift()?.()
    }
  }
}

async function outcomeOf(protocol: Protocol, mode: Mode, name: string): Promise<Outcome> {
  const outcome = await outcomes.get(`${protocol} ${mode} ${name}`)
  if (outcome === undefined) throw new Error(`${name} was not run`)
  return outcome
}

function expectAnswer(mode: Mode, { status, frames, body, uid, returnCode, lateMs }: Seen): void {
  expect({ status, uid, returnCode }).toEqual({ status: 200, uid: String(GOOD_UID), returnCode: '1' })
  if (mode === 'stream') {
    expect(textOf(frames)).toBe(ANSWER)
    expect(frames.at(-1)).toBe('[DONE]')
  } else expect(JSON.parse(body)).toMatchObject({ choices: [{ message: { content: ANSWER }, finish_reason: 'stop' }] })
  expect(lateMs).toBeLessThan(SLACK_MS)
}

/** A stream that began, and ended with an error in its last frame and no sign of a good end. */
function expectBroken({ status, uid, frames, lateMs }: Seen, bad: number): void {
  expect({ status, uid }).toEqual({ status: 200, uid: String(bad) })
  expect(frames.length).toBeGreaterThan(1)
  expect(JSON.parse(frames.at(-1) ?? '')).toEqual({
    error: { message: expect.any(String), type: 'server_error', param: null, code: expect.stringMatching(/^upstream_/) },
  })
  expect(frames).not.toContain('[DONE]')
  expect(frames.join('')).not.toContain('"finish_reason":"stop"')
  expect(lateMs).toBeLessThan(SLACK_MS)
}

describe.each(PROTOCOLS)('%s', (protocol) => {
  describe.each(CASES[protocol](ANY_PORT).map(({ name, ...rest }) => [name, rest] as const))(
    'a target that %s',
    (name, { code, breaksOff, isSilent }) => {
      test.each(MODES)('%s', async (mode) => {
        const { bad, together, alone, credits } = await outcomeOf(protocol, mode, name)
        const isBroken = mode === 'stream' && breaksOff === true
        if (isBroken) {
          expectBroken(together, bad)
          expectBroken(alone, bad)
        } else {
          expectAnswer(mode, together)
          const isLate = code === 'TIMEOUT'
          expect({ status: alone.status, uid: alone.uid, returnCode: alone.returnCode }).toEqual({
            ...{ status: isLate ? 504 : 502, uid: String(bad), returnCode: String(RETURN_CODES[code]) },
          })
          expect(JSON.parse(alone.body)).toEqual({
            error: {
              message: expect.stringMatching(/\S/),
              type: 'server_error',
              param: null,
              code: isLate ? 'upstream_timeout' : 'upstream_down',
            },
          })
          // What the target wrote is for the operator.
          expect(alone.body).not.toContain('secret of the axon')
          expect(alone.lateMs).toBeLessThan(SLACK_MS)
          if (isSilent !== true) expect(alone.ms).toBeLessThan(PLENTY_MS / 3)
        }
        // Once for the answer; never for a failure.
        expect(credits).toEqual({ used: isBroken ? 0 : 1, held: 0 })
      })
    },
  )
})

test('what targets did is to be seen', async () => {
  const byPlace = new Map((await world.targets()).map((target) => [`${target.netuid}/${target.uid}`, target]))
  for (const protocol of PROTOCOLS) {
    for (const { name, code, breaksOff, isSilent } of CASES[protocol](ANY_PORT)) {
      for (const mode of MODES) {
        const { bad } = await outcomeOf(protocol, mode, name)
        const target = byPlace.get(`${NETUID[protocol]}/${bad}`)
        const what = `${protocol} ${mode} ${name}`
        expect(target, what).toMatchObject({ in_flight: 0, refusal: null })
        // Who was given little time is not held to it: what it would have done is unknown.
        if (isSilent === true) continue
        const isBroken = mode === 'stream' && breaksOff === true
        if (!isBroken) expect(target?.last_return_code, what).toBe(code)
        // The prior is 0.75: a failure is below it.
        if (code !== 'TIMEOUT' && !isBroken) expect(target?.success_rate, what).toBeLessThan(0.75)
      }
    }
    expect(byPlace.get(`${NETUID[protocol]}/${GOOD_UID}`)).toMatchObject({ circuit: 'closed', last_return_code: 'SUCCESS', in_flight: 0 })
  }
})

test('a target that had its time and hangs is blamed', async () => {
  for (const { seen, target } of await blamed) {
    expect(seen).toMatchObject({ status: 504, returnCode: '2' })
    expect(seen.lateMs).toBeLessThan(SLACK_MS)
    expect(target).toMatchObject({ last_return_code: 'TIMEOUT', success_rate: expect.closeTo(0.6, 1), in_flight: 0 })
  }
})

test('one good target among bad ones is enough, whatever the strategy', async () => {
  const faults = { 'is dead': 'refuse', hangs: 'hang', 'sends garbage': 'garbage' } as const
  const asked = PROTOCOLS.map(async (protocol) => {
    const uids = [GOOD_UID]
    for (const [name, kind] of Object.entries(faults)) {
      const { bad } = await outcomeOf(protocol, 'stream', name)
      await axons[bad - 1]?.setFault({ kind })
      uids.push(bad)
    }
    const { key, customer } = await world.newKey({ monthlyCredits: 100 })
    const ways = STRATEGIES.flatMap((strategy) => MODES.map((mode) => ({ strategy, mode })))
    for (const { mode, seen } of await Promise.all(
      ways.map(async ({ strategy, mode }) => ({ mode, seen: await ask(protocol, mode, key, uids, SILENT_MS, strategy) })),
    ))
      expectAnswer(mode, seen)
    await eventually('nothing is set aside any more', async () => (await creditsOf(customer)).held === 0, 5_000)
    expect(await creditsOf(customer)).toEqual({ used: ways.length, held: 0 })
  })
  await Promise.all(asked)
})

test('redirects are never followed, and nobody but axons is dialled', () => {
  expect(trapped).toBe(0)
  const own = [`127.0.0.1:${world.port}`, `127.0.0.1:${world.grpcPort}`]
  const others = dials.connections().filter((to) => !to.startsWith(`${AXON_HOST}:`) && !own.includes(to) && !isDatabase(to))
  expect(others).toEqual([])
  expect(dials.lookups().filter((name) => name !== '127.0.0.1' && name !== 'localhost')).toEqual([])
  expect(dials.connections().some((to) => to.startsWith(AXON_HOST))).toBe(true)
})

function isDatabase(to: string): boolean {
  return to.endsWith(`:${new URL(db.url).port}`)
}
