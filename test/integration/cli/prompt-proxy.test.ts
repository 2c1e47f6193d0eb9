import { expect, test } from 'vitest'
import { promptProxy } from '../../../src/cli/prompt-proxy.js'
import { loadConfig } from '../../../src/core/config/index.js'
import { createLifecycle, DONE } from '../../../src/core/lifecycle.js'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { testDatabase } from '../../support/database.js'

test('what is fit for the devnet is not done over the index of another chain', async () => {
  await using db = await testDatabase()
  await db.pool.query(
    `INSERT INTO chain (id, genesis_hash, name, spec_name, ss58_format, token_decimals, token_symbol)
     VALUES (1, '\\x00', 'Bittensor', 'node-subtensor', 42, 9, 'TAO')`,
  )
  const life = createLifecycle({ log: silentLog })
  const config = loadConfig({ env: { DATABASE_URL: db.url, PORT: '0', GRPC_PORT: '0' } })
  const printed: string[] = []
  try {
    const started = promptProxy({
      config,
      life,
      log: silentLog,
      metrics: createMetrics(),
      print: (text) => printed.push(text),
      exitWith: () => {},
    })
    await expect(started).rejects.toMatchObject({ code: 'WRONG_CHAIN', message: expect.stringContaining('--chain') as string })
    expect(printed).toEqual([])
  } finally {
    await life.stop(DONE)
  }
})
