import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { startDevnet } from '../../src/devnet/index.js'
import { testDatabase } from '../support/database.js'

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const BLOCKS = 900
const KILLS = 20

/** Runs the indexer as a process of its own; with `killAfterMs`, until that long after it began to catch up. Says whether it got to the end. */
async function runIndexer(chain: string, database: string, killAfterMs: number | null): Promise<boolean> {
  const flags = [
    '--chain',
    chain,
    '--database-url',
    database,
    '--start',
    'genesis',
    '--to',
    String(BLOCKS),
    '--batch-blocks',
    '3',
    '--health-port',
    '0',
  ]
  const child = spawn(process.execPath, [PROGRAM, 'indexer', ...flags, '--head-mode', 'finalized', '--log-level', 'info'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const listen = (line: string): void => {
    output += `${line}\n`
    if (killAfterMs !== null && line.includes('catching up')) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', listen)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('close', (c, s) => resolve([c, s])),
  )
  if (signal === null && code !== 0) throw new Error(`the indexer ended with ${code}:\n${output.slice(-3000)}`)
  return signal === null
}

/** The same moments in every run, spread over the time in which a process catches up. */
function* moments(): Generator<number> {
  for (let state = 12345; ;) {
    state = (state * 1103515245 + 12345) % 2 ** 31
    yield 100 + (state % 500)
  }
}

test('a process killed at 20 random moments of a backfill leaves the tables of one that was not', { timeout: 300_000 }, async () => {
  if (!existsSync(PROGRAM)) throw new Error('this test runs the built program: `npm run build` first, or `npm test`, which does')
  const devnet = await startDevnet({ blockMs: null, seed: 'kill', subnets: 1, neurons: 6, log: silentLog })
  try {
    devnet.newBlock({ count: BLOCKS })
    await using clean = await testDatabase()
    expect(await runIndexer(devnet.url, clean.url, null)).toBe(true)

    await using battered = await testDatabase()
    let killed = 0
    const heights = new Set<number>()
    for (const moment of moments()) {
      if (killed === KILLS) break
      if (await runIndexer(devnet.url, battered.url, moment)) break
      killed++
      const { rows } = await battered.pool.query<{ height: string }>('select height from checkpoint')
      heights.add(Number(rows[0]?.height ?? -1))
    }
    expect(killed).toBe(KILLS)
    // It was killed on its way, not again and again at one place.
    expect(heights.size).toBeGreaterThan(KILLS / 2)
    expect(await runIndexer(devnet.url, battered.url, null)).toBe(true)
    expect(await battered.dump()).toBe(await clean.dump())
  } finally {
    await devnet.close()
  }
})
