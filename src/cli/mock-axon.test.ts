import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLifecycle, type Lifecycle } from '../core/lifecycle.js'
import { silentLog } from '../core/log.js'
import { keyPairFromSeed } from '../core/wallet/keys.js'
import { createGrpcDendrite } from '../prompt-proxy/dendrite/grpc/dendrite.js'
import { createHttpDendrite } from '../prompt-proxy/dendrite/http/dendrite.js'
import { parseGrpcFault, parseHttpFault } from './mock-axon-faults.js'
import { mockAxon } from './mock-axon.js'

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const LINE =
  /^(5\w{47}) (grpc|http) (\S+) at 127\.0\.0\.2:(\d+); serve_axon version=(\d+) ip=2130706434 port=(\d+) ip_type=4 protocol=4 placeholder1=0 placeholder2=0$/

let folder: string
let life: Lifecycle
let running: Promise<void> | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taogate-mock-axon-'))
  life = createLifecycle({ log: silentLog })
  running = undefined
})
afterEach(async () => {
  await life.stop('done')
  await running
  await rm(folder, { recursive: true })
})

/** Until its line is printed. */
async function started(options: Record<string, unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    running = mockAxon({ log: silentLog, life, print: resolve }, options)
    running.catch(reject)
  })
}

async function ask(line: string, content: string): Promise<string> {
  const [, hotkey = '', protocol, , port, version] = LINE.exec(line) ?? []
  const options = { pair: await keyPairFromSeed(new Uint8Array(32).fill(9)), allowPrivate: true }
  const dendrite = protocol === 'grpc' ? createGrpcDendrite(options) : createHttpDendrite(options)
  const target = { netuid: 1, uid: 0, hotkey, ip: '127.0.0.2', port: Number(port), version: Number(version) }
  const signal = new AbortController().signal
  const call = { messages: [{ role: 'user', content }], stream: false, timeoutMs: 5_000, maxBytes: 10_000, signal }
  try {
    let text = ''
    for await (const piece of dendrite.prompt(target, call)) text += piece
    return text
  } finally {
    await dendrite.close()
  }
}

test.each([
  [{}, 'http', '10.2.0', '10002000'],
  [{ protocol: 'grpc' }, 'grpc', '5.3.4', '534'],
  [{ sdk: '5.2.0' }, 'grpc', '5.2.0', '520'],
  [{ protocol: 'http', sdk: '6.9.4' }, 'http', '6.9.4', '694'],
])('%j: one line says what there is, which is so', async (options, protocol, release, version) => {
  const line = await started({ ...options, delayMs: '0' })
  expect(LINE.exec(line)?.slice(2)).toEqual([protocol, release, expect.anything(), version, LINE.exec(line)?.[4]])
  expect(await ask(line, 'reverse abc')).toBe(`[${line.slice(0, 48)}, SDK ${release}, a stand-in without a model] cba`)
})

test('the hotkey comes from a file, and the answer from the command line', async () => {
  const hotkeyFile = join(folder, 'hotkey')
  await writeFile(hotkeyFile, '//Alice', { mode: 0o600 })
  const line = await started({ hotkeyFile, answer: 'four', delayMs: '0' })
  expect(line).toContain(ALICE)
  expect(await ask(line, '2 + 2?')).toBe('four')
})

test('a fault holds from the beginning, and only listed callers are answered', async () => {
  const faulty = await started({ protocol: 'grpc', fault: 'code:25:no' })
  await expect(ask(faulty, 'x')).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
  const failing = await started({ fault: 'status:503:down' })
  await expect(ask(failing, 'x')).rejects.toMatchObject({ returnCode: 'UNAVAILABLE' })
  const closed = await started({ allow: ALICE })
  await expect(ask(closed, 'x')).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
})

test('it runs until it is stopped, and then nothing answers', async () => {
  const line = await started({ delayMs: '0' })
  await life.stop('done')
  await running
  await expect(ask(line, 'x')).rejects.toMatchObject({ returnCode: 'UNAVAILABLE' })
})

test.each([
  [{ protocol: 'epistula' }, /--protocol epistula; wanted grpc, or http, which serves Epistula too/],
  [{ protocol: 'grpc', sdk: '6.9.4' }, /--sdk 6\.9\.4 speaks http, not grpc; wanted 5\.0\.0/],
  [{ sdk: '5.4.0' }, /--sdk 5\.4\.0; wanted 5\.0\.0 to 5\.3\.x/],
  [{ host: 'localhost' }, /--host localhost; wanted an IP address/],
  [{ port: '65536' }, /--port 65536; wanted a whole number from 0 to 65535/],
  [{ host: '203.0.113.5' }, /--host 203\.0\.113\.5 is no address of this machine/],
  [{ delayMs: '1.5' }, /--delay-ms 1\.5; wanted a whole number/],
  [{ allow: `${ALICE},x` }, /--allow x; wanted ss58 addresses/],
  [{ fault: 'explode' }, /--fault explode is no fault of http axons; wanted delay:MS, hang, die:PIECES,.*status:STATUS\[:MESSAGE\]$/],
  [{ protocol: 'grpc', fault: 'forge' }, /--fault forge is no fault of grpc axons; wanted delay:MS, hang, die, .*code:CODE\[:MESSAGE\]$/],
])('%j is refused with what is wanted, before anything starts', async (options, message) => {
  const print = (): never => expect.unreachable()
  await expect(mockAxon({ log: silentLog, life, print }, options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message),
  })
})

describe('faults as text', () => {
  test.each([
    ['delay:500', { kind: 'delay', ms: 500 }],
    ['hang', { kind: 'hang' }],
    ['die', { kind: 'die' }],
    ['drop', { kind: 'drop' }],
    ['refuse', { kind: 'refuse' }],
    ['wrong-hotkey', { kind: 'wrong-hotkey' }],
    ['garbage', { kind: 'garbage' }],
    ['empty', { kind: 'empty' }],
    ['huge:1000000', { kind: 'huge', bytes: 1_000_000 }],
    ['code:18', { kind: 'code', code: 18, message: '' }],
    ['code:18:full: come back later', { kind: 'code', code: 18, message: 'full: come back later' }],
  ])('gRPC: %s', (text, fault) => expect(parseGrpcFault(text)).toEqual(fault))

  test.each([
    ['delay:0', { kind: 'delay', ms: 0 }],
    ['hang', { kind: 'hang' }],
    ['die:2', { kind: 'die', afterPieces: 2 }],
    ['drop', { kind: 'drop' }],
    ['refuse', { kind: 'refuse' }],
    ['forge', { kind: 'forge' }],
    ['replay', { kind: 'replay' }],
    ['wrong-hotkey', { kind: 'wrong-hotkey' }],
    ['wrong-name', { kind: 'wrong-name' }],
    ['garbage', { kind: 'garbage' }],
    ['empty', { kind: 'empty' }],
    ['huge:1', { kind: 'huge', bytes: 1 }],
    ['huge-header:70000', { kind: 'huge-header', bytes: 70_000 }],
    ['redirect:http://127.0.0.1:1/x', { kind: 'redirect', to: 'http://127.0.0.1:1/x' }],
    ['drip:20', { kind: 'drip', ms: 20 }],
    ['status:502:Bad Gateway', { kind: 'status', status: 502, message: 'Bad Gateway' }],
  ])('HTTP: %s', (text, fault) => expect(parseHttpFault(text)).toEqual(fault))

  test.each(['', 'delay', 'delay:', 'delay:-1', 'delay:1s', 'hang:1', 'huge:999999999999', 'code:x', 'constructor', 'toString'])(
    'gRPC: "%s" is none',
    (text) => expect(() => parseGrpcFault(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' })),
  )
  test.each(['die', 'redirect:nowhere', 'redirect:file:///x', 'status:99', 'status:600', 'status:', 'forge:1'])(
    'HTTP: "%s" is none',
    (text) => expect(() => parseHttpFault(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' })),
  )
})
