import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { Hex } from '../../../src/core/records.js'
import { createRpcClient } from '../../../src/chain/rpc/client.js'
import { createStorageBatcher } from '../../../src/chain/rpc/storage-batch.js'
import type { RpcClient } from '../../../src/chain/rpc/types.js'
import { hashOf, refusal, startFaultNode, type FaultNode } from '../../support/fault-node.js'

const BLOCK = hashOf(7)
let node: FaultNode
let rpc: RpcClient
let state: Map<unknown, string>

beforeEach(async () => {
  state = new Map(Array.from({ length: 5000 }, (_, i) => [keyOf(i), `0x${(i * 2).toString(16)}`]))
  node = await startFaultNode({
    answers: {
      state_queryStorageAt: ([keys, block]) => [{ block, changes: (keys as string[]).map((key) => [key, valueOf(key)]) }],
      state_getStorage: ([key]) => valueOf(key),
      state_getKeysPaged: ([prefix, count, start]) =>
        [...state.keys()]
          .map(String)
          .filter((key) => key.startsWith(String(prefix)) && (start === null || key > (start as string)))
          .sort()
          .slice(0, Number(count)),
    },
  })
  rpc = createRpcClient({ endpoints: [node.url], log: silentLog, backoff: { minMs: 5, maxMs: 20 } })
})

afterEach(async () => {
  await rpc.close()
  await node.close()
})

function keyOf(index: number): Hex {
  return `0x${index.toString(16).padStart(8, '0')}`
}

function valueOf(key: unknown): string | null {
  return state.get(key) ?? null
}

describe('read', () => {
  test('puts everything asked for a block in one turn into one request, each key once', async () => {
    let keysAsked: unknown[] = []
    const query = node.answers['state_queryStorageAt']
    node.answers['state_queryStorageAt'] = (params, method) => {
      keysAsked = params[0] as unknown[]
      return query?.(params, method)
    }
    const storage = createStorageBatcher(rpc)
    const later = async (): Promise<(Hex | null)[]> => {
      await Promise.resolve()
      await Promise.resolve()
      return storage.read(BLOCK, [keyOf(3), keyOf(1)])
    }
    const [a, b, c] = await Promise.all([
      storage.read(BLOCK, [keyOf(1), keyOf(2), keyOf(1)]),
      later(),
      storage.read(BLOCK, [keyOf(90_000)]),
    ])
    expect(a).toEqual(['0x2', '0x4', '0x2'])
    expect(b).toEqual(['0x6', '0x2'])
    expect(c).toEqual([null])
    expect(keysAsked).toHaveLength(4)
    expect(rpc.stats().byMethod).toEqual({ state_queryStorageAt: 1 })
  })

  test('keeps blocks apart and answers nothing for no keys', async () => {
    const storage = createStorageBatcher(rpc)
    await Promise.all([storage.read(BLOCK, [keyOf(1), keyOf(2)]), storage.read(hashOf(8), [keyOf(1), keyOf(2)]), storage.read(BLOCK, [])])
    expect(rpc.stats().byMethod).toEqual({ state_queryStorageAt: 2 })
  })

  test('cuts many keys into chunks and gives them back in order', async () => {
    const keys = Array.from({ length: 5000 }, (_, i) => keyOf((i * 7) % 5000))
    const values = await createStorageBatcher(rpc, { maxKeys: 1000 }).read(BLOCK, keys)
    expect(values).toEqual(keys.map(valueOf))
    expect(rpc.stats().byMethod).toEqual({ state_queryStorageAt: 5 })
  })

  test('asks for a single key with the plain method', async () => {
    expect(await createStorageBatcher(rpc).read(BLOCK, [keyOf(4)])).toEqual(['0x8'])
    expect(rpc.stats().byMethod).toEqual({ state_getStorage: 1 })
  })

  test('takes answers in another order', async () => {
    node.answers['state_queryStorageAt'] = ([keys, block]) => [
      { block, changes: (keys as string[]).map((key) => [key, valueOf(key)]).reverse() },
    ]
    expect(await createStorageBatcher(rpc).read(BLOCK, [keyOf(1), keyOf(2), keyOf(3)])).toEqual(['0x2', '0x4', '0x6'])
  })

  test.each([
    ['lacks a key', (keys: string[]) => [{ changes: keys.slice(1).map((key) => [key, null]) }], /lacks 0x00000001, one of 2 keys/],
    ['has a value that is no hex', (keys: string[]) => [{ changes: keys.map((key) => [key, 5]) }], /the value of 0x00000001 is 5/],
    ['is no list', () => 'nothing', /wanted one set of changes, got "nothing"/],
    ['is empty', () => [], /wanted one set of changes, got \[\]/],
  ])('refuses an answer that %s, after asking again', async (_name, answer: (keys: string[]) => unknown, message) => {
    node.answers['state_queryStorageAt'] = ([keys]) => answer(keys as string[])
    const read = createStorageBatcher(rpc).read(BLOCK, [keyOf(1), keyOf(2)])
    await expect(read).rejects.toMatchObject({ code: 'UPSTREAM_INVALID', message })
    expect(node.seen.get('state_queryStorageAt')).toBe(3)
  })

  test('is content when the second answer is whole', async () => {
    const good = node.answers['state_queryStorageAt']
    let asked = 0
    node.answers['state_queryStorageAt'] = (params, method) => (asked++ === 0 ? [{ changes: [] }] : good?.(params, method))
    expect(await createStorageBatcher(rpc).read(BLOCK, [keyOf(1), keyOf(2)])).toEqual(['0x2', '0x4'])
  })

  test('goes key by key on a node that lacks the method, and remembers', async () => {
    node.answers['state_queryStorageAt'] = () => {
      throw refusal('Method not found', -32601)
    }
    const storage = createStorageBatcher(rpc)
    expect(await storage.read(BLOCK, [keyOf(1), keyOf(2)])).toEqual(['0x2', '0x4'])
    expect(await storage.read(BLOCK, [keyOf(3), keyOf(4)])).toEqual(['0x6', '0x8'])
    expect(rpc.stats().byMethod).toEqual({ state_queryStorageAt: 1, state_getStorage: 4 })
  })

  test('halves a question whose answer is too big for the node', async () => {
    const good = node.answers['state_queryStorageAt']
    node.answers['state_queryStorageAt'] = (params, method) => {
      if ((params[0] as unknown[]).length > 30) throw refusal('Response is too big', -32008)
      return good?.(params, method)
    }
    const keys = Array.from({ length: 100 }, (_, i) => keyOf(i))
    expect(await createStorageBatcher(rpc).read(BLOCK, keys)).toEqual(keys.map(valueOf))
  })

  test('rejects each caller of a batch that failed, and the next batch is free of it', async () => {
    node.faults = { errorEvery: 1, error: { code: 4003, message: 'State already discarded' } }
    const storage = createStorageBatcher(rpc)
    const results = await Promise.allSettled([storage.read(BLOCK, [keyOf(1), keyOf(2)]), storage.read(BLOCK, [keyOf(3)])])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    node.faults = {}
    expect(await storage.read(BLOCK, [keyOf(1), keyOf(2)])).toEqual(['0x2', '0x4'])
  })
})

describe('keysPaged', () => {
  test('gives all keys of a prefix, over as many pages as it takes', async () => {
    const keys = await createStorageBatcher(rpc).keysPaged('0x00', BLOCK, 1000)
    expect(keys).toEqual([...state.keys()].sort())
    expect(rpc.stats().byMethod).toEqual({ state_getKeysPaged: 6 })
  })

  test('gives none for a prefix without keys', async () => {
    expect(await createStorageBatcher(rpc).keysPaged('0xffff', BLOCK)).toEqual([])
  })

  test.each([
    ['repeats a page', ['0x01', '0x02']],
    ['answers with keys outside the prefix', ['0x01', '0x20']],
    ['answers with what is no key', ['0x01', 7]],
  ])('ends with an error on a node that %s', async (_name, page) => {
    node.answers['state_getKeysPaged'] = () => page
    await expect(createStorageBatcher(rpc).keysPaged('0x0', BLOCK, 2)).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  })
})
