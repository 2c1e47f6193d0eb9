import { describe, expect, test } from 'vitest'
import type { DecodedCall } from '../chain/codec/calls.js'
import type { DecodedEvent } from '../chain/codec/events.js'
import type { Runtime } from '../chain/runtime.js'
import type { Hex } from '../core/records.js'
import { callOutcomes } from './call-outcomes.js'

const SIGNER: Hex = `0x${'11'.repeat(32)}`
const OTHER: Hex = `0x${'22'.repeat(32)}`
const runtime = { errorName: (error: unknown) => ({ pallet: 'Test', name: String(error) }) } as unknown as Runtime
const DONE = { success: true, error: null }

function call(name: string, inner: DecodedCall[] = [], values: Record<string, unknown> = {}): DecodedCall {
  const [pallet, method] = name.split('.') as [string, string]
  return { pallet, call: method, args: '{}', inner, values: () => values }
}
function event(name: string, ...values: unknown[]): DecodedEvent {
  const [pallet, method] = name.split('.') as [string, string]
  return { index: 0, phase: 'ApplyExtrinsic', extrinsicIndex: 1, pallet, name: method, data: '[]', values: () => values }
}
const ok = { type: 'Ok', value: null }
const err = (name: string): unknown => ({ type: 'Err', value: name })
const leaf = (): DecodedCall => call('Balances.transfer')

/** Each nested call as `success` or the name of its error. */
function outcomes(
  outer: DecodedCall,
  events: DecodedEvent[],
  outcome: { success: boolean; error: null } = DONE,
): (boolean | null | string)[] {
  return callOutcomes(runtime, outer, outcome, SIGNER, events)
    .slice(1)
    .map((flat) => flat.outcome.error?.name ?? flat.outcome.success)
}

describe('how nested calls ended', () => {
  test('a sudo tells the result of its call, which the extrinsic does not', () => {
    expect(outcomes(call('Sudo.sudo', [leaf()]), [event('Sudo.Sudid', ok)])).toEqual([true])
    expect(outcomes(call('Sudo.sudo', [leaf()]), [event('Sudo.Sudid', err('Nope'))])).toEqual(['Nope'])
  })

  test('a batch that was interrupted: done, failed, never run', () => {
    const events = [event('Utility.ItemCompleted'), event('Utility.BatchInterrupted', 1, 'Broke')]
    expect(outcomes(call('Utility.batch', [leaf(), leaf(), leaf()]), events)).toEqual([true, 'Broke', null])
  })

  test('a forced batch goes on after a failure', () => {
    const events = [event('Utility.ItemFailed', 'Broke'), event('Utility.ItemCompleted'), event('Utility.BatchCompletedWithErrors')]
    expect(outcomes(call('Utility.force_batch', [leaf(), leaf()]), events)).toEqual(['Broke', true])
  })

  test('markers of an inner batch are its own, not those of the calls around it', () => {
    const inner = call('Utility.batch', [leaf(), leaf()])
    const events = [
      event('Utility.ItemCompleted'),
      event('Utility.BatchInterrupted', 1, 'Inner'),
      event('Utility.ItemCompleted'), // the inner batch itself
      event('Utility.ItemFailed', 'Last'),
      event('Utility.BatchCompletedWithErrors'),
    ]
    expect(outcomes(call('Utility.force_batch', [inner, leaf()]), events)).toEqual([true, true, 'Inner', 'Last'])
  })

  test('an inner wrapper that failed took its events with it', () => {
    const inner = call('Utility.batch_all', [leaf(), leaf()])
    const events = [event('Utility.ItemFailed', 'Rolled'), event('Utility.ItemCompleted'), event('Utility.BatchCompletedWithErrors')]
    expect(outcomes(call('Utility.force_batch', [inner, leaf()]), events)).toEqual(['Rolled', null, null, true])
  })

  test('of a failed extrinsic nothing inside is known', () => {
    expect(outcomes(call('Utility.batch_all', [leaf(), leaf()]), [], { success: false, error: null })).toEqual([null, null])
  })

  test('a multisig that only collects approvals has not run its call', () => {
    expect(outcomes(call('Multisig.as_multi', [leaf()]), [event('Multisig.NewMultisig')])).toEqual([null])
    expect(outcomes(call('Multisig.as_multi', [leaf()]), [event('Multisig.MultisigExecuted', 0, 0, 0, 0, ok)])).toEqual([true])
  })

  test('a wrapper nobody knows still lists its calls', () => {
    expect(outcomes(call('Later.wraps', [leaf()]), [])).toEqual([null])
  })
})

test('nested calls keep their place and whom they are made for', () => {
  const proxied = call('Proxy.proxy', [leaf()], { real: { type: 'Id', value: OTHER } })
  const flat = callOutcomes(runtime, call('Utility.batch', [proxied, leaf()]), DONE, SIGNER, [
    event('Proxy.ProxyExecuted', ok),
    event('Utility.ItemCompleted'),
    event('Utility.ItemCompleted'),
    event('Utility.BatchCompleted'),
  ])
  expect(flat.map(({ index, parentIndex, origin }) => ({ index, parentIndex, origin }))).toEqual([
    { index: 0, parentIndex: 0, origin: SIGNER },
    { index: 1, parentIndex: 0, origin: SIGNER },
    { index: 2, parentIndex: 1, origin: OTHER },
    { index: 3, parentIndex: 0, origin: SIGNER },
  ])
})
