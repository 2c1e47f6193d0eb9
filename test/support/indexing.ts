import type { Pool } from 'pg'
import { createChainReader, createRpcClient, type RpcClient } from '../../src/chain/index.js'
import { silentLog, type Logger } from '../../src/core/log.js'
import { createMetrics } from '../../src/core/metrics.js'
import { backfill } from '../../src/indexer/backfill.js'
import { startIndexer, type Indexer, type IndexerOptions } from '../../src/indexer/service.js'
import { createBatchWriter } from '../../src/store/write/index.js'

export interface TestIndexer extends AsyncDisposable {
  indexer: Indexer
  rpc: RpcClient
}

const DEFAULTS: IndexerOptions = {
  headMode: 'finalized',
  start: 'genesis',
  batchBlocks: 64,
  fetchConcurrency: 4,
  statsEvery: 10,
  balanceSampleEvery: 10,
}

/** An indexer of the test's own between a node and a database. */
export async function testIndexer(
  urls: string | readonly string[],
  pool: Pool,
  options: Partial<IndexerOptions> = {},
  log: Logger = silentLog,
): Promise<TestIndexer> {
  const metrics = createMetrics()
  const endpoints = typeof urls === 'string' ? [urls] : urls
  const rpc = createRpcClient({ endpoints, log, metrics, timeoutMs: 60_000 })
  const writer = createBatchWriter({ pool, log, metrics })
  try {
    const indexer = await startIndexer({ options: { ...DEFAULTS, ...options }, log, metrics, rpc, chain: createChainReader(rpc), writer })
    return {
      indexer,
      rpc,
      async [Symbol.asyncDispose]() {
        await indexer.close()
        await rpc.close()
      },
    }
  } catch (error) {
    await rpc.close()
    throw error
  }
}

/** Indexes up to a block and stops. */
export async function indexTo(url: string, pool: Pool, to: number, options: Partial<IndexerOptions> = {}): Promise<void> {
  await using running = await testIndexer(url, pool, { ...options, to })
  await running.indexer.done
}

/** Fills in history behind an index. */
export async function fillHistory(
  url: string,
  pool: Pool,
  range: { from: number; to: number; batchBlocks: number },
  options: Partial<IndexerOptions> = {},
): Promise<void> {
  const metrics = createMetrics()
  const rpc = createRpcClient({ endpoints: [url], log: silentLog, metrics, timeoutMs: 60_000 })
  try {
    const writer = createBatchWriter({ pool, log: silentLog, metrics })
    const { signal } = new AbortController()
    const all = { ...DEFAULTS, ...options }
    await backfill(
      { options: all, log: silentLog, chain: createChainReader(rpc), writer, signal },
      { ...range, fetchConcurrency: all.fetchConcurrency },
    )
  } finally {
    await rpc.close()
  }
}
