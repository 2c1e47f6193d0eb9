import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { lostError, rpcError } from '../rpc/errors.js'
import type { RpcClient } from '../rpc/types.js'
import { dryRun } from './dry-run.js'

const AT: Hex = `0x${'aa'.repeat(32)}`
const EXTRINSIC: Hex = '0x0c840102'

type Answer = Hex | Error

function nodeOf(answers: Record<string, Answer>): { rpc: RpcClient; asked: [string, readonly unknown[]][] } {
  const asked: [string, readonly unknown[]][] = []
  const request = (method: string, params: readonly unknown[]): Promise<unknown> => {
    asked.push([method, params])
    const answer = answers[method] ?? rpcError(method, 'ws://node', { code: -32601, message: 'Method not found' }, 1)
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  return { rpc: { request } as unknown as RpcClient, asked }
}

const denied = (method: string): Error =>
  rpcError(method, 'ws://node', { code: -32601, message: 'RPC call is unsafe to be called externally' }, 1)

describe('asking a node before an extrinsic is sent', () => {
  test.each<[string, Hex, object]>([
    ['valid', '0x00ffffffffffffffff0000ffffffffffffffff01', { verdict: 'valid' }],
    ['no money for the fee', '0x010001', { verdict: 'invalid', reason: 'Payment' }],
    ['nonce of the past', '0x010003', { verdict: 'invalid', reason: 'Stale' }],
    ["the runtime's own reason", '0x010007ff', { verdict: 'invalid', reason: 'Custom 255' }],
    ['unknown', '0x010100', { verdict: 'invalid', reason: 'CannotLookup' }],
    ['newer than this program', '0x010063', { verdict: 'invalid', reason: 'error 99' }],
  ])('%s', async (_, answer, expected) => {
    const { rpc, asked } = nodeOf({ state_call: answer })
    expect(await dryRun(rpc, EXTRINSIC, AT)).toEqual(expected)
    expect(asked).toEqual([['state_call', ['TaggedTransactionQueue_validate_transaction', `0x020c840102${'aa'.repeat(32)}`, AT]]])
  })

  test.each<[string, Hex, object]>([
    ['applied', '0x0000', { verdict: 'valid' }],
    ['applied and failed, which means nothing in that block', '0x0001030700000000', { verdict: 'valid' }],
    ['not applied', '0x010001', { verdict: 'invalid', reason: 'Payment' }],
    ['an era that begins in that very block', '0x010005', { verdict: 'unknown' }],
  ])('where only the operator may call the runtime, by its dry run: %s', async (_, answer, expected) => {
    const { rpc } = nodeOf({ state_call: denied('state_call'), system_dryRun: answer })
    expect(await dryRun(rpc, EXTRINSIC, AT)).toEqual(expected)
  })

  test('a node that answers neither leaves it unknown, and one that is gone is an error', async () => {
    expect(await dryRun(nodeOf({}).rpc, EXTRINSIC, AT)).toEqual({ verdict: 'unknown' })
    const gone = lostError('state_call', 'ws://node', 'cut', 1)
    await expect(dryRun(nodeOf({ state_call: gone }).rpc, EXTRINSIC, AT)).rejects.toBe(gone)
  })
})
