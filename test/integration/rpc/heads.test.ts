import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createRpcClient } from '../../../src/chain/rpc/client.js'
import { followHeads, type FollowHeadsOptions, type HeadFollower } from '../../../src/chain/rpc/heads.js'
import type { RpcClient } from '../../../src/chain/rpc/types.js'
import { hashOf, headerOf, refusal, startFaultNode, type FaultNode } from '../../support/fault-node.js'

let node: FaultNode
let rpc: RpcClient
let follower: HeadFollower | undefined
let heads: number[]

beforeEach(async () => {
  node = await startFaultNode()
  rpc = createRpcClient({ endpoints: [node.url], log: silentLog, backoff: { minMs: 5, maxMs: 20 } })
  heads = []
})

afterEach(async () => {
  await follower?.close()
  follower = undefined
  await rpc.close()
  await node.close()
})

async function follow(options: Partial<FollowHeadsOptions> = {}): Promise<HeadFollower> {
  follower = await followHeads(rpc, { mode: 'finalized', onHead: (height) => heads.push(height), ...options })
  return follower
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited too long: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('both heads are known once it has started, and the first one is told with its hash', async () => {
  node.moveHead(12, ['best'])
  node.moveHead(9, ['finalized'])
  const told: unknown[] = []
  const { heads: known } = await follow({ onHead: (...head) => told.push(head) })
  expect(known()).toEqual({ best: 12, finalized: 9 })
  expect(told[0]).toEqual([9, hashOf(9), hashOf(8)])
})

test('finalized heads rise: repetitions and what lies below are not told', async () => {
  node.faults = { headCopies: 2 }
  await follow()
  node.moveHead(1)
  node.moveHead(3)
  node.moveHead(2)
  node.moveHead(4)
  await until(() => heads.includes(4), 'head 4')
  expect(heads).toEqual([0, 1, 3, 4])
})

test('best heads are told as they come, lower ones after a fork too, and repetitions once', async () => {
  node.faults = { headCopies: 3 }
  const { heads: known } = await follow({ mode: 'best' })
  node.moveHead(5, ['best'])
  node.moveHead(4, ['best'])
  node.moveHead(5, ['best'])
  await until(() => heads.length >= 4, 'the fork')
  expect(heads).toEqual([0, 5, 4, 5])
  expect(known()).toEqual({ best: 5, finalized: 0 })
})

test('a silent subscription is helped by asking', async () => {
  await follow({ blockTimeMs: 30 })
  node.answers['chain_getFinalizedHead'] = () => hashOf(77)
  await until(() => heads.includes(77), 'the head that no one told')
})

test('a subscription that speaks is not helped', async () => {
  await follow({ blockTimeMs: 100 })
  const asked = node.seen.get('chain_getFinalizedHead')
  for (let height = 1; height <= 8; height++) {
    node.moveHead(height)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(node.seen.get('chain_getFinalizedHead')).toBe(asked)
})

test.each(['finalized', 'best'] as const)('a node without subscriptions is asked (%s)', async (mode) => {
  const none = (): never => {
    throw refusal('Method not found', -32601)
  }
  node.answers['chain_subscribeNewHeads'] = none
  node.answers['chain_subscribeFinalizedHeads'] = none
  await follow({ mode, blockTimeMs: 30 })
  node.moveHead(6)
  await until(() => heads.includes(6), 'the head')
})

test('heads go on after the connection was lost', async () => {
  await follow()
  for (const height of [5, 6, 7]) {
    node.dropConnections()
    node.moveHead(height)
    await until(() => heads.includes(height), `head ${height}`)
  }
})

test('heads without a number are passed over', async () => {
  await follow({ mode: 'best' })
  const good = node.answers['chain_getHeader']
  node.answers['chain_getHeader'] = () => ({ ...headerOf(3), number: 'x' })
  await expect(followHeads(rpc, { mode: 'best', onHead: () => {} })).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  if (good !== undefined) node.answers['chain_getHeader'] = good
  node.moveHead(4)
  await until(() => heads.includes(4), 'head 4')
})

test('it ends with its signal', async () => {
  const controller = new AbortController()
  await follow({ signal: controller.signal, blockTimeMs: 20 })
  controller.abort()
  await until(() => node.seen.get('chain_unsubscribeFinalizedHeads') === 1, 'unsubscribed')
  const before = heads.length
  node.moveHead(50)
  await new Promise((resolve) => setTimeout(resolve, 80))
  expect(heads.length).toBe(before)
  await expect(followHeads(rpc, { mode: 'best', onHead: () => {}, signal: controller.signal })).rejects.toThrow()
})
