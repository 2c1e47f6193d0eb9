import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryPrompt, targetAt } from '../../../test/support/memory-prompt.js'
import { signedByHand } from '../../../test/support/v5-client.js'
import { eventually } from '../../../test/support/waiting.js'
import { NO_LIMITS } from '../../core/api-keys.js'
import { startGrpcServer, type GrpcServer } from '../../core/grpc/index.js'
import { silentLog } from '../../core/log.js'
import { promptGrpc } from './front.js'

const CLIENT = fileURLToPath(new URL('../../../test/support/v5_grpcio_client.py', import.meta.url))
const SEED = new Uint8Array(32).fill(0x11)
const GATEWAY = '5Fpfx4iDtrrY99VGkQnLXASytC2y9Z3o8KUyTtD4w7o5SZcA'
const CALLER = '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi'
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a'
const MESSAGES = ['{"role": "user", "content": "n\\u00e9 \\ud83d\\ude00"}']

/** The first on the path may be one without the packages that the system's has. */
const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import grpc, google.protobuf']).status === 0)
if (python === undefined)
  console.warn('no Python with grpcio and protobuf (python3-grpcio, python3-protobuf): its client was not tried against the gRPC service')

interface PythonCall {
  release: number
  method: string
  fields: Record<string, unknown>
  metadata: [string, string][]
  timeout: number
}

/** What the client made of each call. */
async function callAll(port: number, calls: readonly PythonCall[]): Promise<unknown> {
  const printed = await new Promise<string>((resolve, reject) => {
    const child = execFile(python ?? '', [CLIENT], { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(stderr, { cause: error }))
    })
    child.stdin?.end(JSON.stringify({ port, calls }))
  })
  return JSON.parse(printed)
}

describe.skipIf(python === undefined)('grpcio', () => {
  let server: GrpcServer
  const engine = memoryPrompt()

  beforeAll(async () => {
    const service = promptGrpc({
      ...{ engine, hotkey: GATEWAY, model: 'bittensor/sn1', log: silentLog, usage: { add: () => undefined } },
      callers: { admit: async (hotkey) => ({ customer: hotkey, limits: NO_LIMITS }) },
      limits: { timeoutMs: 10_000, maxTimeoutMs: 60_000, maxTargets: 2 },
    })
    server = await startGrpcServer({ host: '127.0.0.1', port: 0, services: [service], log: silentLog })
  })
  afterAll(() => server.close())

  test('clients of 5.0 to 5.2 and of 5.3 are answered, and refused, as by an axon', async () => {
    const fields = { messages: MESSAGES, timeout: 5 }
    const call = (nonce: bigint, release: number, method = 'Forward', over: Partial<PythonCall> = {}): PythonCall => ({
      ...{ release, method, timeout: 5, fields: { version: release, ...fields, ...(release < 530 ? { hotkey: CALLER } : {}) } },
      metadata: [['rpc-auth-header', 'Bittensor'], ...signedByHand(SEED, GATEWAY, nonce, UUID, release)],
      ...over,
    })
    const { hotkey, uid } = targetAt(0)
    const headers = expect.objectContaining({ 'x-taogate-uid': String(uid), 'x-taogate-hotkey': hotkey })
    const good = { version: 0, return_code: 1, return_message: 'Success' }
    const unknown = 0
    const text = 'echo: né 😀'
    const calls = [
      call(1n, 500),
      call(2n, 520, 'MultiForward'),
      call(3n, 520, 'Backward', { fields: { version: 520, hotkey: CALLER, rewards: [0.25, -1.5], response: '4', ...fields } }),
      call(4n, 534),
      call(5n, 534, 'Forward', { fields: { version: 534, messages: ['no JSON'] } }),
      call(4n, 534),
      call(6n, 534, 'Forward', { metadata: [['bittensor-version', '534']] }),
      call(7n, 369),
      call(8n, 520, 'Forward', { metadata: signedByHand(SEED, CALLER, 8n, UUID) }),
    ]
    expect(await callAll(server.port, calls)).toEqual([
      { response: { ...good, hotkey: '', response: text }, unknown, headers },
      {
        response: { ...good, hotkey: '', multi_completions: [`0: ${text}`, `1: ${text}`] },
        unknown,
        headers: expect.objectContaining({ 'x-taogate-uid': '7,3' }),
      },
      { response: { ...good, hotkey: '' }, unknown, headers: expect.objectContaining({ 'x-request-id': expect.stringMatching(/./) }) },
      { response: { ...good, response: text }, unknown, headers },
      {
        response: { version: 0, response: '', return_code: 9, return_message: expect.stringMatching(/^messages\[0\]/) },
        unknown,
        headers: expect.anything(),
      },
      { code: 16, details: 'Nonce is too small' },
      { code: 16, details: 'Request signature missing' },
      { code: 16, details: 'Incorrect Version' },
      { code: 16, details: 'Signature mismatch' },
    ])
    expect(engine.asked[0]).toMatchObject({ caller: { hotkey: CALLER }, request: { messages: [{ role: 'user', content: 'né 😀' }] } })
  })

  test('a deadline of the client ends the call', async () => {
    engine.plan({ hangs: true })
    const metadata = signedByHand(SEED, GATEWAY, 100n, UUID)
    const call = { release: 534, method: 'Forward', fields: { version: 534, messages: MESSAGES, timeout: 5 }, metadata, timeout: 0.3 }
    expect(await callAll(server.port, [call])).toMatchObject([{ code: 4 }])
    await eventually('nobody is asked any more', () => engine.running() === 0)
  })
})
