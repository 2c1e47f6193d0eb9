import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogger } from '../../../src/core/log.js'
import { key } from '../../support/builders.js'
import { SMALL, type TestApi, testApi } from './world.js'

/** What is refused: with a code, with what was measured, and before the first statement. */

let api: TestApi
beforeAll(async () => {
  api = await testApi({ size: SMALL })
})
afterAll(() => api?.[Symbol.asyncDispose]())

async function refused(query: string, variables?: Record<string, unknown>) {
  api.statements.reset()
  const { status, body, headers } = await api.ask(query, variables)
  expect(api.statements.texts).toEqual([])
  expect(body.data ?? null).toBeNull()
  return { status, headers, error: body.errors[0], code: body.errors[0].extensions.code as string, body }
}

/** `levels` of one relation inside another. */
function nested(levels: number, list: string): string {
  let inner = 'height'
  for (let level = 0; level < levels; level++) inner = `extrinsics${list} { nodes { block { ${inner} } } }`
  return `{ block(height: 1) { ${inner} } }`
}

test('a query too deep is refused with its depth', async () => {
  const { status, code, error } = await refused(nested(4, '(first: 1)'))
  expect({ status, code }).toEqual({ status: 400, code: 'TOO_COMPLEX' })
  expect(error.extensions).toMatchObject({ limit: 11, cost: { depth: 14 } })
  expect(error.message).toBe('the query has a depth of 14; the limit is 11')
})

test('fragments do not hide depth, and many small fragments do not take long to measure', async () => {
  const levels = 40
  const fragments = Array.from({ length: levels }, (_, i) =>
    i === levels - 1 ? `fragment f${i} on Block { height }` : `fragment f${i} on Block { ...f${i + 1} ...f${i + 1} x${i}: height }`,
  )
  const started = performance.now()
  expect((await refused(`{ block(height: 1) { ...f0 } } ${fragments.join(' ')}`)).code).toBe('TOO_COMPLEX')
  expect(performance.now() - started).toBeLessThan(2_000)
  const deep = Array.from(
    { length: 12 },
    (_, i) => `fragment f${i} on Block { extrinsics(first: 1) { nodes { block { ${i === 11 ? 'height' : `...f${i + 1}`} } } } }`,
  )
  expect((await refused(`{ block(height: 1) { ...f0 } } ${deep.join(' ')}`)).error.extensions.cost.depth).toBe(38)
  const circle = 'fragment a on Block { ...b } fragment b on Block { ...a }'
  expect((await refused(`{ block(height: 1) { ...a } } ${circle}`)).code).toBe('BAD_INPUT')
})

test('a thousand aliases, too many root fields and too many tokens are refused', async () => {
  const aliases = Array.from({ length: 1_000 }, (_, i) => `a${i}: height`).join(' ')
  expect(await refused(`{ block { ${aliases} } }`)).toMatchObject({ status: 400, code: 'TOO_COMPLEX' })
  const roots = Array.from({ length: 25 }, (_, i) => `subnet(netuid: ${i}) { n }`).join(' ')
  expect((await refused(`{ ${roots} }`)).error.message).toContain('root fields of 25')
  expect((await refused(`{ ${'block { height } '.repeat(600)} }`)).error.message).toContain('more than 2000 tokens')
})

test('lists inside lists multiply, and the cost is told with the refusal', async () => {
  const query = `{ blocks(first: 100) { nodes { extrinsics(first: 100) { nodes { events(first: 100) { nodes { name } } } } } } }`
  const { status, code, error, headers } = await refused(query)
  expect({ status, code }).toEqual({ status: 400, code: 'TOO_COMPLEX' })
  expect(error.extensions.cost.value).toBe(1 + 100 * (1 + 1 + 100 * (1 + 1 + 100)))
  expect(headers.get('query-complexity')).toBe('1020201')
  expect(headers.get('max-query-complexity')).toBe('50000')
  const four = `{ blocks(first: 100) { nodes { extrinsics(first: 100) { nodes { block { extrinsics(first: 100) { nodes { events(first: 100) { nodes { id } } } } } } } } } }`
  expect((await refused(four)).code).toBe('TOO_COMPLEX')
})

test('the cost of an allowed query is in its answer, with the block it was read at', async () => {
  const { body, headers, status } = await api.ask('{ blocks(first: 3) { edges { node { height events(first: 2) { totalCount } } } } }')
  expect(status).toBe(200)
  expect(body.extensions).toMatchObject({ cost: { value: 1 + 3 * (1 + 3), limit: 50_000, depth: 5, rootFields: 1 }, block: { height: 65 } })
  expect(headers.get('query-complexity')).toBe('13')
})

test('a body above the limit is refused unread', async () => {
  const { status, code } = await refused(`{ block { height } } #${'x'.repeat(1_000_000)}`)
  expect({ status, code }).toEqual({ status: 413, code: 'TOO_LARGE' })
})

test('page sizes and offsets out of range are refused, in arguments and in variables', async () => {
  expect((await refused('{ blocks(first: 101) { nodes { height } } }')).error).toMatchObject({
    message: 'first: 101 is out of range; a page has 0 to 100 rows',
    extensions: { code: 'BAD_INPUT', maxPageSize: 100 },
  })
  expect(await refused('query ($n: Int) { blocks(last: $n) { nodes { height } } }', { n: -1 })).toMatchObject({
    status: 400,
    code: 'BAD_INPUT',
  })
  expect((await refused('{ blocks(first: 1, last: 1) { nodes { height } } }')).code).toBe('BAD_INPUT')
  expect((await refused('{ blocks(offset: 10001) { nodes { height } } }')).code).toBe('BAD_INPUT')
})

test('a cursor of another list, of another order, or of nothing is refused', async () => {
  const of = async (query: string) => (await api.data(query)).page.pageInfo.endCursor as string
  const blocks = await of('{ page: blocks(first: 1) { pageInfo { endCursor } } }')
  const amounts = await of('{ page: transfers(first: 1, orderBy: [AMOUNT_DESC]) { pageInfo { endCursor } } }')
  const transfers = 'query ($after: Cursor) { transfers(after: $after) { nodes { id } } }'
  expect((await refused(transfers, { after: blocks })).error.message).toContain('it is of the list blocks, not of transfers')
  expect((await refused(transfers, { after: amounts })).error.message).toContain('another orderBy')
  expect((await refused(transfers, { after: 'not a cursor' })).code).toBe('BAD_INPUT')
  const forged = Buffer.from(JSON.stringify(['blocks', 'height-', '1; DROP TABLE blocks'])).toString('base64url')
  expect((await refused('query ($after: Cursor) { blocks(after: $after) { nodes { height } } }', { after: forged })).code).toBe('BAD_INPUT')
})

test('values of the wrong type are refused with the place', async () => {
  const account = 'query ($a: Address!) { account(address: $a) { free } }'
  expect(await refused(account, { a: 'nobody' })).toMatchObject({ status: 400, code: 'BAD_INPUT' })
  expect((await refused(account, {})).code).toBe('BAD_INPUT')
  expect((await refused('{ account(address: "5x") { free } }')).code).toBe('BAD_INPUT')
  expect((await refused('{ blocks(filter: { height: { equalTo: "1" } }) { nodes { height } } }')).code).toBe('BAD_INPUT')
  expect((await refused('{ blocks(orderBy: [EVENT_COUNT_DESC]) { nodes { height } } }')).code).toBe('BAD_INPUT')
  expect((await refused('{ transfers(filter: { amount: { greaterThan: "9223372036854775808" } }) { nodes { id } } }')).code).toBe(
    'BAD_INPUT',
  )
  expect((await refused('{ extrinsics(filter: { signer: { equalTo: null } }) { nodes { id } } }')).error.message).toContain('isNull: true')
  expect((await refused('{ neurons(orderBy: [INCENTIVE_DESC]) { nodes { uid } } }')).error.message).toContain(
    'needs a filter with equalTo on netuid',
  )
  expect((await refused('{ events(filter: { id: { equalTo: "12" } }) { nodes { id } } }')).code).toBe('BAD_INPUT')
  expect((await refused('{ nothing }')).code).toBe('BAD_INPUT')
  expect((await refused('{ blocks { nodes')).code).toBe('BAD_INPUT')
})

test('filters too deep, too wide or with lists too long are refused', async () => {
  const deep = `${'{ not: '.repeat(8)}{ height: { equalTo: 1 } }${' }'.repeat(8)}`
  expect((await refused(`{ blocks(filter: ${deep}) { nodes { height } } }`)).code).toBe('TOO_COMPLEX')
  const many = { or: Array.from({ length: 101 }, (_, i) => ({ height: { equalTo: i } })) }
  expect((await refused('query ($f: BlockFilter) { blocks(filter: $f) { nodes { height } } }', { f: many })).code).toBe('TOO_COMPLEX')
  const long = { height: { in: Array.from({ length: 501 }, (_, i) => i) } }
  expect((await refused('query ($f: BlockFilter) { blocks(filter: $f) { nodes { height } } }', { f: long })).code).toBe('TOO_COMPLEX')
})

test('several operations in one request are refused', async () => {
  api.statements.reset()
  const body = JSON.stringify([{ query: '{ block { height } }' }, { query: '{ block { height } }' }])
  const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] })
  expect(api.statements.count).toBe(0)
})

test('a query that takes too long is ended with QUERY_TIMEOUT, and the connection is good for the next one', async () => {
  await using slow = await testApi({ size: SMALL, config: { queryTimeoutMs: 150 } })
  await slow.db.pool.query(`ALTER TABLE accounts RENAME TO accounts_kept`)
  await slow.db.pool.query(`CREATE VIEW accounts AS SELECT * FROM accounts_kept WHERE pg_sleep(30) IS NOT NULL`)
  const query = `{ account(address: "${key(1)}") { free } }`
  const started = performance.now()
  const { status, body } = await slow.ask(query)
  expect(performance.now() - started).toBeLessThan(10_000)
  expect({ status, code: body.errors[0].extensions.code }).toEqual({ status: 503, code: 'QUERY_TIMEOUT' })
  expect((await slow.data('{ block { height } }')).block.height).toBe(65)
})

test('a failure nobody foresaw tells the caller nothing but the request id', async () => {
  await using broken = await testApi({ size: SMALL })
  await broken.db.pool.query('DROP TABLE transfers')
  const { status, body } = await broken.ask('{ transfers { nodes { id } } }')
  expect(status).toBe(500)
  expect(body.errors).toEqual([
    expect.objectContaining({ message: 'internal error', extensions: { code: 'INTERNAL', requestId: expect.any(String) } }),
  ])
  expect(JSON.stringify(body)).not.toContain('relation')
})

test('what a caller got wrong is logged at debug only; what nobody foresaw is an error with its cause', async () => {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const logged = () => {
    const lines = text
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { level: string; err?: { message: string } }]))
    text = ''
    return lines
  }
  await using watched = await testApi({ size: SMALL, deps: { log: createLogger({ level: 'debug', format: 'json', stream }) } })
  logged()
  const account = 'query ($a: Address!) { account(address: $a) { free } }'
  const wrong: [query: string, variables?: Record<string, unknown>][] = [
    ['{ blocks { nodes'],
    ['{ nothing }'],
    ['{ block(height: "x") { height } }'],
    ['query A { block { height } } query B { block { height } }'],
    ['mutation { block { height } }'],
    [account, {}],
    [account, { a: 'nobody' }],
    [account, { a: 5 }],
    ['query ($n: Int) { blocks(first: $n) { nodes { height } } }', { n: 'many' }],
    ['query ($n: Int) { blocks(first: $n) { nodes { height } } }', { n: 2 ** 40 }],
    ['query ($n: Int!) { metagraph(netuid: $n) { exact } }', { n: null }],
    ['query ($f: TransferFilter) { transfers(filter: $f) { nodes { id } } }', { f: { amount: { equalTo: 'much' } } }],
    ['query ($f: TransferFilter) { transfers(filter: $f) { nodes { id } } }', { f: { sum: 1 } }],
    ['query ($f: BlockFilter) { blocks(filter: $f) { nodes { height } } }', { f: { timestamp: { equalTo: 'noon' } } }],
    ['query ($f: BlockFilter) { blocks(filter: $f) { nodes { height } } }', { f: { hash: { equalTo: '0x12' } } }],
    ['query ($o: [BlocksOrderBy!]) { blocks(orderBy: $o) { nodes { height } } }', { o: ['SIZE'] }],
    ['{ node(id: "bm90IGFuIGlk") { nodeId } }'],
  ]
  for (const [query, variables] of wrong) {
    const { status, body } = await watched.ask(query, variables)
    expect({ query, status, code: body.errors[0].extensions.code }).toEqual({ query, status: 400, code: 'BAD_INPUT' })
    expect(body.errors[0].message).not.toBe('internal error')
  }
  const refusals = logged()
  expect(refusals.length).toBeGreaterThan(10)
  expect(refusals.filter(({ level }) => level !== 'debug')).toEqual([])

  await watched.db.pool.query('DROP TABLE transfers')
  await watched.ask('{ transfers { nodes { id } } }')
  expect(logged().filter(({ level }) => level !== 'debug')).toEqual([
    expect.objectContaining({ level: 'error', err: expect.objectContaining({ message: expect.stringContaining('transfers') }) }),
  ])
})
