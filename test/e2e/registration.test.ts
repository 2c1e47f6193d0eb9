import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import supertest from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyPairOf } from '../../src/chain/submit/keys.js'
import { openProgram, type Program, type RunningCommand } from '../support/program.js'
import { eventually } from '../support/waiting.js'

/** As a user would: the program, its own database and chain, a key file, and the customer's commands. */
let program: Program
let up: RunningCommand
let folder: string

const run = (...args: string[]): ReturnType<Program['run']> => program.run(...args)
const apiUrl = (): string => up.told(/GraphQL: (http:\S+)\/graphql/)
const chainUrl = (): string => up.told(/Chain: (ws:\S+)/)

beforeAll(async () => {
  program = await openProgram('registration')
  folder = program.folder
  const devnet = ['--devnet-block-ms', '500', '--devnet-neurons', '24']
  up = await program.start(['up', '--port', '0', '--data-dir', 'data', ...devnet, '--solver', 'wasm', '--pow-threads', '1'], /Chain: ws:/)
})

afterAll(async () => {
  const code = await up?.stop()
  await program?.[Symbol.asyncDispose]()
  expect(code).toBe(0)
})

test('a registration asked for over HTTP is solved, signed by the customer, and seen in GraphQL', async () => {
  const seed = `0x${randomBytes(32).toString('hex')}`
  const [hotkey, coldkey] = await Promise.all([keyPairOf(seed), keyPairOf(`//owner//${seed.slice(2, 12)}`)])
  await writeFile(join(folder, 'hotkey'), seed, { mode: 0o600 })
  const http = supertest(apiUrl())
  const asked = await http
    .post('/pow/v1/registrations')
    .send({ hotkey: hotkey.address, coldkey: coldkey.address, netuids: [1] })
    .expect(201)
  const id = (asked.body as { id: string }).id

  const common = ['--service', apiUrl(), '--chain', chainUrl(), '--data-dir', 'customer']
  const submitted = await run('pow-submit', '--hotkey-file', 'hotkey', '--coldkey', coldkey.address, '--registration', id, ...common)
  expect(submitted).toMatchObject({ code: 0, text: expect.stringMatching(/Registered on subnet 1 as uid \d+ in block \d+/) as string })
  expect(submitted.text).not.toContain(seed.slice(2))

  const query = `{ neurons(filter: { hotkey: { equalTo: "${hotkey.address}" } }) { nodes { netuid uid coldkey } }
    neuronRegistrations(filter: { hotkey: { equalTo: "${hotkey.address}" } }) { nodes { method } } }`
  let answer: unknown
  await eventually('GraphQL has the neuron', async () => {
    const { body } = await http.post('/graphql').send({ query })
    answer = (body as { data: unknown }).data
    return JSON.stringify(answer).includes('POW')
  })
  const uid = Number(/as uid (\d+)/.exec(submitted.text)?.[1])
  expect(answer).toEqual({
    neurons: { nodes: [{ netuid: 1, uid, coldkey: coldkey.address }] },
    neuronRegistrations: { nodes: [{ method: 'POW' }] },
  })
  const { body } = await http.get(`/pow/v1/registrations/${id}`).expect(200)
  expect(body).toMatchObject({ state: 'registered', targets: [{ netuid: 1, uid }] })
})

test('a place is bought with the coldkey of the customer, and a second time is refused', async () => {
  const hotkey = await keyPairOf(`0x${randomBytes(32).toString('hex')}`)
  await writeFile(join(folder, 'coldkey'), '//Alice', { mode: 0o600 })
  const flags = ['--netuid', '2', '--hotkey', hotkey.address, '--coldkey-file', 'coldkey', '--max-cost', '1000']
  const common = ['--service', apiUrl(), '--chain', chainUrl(), '--data-dir', 'customer']
  const bought = await run('register', ...flags, ...common)
  expect(bought).toMatchObject({ code: 0, text: expect.stringMatching(/Registered on subnet 2 as uid \d+/) as string })
  const again = await run('register', ...flags, '--direct', ...common)
  // What the first one wrote down tells that it is done: nothing is sent.
  expect(again.text).toMatch(/Registered on subnet 2 as uid \d+|ALREADY_REGISTERED|is uid \d+ of subnet 2 already/)
  expect(again.text).not.toContain('extrinsic sent')
})

test('where a key is needed, one that was made opens the service and a revoked one does not', async () => {
  // Beside the database of the running program; the commands join it.
  const made = await run('keys', 'create', '--name', 'explorer', '--scopes', 'pow', '--data-dir', 'data', '--log-level', 'error')
  const key = made.text.trim().split('\n').at(-1) ?? ''
  expect(key).toMatch(/^tg_[0-9a-f]+_\S+$/)
  const http = supertest(apiUrl())
  await http.get('/pow/v1/registrations').set('x-forwarded-for', '203.0.113.1').expect(401)
  await http.get('/pow/v1/registrations').set('x-forwarded-for', '203.0.113.1').set('authorization', `Bearer ${key}`).expect(200)
  await http.get('/pow/v1/registrations').set('authorization', `Bearer ${key}x`).expect(401)
  const listed = await run('keys', 'list', '--data-dir', 'data', '--log-level', 'error')
  expect(listed.text).toContain('explorer')
  expect(listed.text).not.toContain(key)
  expect((await run('keys', 'revoke', key, '--data-dir', 'data', '--log-level', 'error')).code).toBe(0)
})

test('metrics tell the solvers and the registrations', async () => {
  const { text } = await supertest(apiUrl()).get('/metrics').expect(200)
  expect(text).toMatch(/tao_pow_registrations_ended_total\{state="registered",mode="solve"\} 1/)
  expect(text).toMatch(/tao_pow_hash_rate\{host="",device="cpu:0",solver="wasm"\} \d{5,}/)
})
