import { test } from 'vitest'
import { testDatabase } from '../../support/database.js'
import { entities, planPage } from '../../../src/store/read/index.js'
import { rowsStatement, behindStatement } from '../../../src/store/read/page.js'
import { seed, SMALL } from './world.js'
const L = { defaultPageSize: 100, maxPageSize: 100, maxOffset: 10000 }
test('plans', { timeout: 300000 }, async () => {
  await using db = await testDatabase()
  await seed(db.pool, SMALL)
  const q = (t: string, v: unknown[] = []) => db.pool.query(t, v)
  await q(`insert into blocks select i, sha256(i::text::bytea), '\\x00','\\x00','\\x00', timestamptz '2023-03-20' + i*interval '12 s', null, 143, 4, 4 from generate_series(100,300000) i`)
  await q(`insert into extrinsics select i/4, i%4, sha256(i::text::bytea), sha256((i%1000)::text::bytea), (array['Balances','Subtensor','Utility'])[i%3+1], (array['transfer','set_weights','batch'])[i%3+1], '{}', i%5<>0, null,null,1,0,0,64,3, timestamptz '2023-03-20' + (i/4)*interval '12 s' from generate_series(400,1200000) i`)
  await q(`insert into transfers select i/4, i%4, i%4, sha256((i%1000)::text::bytea), sha256((i%777)::text::bytea), (i::bigint*7919)%1000003, null, timestamptz '2023-03-20' + (i/4)*interval '12 s' from generate_series(400,1200000) i`)
  await q(`insert into accounts select sha256(i::text::bytea), case when i%10<8 then 0 else i end, 0,0,0,0, case when i%10<8 then 0 else i end, true, 0, i from generate_series(1,300000) i on conflict do nothing`)
  await q('analyze')
  const hex = (n: number) => ('0x' + require('node:crypto').createHash('sha256').update(String(n)).digest('hex')) as `0x${string}`
  const run = async (name: string, plan: ReturnType<typeof planPage>, parents: any = null) => {
    for (const s of [rowsStatement(plan, {}, parents)]) {
      const { rows } = await q('EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) ' + s.text, s.values)
      const lines = rows.map((r: any) => r['QUERY PLAN'] as string)
      console.log(name, '\n' + lines.filter((l) => /Scan|Sort|Time/.test(l)).slice(0, 14).join('\n'))
    }
  }
  const cursorOf = async (e: any, args: any) => { const { createReads } = await import('../../../src/store/read/index.js'); const s = createReads({ pool: db.pool }).session(); const p = await s.page(planPage(e, args, L) as any, {}); await s.close(); return p.cursorOf(p.rows.at(-1) as any) }
  await run('X', planPage(entities.extrinsics, { filter: { pallet: { equalTo: 'Balances' }, call: { equalTo: 'transfer' }, signer: { equalTo: hex(5) }, success: { equalTo: true }, timestamp: { lessThan: new Date('2023-04-01') } } }, L))
  await run('extrinsics deep', planPage(entities.extrinsics, { first: 50, after: await cursorOf(entities.extrinsics, { offset: 10000 }) }, L))
  await run('transfers amount', planPage(entities.transfers, { first: 50, orderBy: ['AMOUNT_DESC'], after: await cursorOf(entities.transfers, { orderBy: ['AMOUNT_DESC'], offset: 5000 }) }, L))
  await run('transfers amount mixed', planPage(entities.transfers, { first: 50, orderBy: ['AMOUNT_DESC', 'BLOCK_HEIGHT_ASC'] }, L))
  await run('transfers or', planPage(entities.transfers, { first: 50, filter: { or: [{ from: { equalTo: hex(5) } }, { to: { equalTo: hex(5) } }] } }, L))
  await run('account.transfers', planPage(entities.transfers, { first: 20 }, L), { branches: [['from'], ['to']], keys: [[hex(5)], [hex(6)]] })
  await run('accounts total', planPage(entities.accounts, { first: 50, after: await cursorOf(entities.accounts, { offset: 9000 }) }, L))
  await run('accounts total asc', planPage(entities.accounts, { first: 50, orderBy: ['TOTAL_ASC'], after: await cursorOf(entities.accounts, { offset: 9000, orderBy: ['TOTAL_ASC'] }) }, L))
  await run('blocks->extrinsics', planPage(entities.extrinsics, { first: 50 }, L, ['blockHeight']), { branches: [['blockHeight']], keys: Array.from({ length: 100 }, (_, i) => [1000 + i]) })
  await run('blocks time', planPage(entities.blocks, { first: 50, filter: { timestamp: { greaterThan: new Date('2023-04-01'), lessThan: new Date('2023-04-02') } } }, L))
  await run('transfers time', planPage(entities.transfers, { first: 50, filter: { timestamp: { greaterThan: new Date('2023-03-22'), lessThan: new Date('2023-03-23') } } }, L))
})
