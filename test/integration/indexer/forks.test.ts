import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { testIndexer, type TestIndexer } from '../../support/indexing.js'
import { eventually } from '../../support/waiting.js'

const DEPTHS = [1, 2, 3, 4, 5, 6, 7, 8]

test('forks of depth 1 to 8 leave exactly the winning branch', { timeout: 180_000 }, async () => {
  const devnet = await startDevnet({ blockMs: null, seed: 'forks', subnets: 1, neurons: 6, finalityLag: 12, log: silentLog })
  try {
    devnet.newBlock({ count: 30 })
    await using db = await testDatabase()
    await using follower = await testIndexer(devnet.url, db.pool, { headMode: 'best', batchBlocks: 1 })
    await atHead(devnet, db, follower)
    for (const depth of DEPTHS) {
      devnet.fork({ depth })
      await atHead(devnet, db, follower)
      devnet.newBlock({ count: 2 })
      await atHead(devnet, db, follower)
    }
    expect(await tables(db)).toEqual(await fromScratch(devnet))
  } finally {
    await devnet.close()
  }
})

async function fromScratch(devnet: Devnet): Promise<string> {
  await using db = await testDatabase()
  await using follower = await testIndexer(devnet.url, db.pool, { headMode: 'best', batchBlocks: 1 })
  await atHead(devnet, db, follower)
  return await tables(db)
}

async function atHead(devnet: Devnet, db: TestDatabase, { indexer }: TestIndexer): Promise<void> {
  const best = devnet.best
  await eventually(`block ${best.number} is indexed`, async () => {
    if (indexer.heads().indexed !== best.number) return false
    const { rows } = await db.pool.query<{ hash: Buffer }>('select hash from checkpoint')
    return `0x${rows[0]?.hash.toString('hex')}` === best.hash
  })
}

/** Undo data tells where an index has been, everything else where it is. */
async function tables(db: TestDatabase): Promise<string> {
  const { rows } = await db.pool.query<{ name: string }>(
    `select relname as name from pg_class join pg_namespace n on n.oid = relnamespace
     where nspname = 'public' and relkind in ('r', 'p') and not relispartition and relname not in ('undo', '_prisma_migrations') order by 1`,
  )
  return db.dump(rows.map((row) => row.name))
}
