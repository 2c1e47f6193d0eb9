import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql'
import { readFile } from 'node:fs/promises'
import supertest from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printSdl, startApi } from '../../../src/api/index.js'
import { EXAMPLES } from '../../../src/api/page/examples.js'
import { loadConfig } from '../../../src/core/config/index.js'
import { AppError } from '../../../src/core/errors.js'
import type { HttpPlugin } from '../../../src/core/http/index.js'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { encodeSs58 } from '../../../src/core/units/ss58.js'
import { createPool } from '../../../src/store/index.js'
import { createReads } from '../../../src/store/read/index.js'
import { blockHash, bytes32, key } from '../../support/builders.js'
import { GENESIS, hotkeyOf, SMALL, type TestApi, testApi } from './world.js'

let api: TestApi
let http: ReturnType<typeof supertest>
let reasons: string[] = []
beforeAll(async () => {
  api = await testApi({
    size: SMALL,
    deps: {
      chainHead: () => ({ target: 70, finalized: 66 }),
      readiness: () => Promise.resolve(reasons.length === 0 ? { ok: true } : { ok: false, reasons }),
    },
  })
  http = supertest(api.url)
})
afterAll(() => api?.[Symbol.asyncDispose]())

test('schema.graphql is what the code makes', async () => {
  expect(await readFile(new URL('../../../schema.graphql', import.meta.url), 'utf8')).toBe(printSdl())
})

test('_metadata tells how far the index is, what is missing and what a query may ask', async () => {
  const { _metadata } = await api.data(`{ _metadata {
    lastProcessedHeight lastProcessedHash targetHeight finalizedHeight lag genesisHash chain specName specVersion tokenSymbol tokenDecimals ss58Format
    gaps { from to } indexerHealthy reasons schemaVersion queryNodeVersion serviceLimits { maxPageSize maxCost } rowCountEstimate { table estimate } dbSize
  } }`)
  expect(_metadata).toMatchObject({
    ...{ lastProcessedHeight: 65, lastProcessedHash: blockHash(65), targetHeight: 70, finalizedHeight: 66, lag: 5 },
    ...{
      genesisHash: GENESIS,
      chain: 'Test',
      specName: 'node-subtensor',
      specVersion: null,
      tokenSymbol: 'TAO',
      tokenDecimals: 9,
      ss58Format: 42,
    },
    ...{ gaps: [], indexerHealthy: true, reasons: [], queryNodeVersion: '1.2.3', serviceLimits: { maxPageSize: 100, maxCost: 50_000 } },
  })
  expect(_metadata.schemaVersion).toMatch(/^\d{14}_/)
  expect(Number(_metadata.dbSize)).toBeGreaterThan(1_000_000)
  expect(_metadata.rowCountEstimate).toContainEqual({ table: 'extrinsics', estimate: 66 * 3 })
})

test('an empty database answers with nothing rather than with zeros', async () => {
  await using empty = await testApi()
  const { body, status } = await empty.ask(`{
    _metadata { lastProcessedHeight lag chain gaps { from } indexerHealthy } block { height } metagraph(netuid: 1) { exact } blocks { totalCount nodes { height } }
  }`)
  expect(status).toBe(200)
  expect(body.data).toEqual({
    _metadata: { lastProcessedHeight: null, lag: null, chain: null, gaps: [], indexerHealthy: null },
    ...{ block: null, metagraph: null, blocks: { totalCount: 0, nodes: [] } },
  })
  expect(body.extensions.block).toBeUndefined()
})

const SEARCH = `query ($q: String!, $first: Int) { search(q: $q, first: $first) { reason node {
  __typename ... on Block { height } ... on Extrinsic { id } ... on Event { id } ... on Account { address } ... on Delegate { hotkey } ... on Subnet { netuid }
} } }`

async function search(q: string, first = 10) {
  return (await api.data(SEARCH, { q, first })).search
}

test('search finds each kind of thing by the form of the text and says why', async () => {
  expect(await search('2')).toEqual([
    { reason: 'HEIGHT', node: { __typename: 'Block', height: 2 } },
    { reason: 'NETUID', node: { __typename: 'Subnet', netuid: 2 } },
  ])
  expect(await search(blockHash(9).toUpperCase().replace('0X', '0x'))).toEqual([
    { reason: 'BLOCK_HASH', node: { __typename: 'Block', height: 9 } },
  ])
  expect(await search(bytes32('extrinsic', 9, 1))).toEqual([{ reason: 'EXTRINSIC_HASH', node: { __typename: 'Extrinsic', id: '9-1' } }])
  expect((await search('9-1')).map((hit: { node: { __typename: string } }) => hit.node.__typename)).toEqual(['Extrinsic', 'Event'])
  expect(await search('Utility.batch', 2)).toEqual([
    { reason: 'CALL', node: { __typename: 'Extrinsic', id: '65-2' } },
    { reason: 'CALL', node: { __typename: 'Extrinsic', id: '64-2' } },
  ])
  expect((await search('Balances.Transfer', 1))[0].reason).toBe('EVENT')
  expect(await search('zzzz')).toEqual([])
})

test('search finds addresses of any format, as hex, and by their beginning', async () => {
  const address = encodeSs58(key(7))
  const account = [{ reason: 'ACCOUNT', node: { __typename: 'Account', address } }]
  expect(await search(address)).toEqual(account)
  expect(await search(encodeSs58(key(7), 0))).toEqual(account)
  expect(await search(key(7))).toEqual(account)
  expect(await search(encodeSs58(hotkeyOf(1)))).toEqual([
    { reason: 'HOTKEY', node: { __typename: 'Delegate', hotkey: encodeSs58(hotkeyOf(1)) } },
  ])
  for (const length of [5, 8, 20, 47]) {
    expect(await search(address.slice(0, length))).toContainEqual({ reason: 'ACCOUNT_PREFIX', node: { __typename: 'Account', address } })
  }
  expect(await search(key(7).slice(0, 12))).toContainEqual({ reason: 'ACCOUNT_PREFIX', node: { __typename: 'Account', address } })
})

test('any object comes back by its nodeId', async () => {
  const data = await api.data(`{
    block(height: 3) { nodeId } neuron(netuid: 1, uid: 2) { nodeId } extrinsics(first: 1) { nodes { nodeId id } }
    subnetHyperparams(first: 1) { nodes { nodeId name } } delegations(first: 1) { nodes { nodeId amount } }
  }`)
  const ids = [data.block, data.neuron, data.extrinsics.nodes[0], data.subnetHyperparams.nodes[0], data.delegations.nodes[0]].map(
    ({ nodeId }) => nodeId,
  )
  const { nodes, node } = await api.data(
    `query ($ids: [ID!]!, $id: ID!) {
      nodes(ids: $ids) { nodeId __typename ... on Block { height } ... on Neuron { uid weights { uid } } ... on Extrinsic { id args } ... on SubnetHyperparam { name } }
      node(id: $id) { ... on Block { hash } }
    }`,
    { ids, id: ids[0] },
  )
  expect(nodes.map((found: { nodeId: string }) => found.nodeId)).toEqual(ids)
  expect(nodes[0]).toMatchObject({ __typename: 'Block', height: 3 })
  expect(nodes[1].weights).toHaveLength(3)
  expect(nodes[2]).toMatchObject({ id: data.extrinsics.nodes[0].id, args: { n: '65' } })
  expect(node.hash).toBe(blockHash(3))
  expect((await api.ask(`{ node(id: "bm90IGFuIGlk") { nodeId } }`)).body.errors[0].extensions.code).toBe('BAD_INPUT')
})

test('a state can be asked at a height, a hash or a time', async () => {
  const query = (at: string) => `{ account(address: "${key(1)}") { balanceAt(${at}) { blockHeight free total } } }`
  const answer = { account: { balanceAt: { blockHeight: 12, free: '120', total: '125' } } }
  expect(await api.data(query('atBlock: 12'))).toEqual(answer)
  expect(await api.data(query(`atHash: "${blockHash(12)}"`))).toEqual(answer)
  expect(await api.data(query('atTime: "2023-03-20T00:02:29Z"'))).toEqual(answer)
  expect((await api.ask(query('atBlock: 12, atTime: "2023-03-20"'))).body.errors[0].extensions.code).toBe('BAD_INPUT')
  expect((await api.ask(`{ metagraph(netuid: 1, atHash: "${bytes32('none')}") { exact } }`)).body.errors[0].extensions.code).toBe(
    'NOT_FOUND',
  )
})

test('relations can be filtered one step away', async () => {
  const data = await api.data(`{
    events(first: 100, filter: { extrinsic: { signer: { equalTo: "${key(2)}" }, success: { equalTo: false } } }) { totalCount nodes { name extrinsic { signer success } } }
    neurons(filter: { subnet: { tempo: { equalTo: 99 } }, validatorPermit: { equalTo: true }, incentive: { greaterThan: 0.1 } }) { nodes { uid incentive } }
  }`)
  expect(data.events.totalCount).toBeGreaterThan(3)
  for (const { extrinsic } of data.events.nodes) expect(extrinsic).toEqual({ signer: encodeSs58(key(2)), success: false })
  expect(data.neurons.nodes).toEqual([{ uid: 2, incentive: 15_838 / 65_535 }])
})

test('GET and POST with a query answer JSON, and what is no query is refused', async () => {
  const query = '{ block(height: 1) { height } }'
  const data = { block: { height: 1 } }
  const got = await http.get('/graphql').query({ query }).expect(200).expect('content-type', /json/)
  expect(got.body).toMatchObject({ data })
  const posted = await http.post('/graphql').send({ query }).expect(200).expect('query-complexity', '1')
  expect(posted.body).toMatchObject({ data })
  const refusals = [
    { status: 400, request: http.get('/graphql') },
    { status: 400, request: http.get('/graphql').query({ query: '{ block {' }) },
    { status: 400, request: http.post('/graphql').send({}) },
    { status: 400, request: http.post('/graphql').type('json').send('{') },
    { status: 400, request: http.post('/graphql').type('text').send(query) },
    { status: 404, request: http.put('/graphql').send({ query }) },
    { status: 404, request: http.get('/nothing') },
  ]
  for (const { status, request } of refusals) {
    const { body } = await request.expect(status)
    expect(body).toMatchObject({ errors: [{ extensions: { code: status === 404 ? 'NOT_FOUND' : 'BAD_INPUT' } }] })
  }
})

test('a browser gets GraphiQL, with all it needs from this server and a policy that allows nothing else', async () => {
  const page = await http
    .get('/graphql')
    .accept('text/html')
    .expect(200)
    .expect('content-type', /text\/html/)
  const policy = page.get('content-security-policy') ?? ''
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1]
  expect(page.text).toContain(`<style nonce="${nonce}">`)
  const again = await http.get('/graphql').accept('text/html')
  expect(again.text).not.toContain(nonce)

  const linked = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target]) => target ?? '').filter((to) => to !== 'data:,')
  expect(linked).toHaveLength(5)
  for (const target of linked) {
    expect(target).toMatch(/^\/graphiql\//)
    const type = target.endsWith('.css') ? /text\/css/ : /text\/javascript/
    const file = await http.get(target).set('accept-encoding', 'identity').expect(200).expect('content-type', type)
    const versioned = target.includes('@')
    expect(file.get('cache-control')).toBe(versioned ? 'public, max-age=31536000, immutable' : 'no-cache')
    expect((await http.get(target).set('accept-encoding', 'gzip').expect(200)).get('content-encoding')).toBe(versioned ? 'gzip' : undefined)
  }
  expect(page.text).not.toMatch(/<script>|https?:/)
  await http.get('/graphiql/graphiql@0.0.0/graphiql.min.js').expect(404)
})

test('the introspection that clients send is answered, without a statement', async () => {
  api.statements.reset()
  const { body } = await api.ask(getIntrospectionQuery())
  expect(api.statements.count).toBe(0)
  expect(printSchema(buildClientSchema(body.data))).toContain('type Neuron implements Node')
})

test('every example of the page is a query that the server answers', async () => {
  for (const { query, variables } of EXAMPLES) {
    const { body } = await api.ask(query, variables)
    expect(body.errors, query).toBeUndefined()
  }
})

test('health, readiness with its reasons, metrics and CORS', async () => {
  await http.get('/healthz').expect(200, { ok: true }).expect('cache-control', 'no-store')
  await http.get('/readyz').expect(200, { ok: true })
  reasons = ['120 blocks behind the chain']
  await http.get('/readyz').expect(503, { ok: false, reasons }).expect('cache-control', 'no-store')
  reasons = []
  await api.data('{ block { height } }')
  const { text } = await http
    .get('/metrics')
    .expect(200)
    .expect('content-type', /text\/plain/)
  expect(text).toMatch(/tao_api_request_seconds_count\{outcome="OK"\} \d+/)
  expect(text).toMatch(/tao_api_sql_statements_total \d+/)
  await http
    .options('/graphql')
    .set({ origin: 'https://explorer.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' })
    .expect(204)
    .expect('access-control-allow-origin', '*')
})

test('routes of other services share the port, with errors of their own shape, and leave the others as they are', async () => {
  const config = { ...loadConfig({ env: {} }).api, port: 0 }
  const plugin: HttpPlugin = {
    prefix: '/pow/v1',
    register: (app) => {
      app.get('/quote', () => Promise.resolve({ netuid: 1 }))
      app.delete('/quote', () => Promise.reject(new AppError('REFUSED', 'no')))
      return Promise.resolve()
    },
  }
  const deps = { config, log: silentLog, metrics: createMetrics(), reads: createReads({ pool: api.db.pool }), plugins: [plugin] }
  const shared = await startApi(deps)
  const there = supertest(shared.url)
  await there.get('/pow/v1/quote').expect(200, { netuid: 1 })
  expect((await there.delete('/pow/v1/quote').expect(422)).body).toMatchObject({ error: { code: 'REFUSED', message: 'no' } })
  expect((await there.get('/pow/v1/none').expect(404)).body).toMatchObject({ error: { code: 'NOT_FOUND' } })
  expect((await there.get('/none').expect(404)).body).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] })
  expect((await there.get('/graphql').query({ query: '{ block(height: 1) { height } }' })).body.data).toEqual({ block: { height: 1 } })
  await shared.close()
})

test('a taken port is said so, a closed service lets go of it, and a database that is gone is a reason', async () => {
  const config = { ...loadConfig({ env: {} }).api, port: Number(new URL(api.url).port) }
  const deps = { config, log: silentLog, metrics: createMetrics(), reads: createReads({ pool: api.db.pool }) }
  await expect(startApi(deps)).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  const pool = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  const again = await startApi({ ...deps, metrics: createMetrics(), config: { ...config, port: 0 }, reads: createReads({ pool }) })
  const { body } = await supertest(again.url).post('/graphql').send({ query: '{ block { height } }' }).expect(503)
  expect(body).toMatchObject({ errors: [{ extensions: { code: 'DATABASE_DOWN' } }] })
  await supertest(again.url).get('/readyz').expect(503)
  await again.close()
  await again.close()
  await expect(supertest(again.url).get('/healthz')).rejects.toThrow('ECONNREFUSED')
  await pool.end()
})
