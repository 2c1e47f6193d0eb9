import { beforeAll, describe, expect, test } from 'vitest'
import type { Hex } from '../../../core/records.js'
import { createDevnetRuntime } from '../compose.js'
import type { Runtime } from '../runtime.js'
import type { CallValue } from '../types.js'
import { feeOf } from './transaction-payment.js'

const WHO: Hex = `0x${'12'.repeat(32)}`
const ID = { type: 'Id', value: WHO }
const WEIGHT = { ref_time: 7n, proof_size: 3n }

const call = (pallet: string, name: string, args: Record<string, unknown>): CallValue => ({ pallet, call: name, args })
const remark = (bytes: number) => call('System', 'remark', { remark: new Uint8Array(bytes) })
const transfer = call('Balances', 'transfer', { dest: ID, value: 5n })
const rawItems = (count: number) => Array.from({ length: count }, () => [new Uint8Array(1), new Uint8Array(1)])

/** Asked of a real runtime of spec 143 by `TransactionPaymentCallApi_query_call_info`: ref time, proof size, class. */
const REAL: [string, CallValue, bigint, bigint, string][] = [
  ['remark of nothing', remark(0), 2_091_000n, 0n, 'Normal'],
  ['remark', remark(1000), 2_453_000n, 0n, 'Normal'],
  ['remark_with_event', call('System', 'remark_with_event', { remark: new Uint8Array(1000) }), 9_171_000n, 0n, 'Normal'],
  ['set_storage', call('System', 'set_storage', { items: rawItems(2) }), 203_376_876n, 0n, 'Operational'],
  ['kill_storage', call('System', 'kill_storage', { keys: [new Uint8Array(1), new Uint8Array(1)] }), 203_158_258n, 0n, 'Operational'],
  ['timestamp', call('Timestamp', 'set', { now: 5n }), 159_258_000n, 1_006n, 'Mandatory'],
  ['transfer', transfer, 173_314_000n, 2_603n, 'Normal'],
  ['set_balance', call('Balances', 'set_balance', { who: ID, new_free: 1_000n, new_reserved: 0n }), 155_615_000n, 2_603n, 'Normal'],
  ['force_transfer', call('Balances', 'force_transfer', { source: ID, dest: ID, value: 1n }), 298_496_000n, 5_206n, 'Normal'],
  ['transfer_keep_alive', call('Balances', 'transfer_keep_alive', { dest: ID, value: 5n }), 162_432_000n, 2_603n, 'Normal'],
  ['transfer_all', call('Balances', 'transfer_all', { dest: ID, keep_alive: true }), 167_950_000n, 2_603n, 'Normal'],
  ['force_unreserve', call('Balances', 'force_unreserve', { who: ID, amount: 1n }), 148_951_000n, 2_603n, 'Normal'],
  ['empty batch', call('Utility', 'batch', { calls: [] }), 16_087_635n, 0n, 'Operational'],
  ['batch', call('Utility', 'batch', { calls: [transfer, transfer] }), 370_046_647n, 5_206n, 'Normal'],
  ['batch_all', call('Utility', 'batch_all', { calls: [remark(2)] }), 19_926_996n, 0n, 'Normal'],
  ['force_batch', call('Utility', 'force_batch', { calls: [remark(2)] }), 20_030_597n, 0n, 'Normal'],
  ['as_derivative', call('Utility', 'as_derivative', { index: 0, call: remark(2) }), 132_360_724n, 0n, 'Normal'],
  ['with_weight', call('Utility', 'with_weight', { call: remark(2), weight: WEIGHT }), 7n, 3n, 'Normal'],
  ['sudo', call('Sudo', 'sudo', { call: remark(2) }), 2_091_724n, 0n, 'Normal'],
  ['sudo_unchecked_weight', call('Sudo', 'sudo_unchecked_weight', { call: remark(2), weight: WEIGHT }), 7n, 3n, 'Normal'],
  ['set_key', call('Sudo', 'set_key', { new: ID }), 0n, 0n, 'Normal'],
  ['sudo_as', call('Sudo', 'sudo_as', { who: ID, call: remark(2) }), 127_091_724n, 0n, 'Normal'],
]

describe('what calls cost is what they cost on a real chain', () => {
  let runtime: Runtime
  beforeAll(() => (runtime = createDevnetRuntime()))

  test.each(REAL)('%s', (_, value, refTime, proofSize, dispatchClass) => {
    expect(runtime.infoOf(value)).toMatchObject({ weight: { refTime, proofSize }, class: dispatchClass })
    // The runtime's answer for each of them was the length alone: a billionth of these weights rounds to nothing.
    expect(feeOf(100, refTime, true)).toBe(100n)
  })

  test('a billionth of the weight is charged, to the nearest, halves down', () => {
    expect([500_000_000n, 500_000_001n, 1_499_999_999n, 1_500_000_001n].map((refTime) => feeOf(0, refTime, true))).toEqual([0n, 1n, 1n, 2n])
    expect(feeOf(1_000, 10n ** 15n, true)).toBe(1_000n + 4_000n)
    expect(feeOf(1_000, 10n ** 15n, false)).toBe(0n)
  })
})
