import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChainState } from '../chain/state.js'
import { epochDue } from '../consensus/tokenomics/emission-queue.js'
import { counterBlocks, rootEpochs } from './epochs.js'

/** A chain that only has a counter and a tempo. */
function fakeChain(
  counter: (height: number) => number,
  tempo: (height: number) => number = () => 0,
): (height: number) => Promise<ChainState> {
  return (height) =>
    Promise.resolve({
      runtime: { hasCall: () => true },
      prefetch: () => undefined,
      get: (_pallet: string, item: string) => Promise.resolve(item === 'Tempo' ? tempo(height) : BigInt(counter(height))),
    } as unknown as ChainState)
}

test('every block that set the counter is found, from the end, with one read each and one more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 400 })),
      fc.integer({ min: 1, max: 400 }),
      fc.nat(100),
      async (set, from, length) => {
        const to = from + length
        let reads = 0
        const at = fakeChain((height) => {
          reads++
          return Math.max(0, ...set.filter((block) => block <= height))
        })
        const found = await counterBlocks({ counter: 'LastMechansimStepBlock', netuid: 1, period: 7, from, to, stateAt: at })
        expect(found).toEqual(set.filter((block) => block >= from && block <= to).sort((a, b) => b - a))
        expect(reads).toBeLessThanOrEqual(found.length + 1)
      },
    ),
  )
})

test('root epochs follow the tempo that was in force in each block', async () => {
  // The tempo is set to 4 in block 25: an epoch runs before its block's extrinsics, so 26 is the first block with it.
  const tempo = (height: number): number => (height >= 25 ? 4 : 9)
  const expected = Array.from({ length: 60 }, (_, block) => block).filter((block) => block >= 1 && epochDue(0, tempo(block - 1), block))
  expect(
    await rootEpochs(
      1,
      59,
      [25],
      fakeChain(() => 0, tempo),
    ),
  ).toEqual(expected)
})
