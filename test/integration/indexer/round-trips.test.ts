import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet } from '../../../src/devnet/index.js'
import { testDatabase } from '../../support/database.js'
import { faultProxy } from '../../support/fault-proxy.js'
import { testIndexer } from '../../support/indexing.js'
import { eventually } from '../../support/waiting.js'

const BLOCKS = 192
const STORAGE = ['state_getStorage', 'state_queryStorageAt', 'state_getKeysPaged']

test('a quiet block costs one storage request: all of it while following the head, its events while catching up', async () => {
  const devnet = await startDevnet({ blockMs: null, seed: 'quiet', subnets: 2, neurons: 6, cast: false, log: silentLog })
  try {
    devnet.newBlock({ count: 5 })
    await using proxy = await faultProxy(devnet.url)
    await using db = await testDatabase()
    const options = { statsEvery: 1000, balanceSampleEvery: 1000 }
    const storageRequests = (): number => STORAGE.reduce((sum, method) => sum + (proxy.requests.get(method) ?? 0), 0)
    {
      await using running = await testIndexer(proxy.url, db.pool, options)
      const reaches = (height: number): Promise<void> => eventually(`block ${height}`, () => running.indexer.heads().indexed === height)
      await reaches(5)
      devnet.newBlock()
      await reaches(6)
      for (let height = 7; height <= 16; height++) {
        const before = storageRequests()
        devnet.newBlock()
        await reaches(height)
        expect(storageRequests() - before, `storage requests of block ${height}`).toBe(1)
      }
    }
    const before = storageRequests()
    devnet.newBlock({ count: BLOCKS })
    await using running = await testIndexer(proxy.url, db.pool, { ...options, to: 16 + BLOCKS })
    await running.indexer.done
    const beyondEvents = storageRequests() - before - BLOCKS
    // Each epoch is read with the state before its block, and the one after it.
    const { rows } = await db.pool.query<{ epochs: number }>('select count(*)::int as epochs from epochs where block_height > 16')
    const epochs = rows[0]?.epochs ?? 0
    expect(epochs).toBeGreaterThan(0)
    expect((beyondEvents - 2 * epochs) / Math.ceil(BLOCKS / 64), 'storage requests of a batch').toBeLessThan(15)
  } finally {
    await devnet.close()
  }
})
