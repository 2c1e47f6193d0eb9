/** Every request of the vectors: made by the dendrite, and taken or refused by the mock axon as the releases do. */
import { readFileSync } from 'node:fs'
import { verify as scureVerify } from '@scure/sr25519'
import { request } from 'undici'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/units/bytes.js'
import { decodeSs58 } from '../../../core/units/ss58.js'
import { keyPairFromSeed, type KeyPair } from '../../../core/wallet/keys.js'
import { startHttpMockAxon, type HttpMockAxon, type HttpMockAxonOptions } from '../../mock-axon/http/axon.js'
import { releaseOf } from '../../mock-axon/http/release.js'
import { nonceRefusal } from '../../mock-axon/http/verifying.js'
import { buildRequest } from './request.js'
import { PING, promptFields, STREAM_PROMPTING, type SynapseSpec } from './synapse.js'

interface Valid {
  name: string
  path: string
  dendrite_seed: string
  axon_seed: string
  hash_fields: string[]
  body_hash: string
  signed_message: string
  signature: string
  headers: [string, string][]
  body_json: string
}
interface Expectation {
  http?: number
  bt_header_axon_status_code?: string
  message?: string
  message_prefix?: string
  body?: string
}
interface Rejected {
  name: string
  from?: string
  path?: string
  replace_headers?: Record<string, string | null>
  replace_body?: Record<string, unknown>
  body_json?: string
  prior_nonce?: number
  parsed_body_hash?: string
  expect: Record<string, Expectation | string>
}
interface Vectors {
  valid: Valid[]
  rejected: Rejected[]
  axon_response_signature: { signed_message: string; signature: string; must_fail: { why: string; message: string }[] }
  nonce_rules: { cases: Record<string, unknown>[] }
  stream: { reference_body: string; subnet1_completion_later_repo: string }
}
const vectors = JSON.parse(readFileSync(new URL('../../../../test/fixtures/http_axon.json', import.meta.url), 'utf8')) as Vectors

let dendritePair: KeyPair
let axonPair: KeyPair
beforeAll(async () => {
  dendritePair = await keyPairFromSeed(fromHex(vectors.valid[0]?.dendrite_seed as string))
  axonPair = await keyPairFromSeed(fromHex(vectors.valid[0]?.axon_seed as string))
})

const open: HttpMockAxon[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((axon) => axon.close()))
})

async function axonOf(version: string, more: Partial<HttpMockAxonOptions> = {}): Promise<HttpMockAxon> {
  const answer = (): string => 'Four.'
  const axon = await startHttpMockAxon({ pair: axonPair, host: '127.0.0.1', port: 0, version, answer, ...more })
  open.push(axon)
  return axon
}

/** The nonce of the request as the time of the axon, for releases that look at its age. */
function clockAt(nonce: string): () => number {
  return () => Number(BigInt(nonce) / 1_000_000n)
}

interface Got {
  http: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

async function post(axon: HttpMockAxon, path: string, headers: Record<string, string>, body: string): Promise<Got> {
  const url = `http://127.0.0.1:${axon.port}${path}`
  const answer = await request(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body })
  return { http: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
}

function verified(message: string, signature: string, address: string): boolean {
  return scureVerify(Buffer.from(message), fromHex(signature), fromHex(decodeSs58(address)))
}

describe.each(vectors.valid)('$name', (vector) => {
  const headers = Object.fromEntries(vector.headers)
  const version = /^v([\d.]+)/.exec(vector.name)?.[1] as string

  function ours(): ReturnType<typeof buildRequest> {
    const body = JSON.parse(vector.body_json) as { roles?: string[]; messages?: string[] }
    const messages = (body.messages ?? []).map((content, at) => ({ role: body.roles?.[at] as string, content }))
    const isPing = vector.path === '/Synapse'
    const carries = vector.body_json.includes('"required_hash_fields"')
    const spec: SynapseSpec = { name: 'Prompting', streams: false, hashFields: vector.hash_fields, hashFieldsInBody: carries }
    return buildRequest({
      signer: dendritePair,
      target: {
        netuid: 1,
        uid: 0,
        hotkey: headers['bt_header_axon_hotkey'] as string,
        ip: headers['bt_header_axon_ip'] as string,
        port: Number(headers['bt_header_axon_port']),
        version: releaseOf(version).integer,
      },
      spec: isPing ? PING : spec,
      fields: isPing ? [] : promptFields(messages),
      nonce: BigInt(headers['bt_header_dendrite_nonce'] as string),
      uuid: headers['bt_header_dendrite_uuid'] as string,
      version: Number(headers['bt_header_dendrite_version']),
      ownIp: headers['bt_header_dendrite_ip'] as string,
      timeoutMs: Number(headers['timeout']) * 1000,
    })
  }

  test('our request has the same path, headers and body, but for the signature', () => {
    const made = ours()
    const pairs = made.headers.flatMap((value, at) => (at % 2 === 0 ? [[value, made.headers[at + 1] as string]] : []))
    const signature = new Map(pairs as [string, string][]).get('bt_header_dendrite_signature') as string
    const same = (text: string): string => text.replaceAll(signature, vector.signature)
    expect(made.path).toBe(vector.path)
    expect(pairs.map(([name, value]) => [name, same(value as string)])).toEqual(vector.headers)
    expect(same(made.body)).toBe(vector.body_json)
    expect(made.signedMessage).toBe(vector.signed_message)
    expect(signature).toMatch(/^0x[0-9a-f]{128}$/)
    expect(verified(vector.signed_message, signature, dendritePair.address)).toBe(true)
    expect(verified(vector.signed_message, vector.signature, dendritePair.address)).toBe(true)
    expect(verified(`${vector.signed_message}0`, signature, dendritePair.address)).toBe(false)
  })

  test('a mock axon of the release takes it', async () => {
    const now = clockAt(headers['bt_header_dendrite_nonce'] as string)
    const synapses = [{ name: 'Prompting', streams: false, hashFields: vector.hash_fields, hashFieldsInBody: false }]
    const axon = await axonOf(version, { now, synapses })
    const got = await post(axon, vector.path, headers, vector.body_json)
    expect(got).toMatchObject({ http: 200, headers: { bt_header_axon_status_code: '200', bt_header_axon_hotkey: axonPair.address } })
    if (vector.path !== '/Synapse') expect(JSON.parse(got.text)).toMatchObject({ completion: 'Four.' })
  })
})

/** The releases that are tried for a column of the vectors such as `v6.5-7.1`. */
const RELEASES = [
  '6.0.0',
  '6.1.0',
  '6.4.4',
  '6.5.0',
  '6.9.4',
  '6.10.0',
  '6.10.1',
  '7.1.2',
  '7.2.0',
  '7.3.1',
  '7.4.0',
  '8.5.0',
  '9.2.0',
  '9.12.2',
  '10.2.0',
]

function isIn(column: string, release: string): boolean {
  if (column === 'all') return true
  const [, low = '', high = low] = /^v([\d.]+)(?:-([\d.x]+))?$/.exec(column) ?? []
  const number = (text: string, fill: number): number => {
    const [major = 0, minor = fill, patch = fill] = text.split('.').map((part) => (part === 'x' ? 999 : Number(part)))
    return major * 1e6 + minor * 1e3 + patch
  }
  const at = number(release, 0)
  return at >= number(low, 0) && at <= number(high, 999)
}

const cases = vectors.rejected.flatMap((row) => {
  const { message, message_prefix: prefix, ...columns } = row.expect
  const common = { ...(typeof message === 'string' ? { message } : {}), ...(typeof prefix === 'string' ? { message_prefix: prefix } : {}) }
  return Object.entries(columns).flatMap(([column, expected]) =>
    // 6.10.0 has nonce rules of its own, which the rows of nonce_rules tell.
    RELEASES.filter((release) => isIn(column, release) && !(release === '6.10.0' && row.prior_nonce !== undefined)).map((release) => ({
      row,
      release,
      expected,
      common,
      title: row.name,
    })),
  )
})

describe('requests that are refused', () => {
  test('each row of the vectors is tried on a release at least', () => {
    expect(new Set(cases.map(({ title }) => title))).toEqual(new Set(vectors.rejected.map(({ name }) => name)))
  })

  test.each(cases)('$title, by $release', async ({ row, release, expected, common, title }) => {
    const newCaller = row.prior_nonce !== undefined && ['7.2.0', '7.3.1'].includes(release)
    // What an axon from 7.2 to 7.3 says of a nonce depends on whether its caller is as new.
    const from = newCaller ? 'v7.4.0 Prompting' : (row.from ?? 'v6.9.4 Prompting')
    const vector = vectors.valid.find(({ name }) => name === from) as Valid
    const headers: Record<string, string> = Object.fromEntries(vector.headers)
    const nonce = headers['bt_header_dendrite_nonce'] as string
    for (const [name, value] of Object.entries(row.replace_headers ?? {})) {
      if (value === null) delete headers[name]
      else headers[name] = value
    }
    const body = { ...(JSON.parse(vector.body_json) as Record<string, unknown>), ...row.replace_body }
    for (const [name, value] of Object.entries(row.replace_body ?? {})) if (value === null) delete body[name]
    const prior =
      row.prior_nonce === undefined ? [] : [[`${dendritePair.address}:${headers['bt_header_dendrite_uuid']}`, BigInt(nonce)] as const]
    const axon = await axonOf(release, {
      now: clockAt(nonce),
      nonces: new Map(prior),
      blacklist: () => (title === 'blacklisted' ? 'the reason' : false),
    })
    const sent = post(
      axon,
      row.path ?? vector.path,
      headers,
      row.body_json ?? (row.replace_body === undefined ? vector.body_json : JSON.stringify(body)),
    )
    if (typeof expected === 'string' && expected.startsWith('connection closed')) {
      await expect(sent).rejects.toThrow('other side closed')
      return
    }
    const got = await sent
    // Ours is stricter: it never takes an unsigned request.
    const wanted = typeof expected === 'string' ? { http: 401 } : { ...common, ...expected }
    expect(got.http).toBe(wanted.http)
    if (wanted.bt_header_axon_status_code !== undefined)
      expect(got.headers['bt_header_axon_status_code']).toBe(wanted.bt_header_axon_status_code)
    const said = got.headers['bt_header_axon_status_message'] as string
    if (wanted.message !== undefined) {
      const hash = headers['computed_body_hash'] as string
      const text = wanted.message
        .replace('{reason}', 'the reason')
        .replace('{H}', hash)
        .replace('{P}', row.parsed_body_hash ?? '')
      expect(said).toBe(text)
      if (releaseOf(release).failures !== 'header') expect(JSON.parse(got.text)).toEqual({ message: text })
    }
    if (wanted.message_prefix !== undefined) {
      expect(said.startsWith(wanted.message_prefix)).toBe(true)
      if (releaseOf(release).failures !== 'header') expect((JSON.parse(got.text) as { message: string }).message).toBe(said)
    }
    if (wanted.body === '{}') expect(got.text).toBe('{}')
    if (wanted.body?.startsWith('Internal') === true)
      expect(got).toMatchObject({
        text: 'Internal Server Error',
        headers: { 'content-type': expect.stringContaining('text/plain') as string },
      })
    if (wanted.body?.startsWith('{"detail"') === true) expect(JSON.parse(got.text)).toEqual({ detail: [expect.anything()] })
  })

  test('a tampered body has used up its nonce, a wrong signature has not', async () => {
    const vector = vectors.valid[0] as Valid
    const headers: Record<string, string> = Object.fromEntries(vector.headers)
    const axon = await axonOf('6.9.4')
    const forged = { ...headers, bt_header_dendrite_signature: `0x${'11'.repeat(64)}` }
    expect((await post(axon, vector.path, forged, vector.body_json)).http).toBe(401)
    expect((await post(axon, vector.path, headers, vector.body_json.replace('terse', 'evil'))).http).toBe(500)
    const again = await post(axon, vector.path, headers, vector.body_json)
    expect(JSON.parse(again.text)).toEqual({ message: 'Not Verified with error: Nonce is too small' })
  })

  test.each([
    ['6.4.4', 500, '408'],
    ['6.9.4', 503, '503'],
    ['8.5.0', 408, '408'],
  ])('%s, when no worker is free in time', async (release, http, status) => {
    const vector = vectors.valid[0] as Valid
    const headers = Object.fromEntries(vector.headers)
    const second = vectors.valid[1] as Valid
    const axon = await axonOf(release, { workers: 1, answer: () => new Promise(() => undefined) })
    const first = post(axon, vector.path, headers, vector.body_json).catch(() => undefined)
    await expect.poll(() => axon.inFlight).toBe(1)
    // The time of the second is not signed.
    const got = await post(axon, second.path, { ...Object.fromEntries(second.headers), timeout: '0.1' }, second.body_json)
    expect(got.http).toBe(http)
    expect(got.headers['bt_header_axon_status_code']).toBe(status)
    expect(got.headers['bt_header_axon_status_message']).toBe('Response timeout after: 0.1s')
    await axon.close()
    await first
  })
})

describe('nonce rules', () => {
  const columns = vectors.nonce_rules.cases.flatMap((row, at) =>
    Object.entries(row)
      .filter(([name]) => name === 'all' || name.startsWith('v'))
      .flatMap(([column, expected]) =>
        RELEASES.filter((release) => isIn(column, release)).map((release) => ({ row, at, release, expected: expected as string })),
      ),
  )

  test.each(columns)('case $at by $release: $expected', ({ row, release, expected }) => {
    const nowNs = 1_774_000_000_000_000_000n
    const nonce = nowNs - BigInt(Math.round((row['age_s'] as number) * 1000)) * 1_000_000n
    const got = nonceRefusal(releaseOf(release).nonces, {
      nonce,
      last: row['first'] === true ? undefined : nonce - 1n,
      nowNs,
      timeoutS: row['timeout_header'] as number | null,
      callerVersion: row['dendrite_version'] as number | null,
    })
    if (expected.startsWith('ok')) expect(got).toBeNull()
    else if (expected.endsWith('...')) expect(got?.startsWith(expected.slice(0, -3).trimEnd())).toBe(true)
    else expect(got).toBe(expected)
  })

  test('an older caller of an axon from 7.2 on is asked to rise only', () => {
    const old = { nonce: 5n, nowNs: 10n ** 18n, timeoutS: 12, callerVersion: 694 }
    expect(nonceRefusal('v7.2', { ...old, last: 5n })).toBe('Nonce is too small')
    expect(nonceRefusal('v7.4', { ...old, last: 5n })).toBe('Nonce is too old, a newer one was last processed')
    expect(nonceRefusal('v7.4', { ...old, last: 4n })).toBeNull()
  })
})

test('the signature of an axon is over its nonce, both hotkeys and its uuid', () => {
  const { signed_message: message, signature, must_fail: others } = vectors.axon_response_signature
  expect(verified(message, signature, axonPair.address)).toBe(true)
  for (const other of others) expect(verified(other.message, signature, axonPair.address)).toBe(false)
})

test('what a mock axon signs, another implementation verifies', async () => {
  const vector = vectors.valid[0] as Valid
  const axon = await axonOf('6.9.4')
  const { headers } = await post(axon, vector.path, Object.fromEntries(vector.headers), vector.body_json)
  const read = (name: string): string => headers[`bt_header_axon_${name}`] as string
  const message = `${read('nonce')}.${dendritePair.address}.${axonPair.address}.${read('uuid')}`
  expect(verified(message, read('signature'), axonPair.address)).toBe(true)
})

test('a stream is raw text under the type of events, and keeps its newlines', async () => {
  const { reference_body: text, subnet1_completion_later_repo: completion } = vectors.stream
  async function* answer(): AsyncGenerator<string> {
    for (const character of text) yield character
  }
  const axon = await axonOf('10.2.0', { answer })
  const messages = [{ role: 'user', content: 'hello' }]
  const target = { netuid: 1, uid: 0, hotkey: axonPair.address, ip: '127.0.0.1', port: axon.port, version: axon.versionInteger }
  const version = target.version
  const common = {
    signer: dendritePair,
    target,
    nonce: BigInt(Date.now()) * 1_000_000n,
    uuid: 'u',
    version,
    ownIp: '0.0.0.0',
    timeoutMs: 12_000,
  }
  const made = buildRequest({ ...common, spec: STREAM_PROMPTING, fields: promptFields(messages) })
  const headers = Object.fromEntries(made.headers.flatMap((name, at) => (at % 2 === 0 ? [[name, made.headers[at + 1] as string]] : [])))
  const got = await post(axon, made.path, headers, made.body)
  expect(got).toMatchObject({ http: 200, text: completion, headers: { 'content-type': 'text/event-stream', name: 'StreamPrompting' } })
})
