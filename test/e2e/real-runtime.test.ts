import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { testDatabase } from '../support/database.js'
import { indexTo } from '../support/indexing.js'
import { needsRig, runTool, startRig, type SpecVersion } from '../support/rig.js'
import { compareWithTruth, type Truth } from '../support/truth.js'

/**
 * The index against the chain itself: a node with the real runtime lives through the rig's scenario, is indexed from genesis, and everything that was
 * stored is compared with what the rig reads from the node's storage through another library.
 * TAOGATE_RIG_SEEDS and TAOGATE_RIG_BLOCKS change how many scenarios are played and how long they are.
 */
const SEEDS = (process.env['TAOGATE_RIG_SEEDS'] ?? 'rig,second').split(',')
const BLOCKS = Number(process.env['TAOGATE_RIG_BLOCKS'] ?? 200)
const SPECS: SpecVersion[] = [103, 143]
const MINUTES = 60_000

describe.skipIf(!needsRig())('the index says what the real runtime says', () => {
  const cases = SPECS.flatMap((spec) => SEEDS.map((seed) => ({ spec, seed })))

  test.concurrent.each(cases)(
    'spec $spec, seed $seed',
    async ({ spec, seed }) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'taogate-truth-'))
      const node = await startRig(spec)
      try {
        await runTool('scenario.mjs', ['--ws', node.url, '--out', folder, '--blocks', String(BLOCKS), '--seed', seed], 25 * MINUTES)
        const end = (JSON.parse(await readFile(path.join(folder, 'summary.json'), 'utf8')) as { lastBlock: number }).lastBlock
        // Not at batch ends, at one, and at the head.
        const heights = [Math.floor(end * 0.31), Math.floor(end * 0.6), 127, end].filter((height) => height <= end).sort((a, b) => a - b)
        await using db = await testDatabase()
        for (const height of new Set(heights)) {
          await indexTo(node.url, db.pool, height)
          const truth = await readTruth(node.url, height, folder)
          const { compared, differences } = await compareWithTruth(db.pool, truth)
          expect(differences, `${differences.length} differences of ${compared} at block ${height}`).toEqual([])
          // The comparison compared something: a neuron has a score of fields, a block a hash.
          expect(compared).toBeGreaterThan(height * 10)
        }
      } finally {
        await node.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
    30 * MINUTES,
  )
})

async function readTruth(url: string, height: number, folder: string): Promise<Truth> {
  const file = path.join(folder, `truth-${height}.json`)
  await runTool('truth.mjs', ['--ws', url, '--block', String(height), '--out', file])
  return JSON.parse(await readFile(file, 'utf8')) as Truth
}
