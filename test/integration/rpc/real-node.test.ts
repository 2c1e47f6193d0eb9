import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { Hex } from '../../../src/core/records.js'
import { createRpcClient } from '../../../src/chain/rpc/client.js'
import { isMethodNotFound } from '../../../src/chain/rpc/errors.js'
import { followHeads } from '../../../src/chain/rpc/heads.js'
import { createStorageBatcher } from '../../../src/chain/rpc/storage-batch.js'
import type { RpcClient } from '../../../src/chain/rpc/types.js'
import { longChain, needsRig, replay, startRig } from '../../support/rig.js'

const EVENTS_KEY = '0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7'

describe.skipIf(!needsRig()).each([103, 143] as const)('a real node of spec %i', (spec) => {
  test('is read, followed, and read again from its recording through every fault', { timeout: 180_000 }, async () => {
    const node = await startRig(spec)
    const folder = await mkdtemp(path.join(tmpdir(), 'taogate-rpc-'))
    const recording = path.join(folder, 'recording')
    try {
      const direct = createRpcClient({ endpoints: [node.url], log: silentLog })
      const heads: number[] = []
      const follower = await followHeads(direct, { mode: 'best', onHead: (height) => heads.push(height) })
      for (let i = 0; i < 12; i++) await direct.request('dev_newBlock', [])
      const last = follower.heads().best ?? 0
      expect(heads.at(-1)).toBe(last)
      expect(last).toBeGreaterThanOrEqual(13)
      const truth = await readBlocks(direct, 1, last)
      await expect(direct.request('no_such_method', []).catch(isMethodNotFound)).resolves.toBe(true)

      const storage = createStorageBatcher(direct)
      const hash = truth.at(-1)?.hash as Hex
      const keys = await storage.keysPaged('0x', hash, 20)
      expect(keys.length).toBeGreaterThan(50)
      const together = await storage.read(hash, keys)
      const singly = await Promise.all(keys.map((key) => direct.request('state_getStorage', [key, hash])))
      expect(together).toEqual(singly)
      await follower.close()
      await direct.close()

      const recorder = await replay(recording, ['--upstream', node.url])
      expect(await readFrom(recorder.url, 1, last)).toEqual(truth)
      await recorder.close()

      const faulty = ['--drop-every', '37', '--error-rate', '0.05', '--stall-every', '61', '--stall-ms', '600', '--latency', '2']
      const replayed = await replay(recording, faulty)
      expect(await readFrom(replayed.url, 1, last)).toEqual(truth)
      await replayed.close()

      const long = await longChain(recording, 200, ['--drop-every', '100'])
      expect((await readFrom(long.url, 1, 200)).length).toBe(200)
      await long.close()
    } finally {
      await node.close()
      await rm(folder, { recursive: true })
    }
  })
})

async function readFrom(url: string, from: number, to: number): Promise<BlockRead[]> {
  const rpc = createRpcClient({ endpoints: [url], log: silentLog, timeoutMs: 300, backoff: { minMs: 5, maxMs: 50 } })
  try {
    return await readBlocks(rpc, from, to)
  } finally {
    await rpc.close()
  }
}

interface BlockRead {
  hash: Hex
  answers: unknown[]
}

function readBlocks(rpc: RpcClient, from: number, to: number): Promise<BlockRead[]> {
  const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  return Promise.all(
    heights.map(async (height) => {
      const hash = await rpc.request<Hex>('chain_getBlockHash', [height])
      const answers = await Promise.all([
        rpc.request('chain_getBlock', [hash]),
        rpc.request('state_getStorage', [EVENTS_KEY, hash]),
        rpc.request('state_getRuntimeVersion', [hash]),
        height === from ? rpc.request('state_getMetadata', [hash]) : null,
      ])
      return { hash, answers }
    }),
  )
}
