/** The prompt service as the program wires it, in front of mock axons: real keys, credits and usage in PostgreSQL, real HTTP and gRPC. */
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { NO_LIMITS, type ApiKeyLimits } from '../../../src/core/api-keys.js'
import { loadConfig } from '../../../src/core/config/index.js'
import { startGrpcServer, type GrpcLimits } from '../../../src/core/grpc/index.js'
import { createAccess, createHttpServer } from '../../../src/core/http/index.js'
import type { HttpTimeouts } from '../../../src/core/http/server.js'
import { createLocalLimits } from '../../../src/core/local-limits.js'
import { silentLog, type Logger } from '../../../src/core/log.js'
import { createMetrics, type Metrics } from '../../../src/core/metrics.js'
import type { PromptNeuron, PromptUsageRow } from '../../../src/core/prompting.js'
import { parseIp } from '../../../src/core/units/ip.js'
import { keyPairFromSeed, type KeyPair } from '../../../src/core/wallet/keys.js'
import { startGrpcMockAxon, type GrpcMockAxon } from '../../../src/prompt-proxy/mock-axon/grpc/axon.js'
import { startHttpMockAxon, type HttpMockAxon } from '../../../src/prompt-proxy/mock-axon/http/axon.js'
import type { PromptMessage } from '../../../src/prompt-proxy/dendrite/types.js'
import { startPrompts, type PromptServiceOptions } from '../../../src/prompt-proxy/service.js'
import { createApiKeyStore, createCreditLedger, createPromptUsageLog, readUsedCredits } from '../../../src/store/index.js'
import type { TestDatabase } from '../../support/database.js'

export const PROTOCOLS = ['grpc', 'http', 'epistula'] as const
export type Protocol = (typeof PROTOCOLS)[number]
/** Each protocol has a subnet of its own. */
export const NETUID: Readonly<Record<Protocol, number>> = { grpc: 1, http: 2, epistula: 3 }
export const modelOf = (protocol: Protocol): string => `bittensor/sn${NETUID[protocol]}`
export const GATEWAY_SEED = new Uint8Array(32).fill(0x61)
/** Not the address that tests and their clients use. */
export const AXON_HOST = '127.0.0.7'
const VERSION: Readonly<Record<Protocol, number>> = { grpc: 520, http: 10_002_000, epistula: 10_002_000 }
const TAO = 1_000_000_000n

/** What an axon is asked, whatever its protocol. */
export interface Question {
  messages: readonly PromptMessage[]
  signal: AbortSignal
}
export type Answer = (question: Question) => AsyncIterable<string>

export type Axon<P extends Protocol = Protocol> = (P extends 'grpc' ? GrpcMockAxon : HttpMockAxon) & { pair: KeyPair }

let axons = 0

/** A mock axon with a hotkey of its own. */
export async function startAxon<P extends Protocol>(protocol: P, answer: Answer, host = AXON_HOST): Promise<Axon<P>> {
  const seed = Buffer.alloc(32, 0x70)
  seed.writeUInt32LE(++axons)
  const pair = await keyPairFromSeed(seed)
  const common = { pair, host, port: 0 }
  const axon =
    protocol === 'grpc'
      ? await startGrpcMockAxon({ ...common, version: VERSION.grpc, answer: (question) => joined(answer(question)) })
      : await startHttpMockAxon({ ...common, version: '10.2.0', answer })
  return Object.assign(axon, { pair }) as unknown as Axon<P>
}

/** A neuron that serves at an axon's address, or where `over` says. */
export function neuronOf(
  protocol: Protocol,
  uid: number,
  axon: Pick<Axon, 'port' | 'pair'>,
  over: Partial<PromptNeuron> = {},
): PromptNeuron {
  return {
    ...{ netuid: NETUID[protocol], uid, hotkey: axon.pair.address, ...parseIp(AXON_HOST), port: axon.port, version: VERSION[protocol] },
    ...{ stake: 5_000n * TAO, validatorPermit: true, active: true, lastUpdate: 1n, incentive: 0, validatorTrust: 0 },
    ...over,
  }
}

export async function* textAnswer(): AsyncGenerator<string> {
  for (const piece of ['The ', 'answer ', 'is 42.']) yield piece
}

export interface WorldOptions {
  db: TestDatabase
  neurons: readonly PromptNeuron[]
  /** Settings by path. */
  config?: Record<string, string>
  timeouts?: Partial<HttpTimeouts>
  grpcLimits?: Partial<GrpcLimits>
  wrongKeysPerMinute?: number
  standing?: PromptServiceOptions['reads']['standing']
  log?: Logger
}

export interface World extends AsyncDisposable {
  url: string
  port: number
  grpcPort: number
  gateway: KeyPair
  /** With which proofs of hotkeys are made. */
  secret: Buffer
  metrics: Metrics
  /** Requests that are over, newest last. */
  used: PromptUsageRow[]
  newKey(limits?: Partial<ApiKeyLimits>): Promise<{ key: string; customer: string }>
  /** Credits that a customer was charged this month. */
  charged(customer: string): Promise<number>
  post(path: string, body: unknown, key: string, signal?: AbortSignal): Promise<Response>
  targets(): Promise<TargetView[]>
  /** As a stop of the program does: faces first. */
  close(): Promise<void>
}

export interface TargetView {
  netuid: number
  uid: number
  address: string
  refusal: string | null
  circuit: string
  success_rate: number | null
  in_flight: number
  last_return_code: string | null
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const { db, neurons, log = silentLog } = options
  const { pool } = db
  const flags = {
    ...{ 'prompt.netuids': Object.values(NETUID).join(','), 'prompt.protocols': `${NETUID.epistula}=epistula` },
    ...{ 'prompt.minStake': '0', 'prompt.allowPrivate': 'true', 'prompt.probeSeconds': '86400', 'prompt.grpcCallers': 'any' },
    ...options.config,
  }
  const config = loadConfig({ env: {}, cwd: tmpdir(), flags })
  const metrics = createMetrics()
  const limits = createLocalLimits()
  const keys = createApiKeyStore({ pool })
  const gateway = await keyPairFromSeed(GATEWAY_SEED)
  const secret = randomBytes(32)
  const requestsPerMinute = 1_000_000
  const { wrongKeysPerMinute } = options
  const access = createAccess({ keys, limits, open: false, requestsPerMinute, ...(wrongKeysPerMinute && { wrongKeysPerMinute }) })
  const usageLog = createPromptUsageLog({ pool, log, metrics, keepDays: config.prompt.usageDays })
  const credits = createCreditLedger({ pool, log })
  const used: PromptUsageRow[] = []
  const usage = {
    add(row: PromptUsageRow): void {
      used.push(row)
      usageLog.add(row)
    },
  }
  const service = await startPrompts({
    ...{ config: config.prompt, pair: gateway, access, limits, usage, credits, metrics, log },
    reads: { neurons: async () => [...neurons], standing: options.standing ?? (async () => ({ isRegistered: true, stake: 0n })) },
    ...{ secret, open: false, isShared: false, requestsPerMinute },
  })
  const http = await createHttpServer({
    ...{ name: 'prompt proxy', host: '127.0.0.1', port: 0, maxBodyBytes: config.api.maxBodyBytes, log, metrics },
    ...{ ready: () => service.ready(), ...(options.timeouts && { timeouts: options.timeouts }) },
  })
  for (const plugin of service.plugins) await http.mount(plugin)
  const { url, port } = await http.listen()
  const grpc = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, services: service.grpc === null ? [] : [service.grpc], log },
    limits: { maxReceiveBytes: config.prompt.maxBodyBytes, ...options.grpcLimits },
  })
  const operator = await keys.create({ name: 'operator', scopes: ['prompt'], limits: NO_LIMITS, expiresAt: null })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await Promise.all([http.close(), grpc.close()])
    await service.close()
    await Promise.all([credits.close(), usageLog.close()])
  }

  return {
    ...{ url, port, grpcPort: grpc.port, gateway, secret, metrics, used },
    async newKey(wanted = {}) {
      const { record, key } = await keys.create({
        ...{ name: 'test', scopes: ['prompt'], limits: { ...NO_LIMITS, ...wanted }, expiresAt: null },
      })
      return { key, customer: record.id }
    },
    charged: async (customer) => (await readUsedCredits(pool)).get(customer) ?? 0,
    post: (path, body, key, signal) =>
      fetch(`${url}${path}`, {
        ...{ method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...(signal && { signal }) },
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      }),
    async targets() {
      const response = await fetch(`${url}/v1/targets`, { headers: { 'x-api-key': operator.key } })
      return ((await response.json()) as { data: TargetView[] }).data
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  }
}

/** The frames of an event stream. Throws when it breaks off without its end. */
export async function framesOf(response: Response): Promise<string[]> {
  const text = await response.text()
  return text.split('\n\n').flatMap((part) => (part.startsWith('data: ') ? [part.slice(6)] : []))
}

/** The texts of a stream's frames put together. */
export function textOf(frames: readonly string[]): string {
  const deltas = frames
    .filter((frame) => frame.startsWith('{'))
    .map((frame) => JSON.parse(frame) as { choices?: { delta?: { content?: string } }[] })
  return deltas.map(({ choices }) => choices?.[0]?.delta?.content ?? '').join('')
}

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}
