/** Utility: several calls in one, and calls under another origin. */
import { blake2AsHex } from '@polkadot/util-crypto'
import type { Hex } from '../../../core/records.js'
import { args, events } from '../define.js'
import { hexBytes } from '../scale.js'
import {
  DispatchError,
  moduleError,
  type CallDefinition,
  type CallValue,
  type Context,
  type DispatchInfo,
  type DispatchOk,
  type Origin,
  type PalletDefinition,
  type Weight,
} from '../types.js'
import { actualWeight, addWeights, ZERO_WEIGHT } from '../weights.js'
import { ensureRoot, ensureSigned } from './system.js'

const BATCH_LIMIT = 10_922

const refTime = (value: bigint): Weight => ({ refTime: value, proofSize: 0n })

interface BatchKind {
  base: bigint
  perCall: bigint
}

const BATCH: BatchKind = { base: 16_087_635n, perCall: 3_665_506n }
const BATCH_ALL: BatchKind = { base: 14_090_381n, perCall: 3_744_891n }
const FORCE_BATCH: BatchKind = { base: 14_292_923n, perCall: 3_645_950n }

const ownWeight = (kind: BatchKind, calls: number): Weight => refTime(kind.base + kind.perCall * BigInt(calls))

function batchInfo(kind: BatchKind): NonNullable<CallDefinition['info']> {
  return ({ calls }, infoOf) => {
    const inner = (calls as CallValue[]).map(infoOf)
    return {
      weight: addWeights(ownWeight(kind, inner.length), ...inner.map((info) => info.weight)),
      class: inner.every((info) => info.class === 'Operational') ? 'Operational' : 'Normal',
      paysFee: true,
    }
  }
}

/** Runs one call and says what it weighed. */
function runOne(ctx: Context, origin: Origin, call: CallValue): { error?: DispatchError; weight: Weight } {
  const info = ctx.infoOf(call)
  const outcome = ctx.dispatch(origin, call)
  return outcome.ok
    ? { weight: actualWeight(info, outcome.post) }
    : { error: outcome.error, weight: actualWeight(info, outcome.error.post) }
}

function checkBatch(origin: Origin, calls: CallValue[]): void {
  if (origin.type === 'None') throw new DispatchError({ type: 'BadOrigin' })
  if (calls.length > BATCH_LIMIT) throw moduleError('Utility', 'TooManyCalls')
}

function batch(ctx: Context, origin: Origin, values: Record<string, unknown>): DispatchOk {
  const calls = values.calls as CallValue[]
  checkBatch(origin, calls)
  let weight = ZERO_WEIGHT
  for (const [index, call] of calls.entries()) {
    const one = runOne(ctx, origin, call)
    weight = addWeights(weight, one.weight)
    if (one.error !== undefined) {
      ctx.emit('Utility', 'BatchInterrupted', index, one.error)
      return { actualWeight: addWeights(weight, ownWeight(BATCH, index + 1)) }
    }
    ctx.emit('Utility', 'ItemCompleted')
  }
  ctx.emit('Utility', 'BatchCompleted')
  return { actualWeight: addWeights(weight, ownWeight(BATCH, calls.length)) }
}

function batchAll(ctx: Context, origin: Origin, values: Record<string, unknown>): DispatchOk {
  const calls = values.calls as CallValue[]
  checkBatch(origin, calls)
  let weight = ZERO_WEIGHT
  for (const [index, call] of calls.entries()) {
    // Not inside itself, unless root asks: that would let a caller nest without end for one fee.
    const nested = origin.type !== 'Root' && call.pallet === 'Utility' && call.call === 'batch_all'
    const one = nested ? { error: moduleError('System', 'CallFiltered'), weight: ctx.infoOf(call).weight } : runOne(ctx, origin, call)
    weight = addWeights(weight, one.weight)
    if (one.error !== undefined)
      throw new DispatchError(one.error.kind, { actualWeight: addWeights(weight, ownWeight(BATCH_ALL, index + 1)) })
    ctx.emit('Utility', 'ItemCompleted')
  }
  ctx.emit('Utility', 'BatchCompleted')
  return { actualWeight: addWeights(weight, ownWeight(BATCH_ALL, calls.length)) }
}

function forceBatch(ctx: Context, origin: Origin, values: Record<string, unknown>): DispatchOk {
  const calls = values.calls as CallValue[]
  checkBatch(origin, calls)
  let weight = ZERO_WEIGHT
  let failed = false
  for (const call of calls) {
    const one = runOne(ctx, origin, call)
    weight = addWeights(weight, one.weight)
    failed ||= one.error !== undefined
    if (one.error === undefined) ctx.emit('Utility', 'ItemCompleted')
    else ctx.emit('Utility', 'ItemFailed', one.error)
  }
  ctx.emit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted')
  return { actualWeight: addWeights(weight, ownWeight(FORCE_BATCH, calls.length)) }
}

/** The account that only `who`, and only by this call, can act as. */
export function derivativeAccount(who: Hex, index: number): Hex {
  const seed = Buffer.alloc(16 + 32 + 2)
  seed.write('modlpy/utilisuba')
  hexBytes(who).copy(seed, 16)
  seed.writeUInt16LE(index, 48)
  return blake2AsHex(seed, 256)
}

const AS_DERIVATIVE: Weight = refTime(130_269_000n)

function asDerivative(ctx: Context, origin: Origin, values: Record<string, unknown>): DispatchOk {
  const who = derivativeAccount(ensureSigned(origin), values.index as number)
  const one = runOne(ctx, { type: 'Signed', who }, values.call as CallValue)
  const post = { actualWeight: addWeights(AS_DERIVATIVE, one.weight) }
  if (one.error !== undefined) throw new DispatchError(one.error.kind, post)
  return post
}

type OriginCaller = { type: string; value: { type: 'Root' } | { type: 'Signed'; value: Hex } | { type: 'None' } }

function dispatchAs(ctx: Context, origin: Origin, values: Record<string, unknown>): undefined {
  ensureRoot(origin)
  const { type, value } = values.as_origin as OriginCaller
  // Origins of other pallets open nothing here.
  const as: Origin =
    type !== 'system' ? { type: 'None' } : value.type === 'Signed' ? { type: 'Signed', who: value.value } : { type: value.type }
  ctx.emit('Utility', 'DispatchedAs', ctx.dispatch(as, values.call as CallValue))
}

export function utilityPallet(): PalletDefinition {
  const call = (
    index: number,
    name: string,
    list: string,
    info: CallDefinition['info'],
    dispatch: CallDefinition['dispatch'],
  ): CallDefinition => ({
    index,
    name,
    args: args(list),
    weight: 0n,
    class: 'Normal',
    paysFee: true,
    info,
    dispatch,
  })
  const around =
    (own: Weight): CallDefinition['info'] =>
    (values, infoOf): DispatchInfo => {
      const inner = infoOf(values.call as CallValue)
      return { weight: addWeights(own, inner.weight), class: inner.class, paysFee: true }
    }
  return {
    name: 'Utility',
    index: 11,
    storage: [],
    calls: [
      call(0, 'batch', 'calls: Vec<RuntimeCall>', batchInfo(BATCH), batch),
      call(1, 'as_derivative', 'index: u16, call: RuntimeCall', around(AS_DERIVATIVE), asDerivative),
      call(2, 'batch_all', 'calls: Vec<RuntimeCall>', batchInfo(BATCH_ALL), batchAll),
      call(3, 'dispatch_as', 'as_origin: OriginCaller, call: RuntimeCall', around(refTime(9_280_000n)), dispatchAs),
      call(4, 'force_batch', 'calls: Vec<RuntimeCall>', batchInfo(FORCE_BATCH), forceBatch),
      call(
        5,
        'with_weight',
        'call: RuntimeCall, weight: Weight',
        (values, infoOf) => {
          const { ref_time, proof_size } = values.weight as { ref_time: bigint; proof_size: bigint }
          return { weight: { refTime: ref_time, proofSize: proof_size }, class: infoOf(values.call as CallValue).class, paysFee: true }
        },
        (ctx, origin, values) => {
          ensureRoot(origin)
          const outcome = ctx.dispatch({ type: 'Root' }, values.call as CallValue)
          if (!outcome.ok) throw outcome.error
          return undefined
        },
      ),
    ],
    events: events(
      'BatchInterrupted(index: u32, error: DispatchError)',
      'BatchCompleted',
      'BatchCompletedWithErrors',
      'ItemCompleted',
      'ItemFailed(error: DispatchError)',
      'DispatchedAs(result: DispatchResult)',
    ),
    errors: ['TooManyCalls'],
    constants: [{ name: 'batched_calls_limit', type: 'u32', value: BATCH_LIMIT }],
  }
}
