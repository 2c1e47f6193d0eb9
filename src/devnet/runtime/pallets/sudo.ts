/** Sudo: one key that may call as root. */
import type { Hex } from '../../../core/records.js'
import { args, events, optionalItem } from '../define.js'
import {
  moduleError,
  type CallValue,
  type Context,
  type DispatchInfo,
  type DispatchOk,
  type Origin,
  type PalletDefinition,
  type Weight,
} from '../types.js'
import { addWeights } from '../weights.js'
import { lookup } from './balances.js'
import { ensureSigned } from './system.js'

function ensureSudo(ctx: Context, origin: Origin): Hex {
  const who = ensureSigned(origin)
  if (ctx.get<Hex | undefined>('Sudo', 'Key') !== who) throw moduleError('Sudo', 'RequireSudo')
  return who
}

/** Sudo calls are free for the key itself; whoever else tries has paid. */
const FREE = { paysFee: false }

function callAsRoot(ctx: Context, origin: Origin, { call }: Record<string, unknown>): DispatchOk {
  ensureSudo(ctx, origin)
  ctx.emit('Sudo', 'Sudid', ctx.dispatch({ type: 'Root' }, call as CallValue))
  return FREE
}

export function sudoPallet(): PalletDefinition {
  const asInner = (call: CallValue, infoOf: (call: CallValue) => DispatchInfo, extra = 0n): DispatchInfo => {
    const inner = infoOf(call)
    return { weight: addWeights(inner.weight, { refTime: extra, proofSize: 0n }), class: inner.class, paysFee: true }
  }
  return {
    name: 'Sudo',
    index: 12,
    storage: [optionalItem('Key', 'AccountId')],
    calls: [
      {
        index: 0,
        name: 'sudo',
        args: args('call: RuntimeCall'),
        weight: 0n,
        class: 'Normal',
        paysFee: true,
        info: ({ call }, infoOf) => asInner(call as CallValue, infoOf),
        dispatch: callAsRoot,
      },
      {
        index: 1,
        name: 'sudo_unchecked_weight',
        args: args('call: RuntimeCall, weight: Weight'),
        weight: 0n,
        class: 'Normal',
        paysFee: true,
        info: ({ call, weight }, infoOf) => {
          const { ref_time: refTime, proof_size: proofSize } = weight as { ref_time: bigint; proof_size: bigint }
          const given: Weight = { refTime, proofSize }
          return { weight: given, class: infoOf(call as CallValue).class, paysFee: true }
        },
        dispatch: callAsRoot,
      },
      {
        index: 2,
        name: 'set_key',
        args: args('new: MultiAddress'),
        weight: 0n,
        class: 'Normal',
        paysFee: true,
        dispatch: (ctx, origin, values) => {
          const old = ensureSudo(ctx, origin)
          const key = lookup(values.new)
          ctx.emit('Sudo', 'KeyChanged', old)
          ctx.set('Sudo', 'Key', [], key)
          return FREE
        },
      },
      {
        index: 3,
        name: 'sudo_as',
        args: args('who: MultiAddress, call: RuntimeCall'),
        weight: 0n,
        class: 'Normal',
        paysFee: true,
        info: ({ call }, infoOf) => asInner(call as CallValue, infoOf, 125_000_000n),
        dispatch: (ctx, origin, { who, call }) => {
          ensureSudo(ctx, origin)
          const as = lookup(who)
          ctx.emit('Sudo', 'SudoAsDone', ctx.dispatch({ type: 'Signed', who: as }, call as CallValue))
          return FREE
        },
      },
    ],
    events: events(
      'Sudid(sudo_result: DispatchResult)',
      'KeyChanged(old_sudoer: Option<AccountId>)',
      'SudoAsDone(sudo_result: DispatchResult)',
    ),
    errors: ['RequireSudo'],
    constants: [],
  }
}
