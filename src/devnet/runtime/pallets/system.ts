/** System: accounts and their reference counts, remarks, and the block's own bookkeeping. */
import { blake2AsHex } from '@polkadot/util-crypto'
import type { Hex } from '../../../core/records.js'
import { args, events, item, map, optionalItem, refusedCall } from '../define.js'
import { DispatchError, type CallDefinition, type Context, type Origin, type PalletDefinition } from '../types.js'
import { RUNTIME_VERSION } from '../version.js'
import { BASE_BLOCK, BASE_EXTRINSIC, DB_READ, DB_WRITE, MAX_BLOCK, MAX_EXTRINSIC, MAX_LENGTH, MAX_TOTAL, RESERVED } from '../weights.js'
import type { DispatchClass, Weight } from '../types.js'

export interface AccountData {
  free: bigint
  reserved: bigint
  misc_frozen: bigint
  fee_frozen: bigint
}

export interface AccountInfo {
  nonce: number
  consumers: number
  providers: number
  sufficients: number
  data: AccountData
}

export const BLOCK_HASH_COUNT = 2400
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`

const EMPTY_DATA: AccountData = { free: 0n, reserved: 0n, misc_frozen: 0n, fee_frozen: 0n }
const EMPTY_ACCOUNT: AccountInfo = { nonce: 0, consumers: 0, providers: 0, sufficients: 0, data: EMPTY_DATA }

export function account(ctx: Context, who: Hex): AccountInfo {
  return ctx.get<AccountInfo>('System', 'Account', who)
}

export function setNonce(ctx: Context, who: Hex, nonce: number): void {
  ctx.set('System', 'Account', [who], { ...account(ctx, who), nonce })
}

/** Whether the account may go away: nothing depends on it, or something else keeps it. */
export function canDropProvider(ctx: Context, who: Hex): boolean {
  const { consumers, providers } = account(ctx, who)
  return consumers === 0 || providers > 1
}

/**
 * Writes balances, or takes them away with `undefined`. Balances are a provider: the account appears with the first and, unless
 * something else provides for it, goes with the last.
 */
export function setAccountData(ctx: Context, who: Hex, data: AccountData | undefined): void {
  const info = account(ctx, who)
  const provided = hasData(info.data)
  if (!provided && data === undefined) return
  if (!provided && data !== undefined) {
    const created = info.providers === 0 && info.sufficients === 0
    ctx.set('System', 'Account', [who], { ...info, providers: info.providers + 1, data })
    if (created) ctx.emit('System', 'NewAccount', who)
    return
  }
  if (data !== undefined) {
    ctx.set('System', 'Account', [who], { ...info, data })
    return
  }
  const providers = Math.max(info.providers, 1)
  if (providers === 1 && info.consumers > 0) throw new DispatchError({ type: 'ConsumerRemaining' })
  if (providers === 1 && info.sufficients === 0) {
    ctx.remove('System', 'Account', who)
    ctx.emit('System', 'KilledAccount', who)
    return
  }
  ctx.set('System', 'Account', [who], { ...info, providers: providers - 1, data: EMPTY_DATA })
}

export function hasData(data: AccountData): boolean {
  return data.free !== 0n || data.reserved !== 0n || data.misc_frozen !== 0n || data.fee_frozen !== 0n
}

export function ensureSigned(origin: Origin): Hex {
  if (origin.type !== 'Signed') throw new DispatchError({ type: 'BadOrigin' })
  return origin.who
}

export function ensureRoot(origin: Origin): void {
  if (origin.type !== 'Root') throw new DispatchError({ type: 'BadOrigin' })
}

function remark(index: number, name: string, base: bigint, perByte: bigint, dispatch: CallDefinition['dispatch']): CallDefinition {
  const info: CallDefinition['info'] = ({ remark: bytes }) => ({
    weight: { refTime: base + perByte * BigInt((bytes as Uint8Array).length), proofSize: 0n },
    class: 'Normal',
    paysFee: true,
  })
  return { index, name, args: args('remark: Vec<u8>'), weight: base, class: 'Normal', paysFee: true, info, dispatch }
}

type RawItem = [Uint8Array, Uint8Array]

function storageCalls(): CallDefinition[] {
  const operational = (weight: Weight) => ({ weight, class: 'Operational' as const, paysFee: true })
  return [
    {
      index: 4,
      name: 'set_storage',
      args: args('items: Vec<(Vec<u8>, Vec<u8>)>'),
      weight: 0n,
      class: 'Operational',
      paysFee: true,
      info: ({ items }) => operational({ refTime: 2_114_000n + 100_631_438n * BigInt((items as RawItem[]).length), proofSize: 0n }),
      dispatch: (ctx, origin, { items }) => {
        ensureRoot(origin)
        for (const [key, value] of items as RawItem[]) ctx.setRaw(key, value)
        return undefined
      },
    },
    {
      index: 5,
      name: 'kill_storage',
      args: args('keys: Vec<Vec<u8>>'),
      weight: 0n,
      class: 'Operational',
      paysFee: true,
      info: ({ keys }) => operational({ refTime: 2_153_000n + 100_502_629n * BigInt((keys as Uint8Array[]).length), proofSize: 0n }),
      dispatch: (ctx, origin, { keys }) => {
        ensureRoot(origin)
        for (const key of keys as Uint8Array[]) ctx.setRaw(key, null)
        return undefined
      },
    },
  ]
}

const perClass = <T>(value: (of: DispatchClass) => T) => ({
  normal: value('Normal'),
  operational: value('Operational'),
  mandatory: value('Mandatory'),
})
const weightValue = (weight: Weight) => ({ ref_time: weight.refTime, proof_size: weight.proofSize })
const optionalWeight = (weight: Weight | null) => (weight === null ? undefined : weightValue(weight))

export function systemPallet(): PalletDefinition {
  return {
    name: 'System',
    index: 0,
    crate: 'frame_system',
    types: [
      {
        name: 'AccountData',
        path: ['pallet_balances', 'AccountData'],
        fields: args('free: u64, reserved: u64, misc_frozen: u64, fee_frozen: u64'),
      },
      {
        name: 'AccountInfo',
        path: ['frame_system', 'AccountInfo'],
        params: [
          { name: 'Index', type: 'u32' },
          { name: 'AccountData', type: 'AccountData' },
        ],
        fields: args('nonce: u32, consumers: u32, providers: u32, sufficients: u32, data: AccountData'),
      },
      {
        name: 'ConsumedWeight',
        path: ['frame_support', 'dispatch', 'PerDispatchClass'],
        params: [{ name: 'T', type: 'Weight' }],
        fields: args('normal: Weight, operational: Weight, mandatory: Weight'),
      },
      {
        name: 'LastRuntimeUpgradeInfo',
        path: ['frame_system', 'LastRuntimeUpgradeInfo'],
        fields: args('spec_version: Compact<u32>, spec_name: str'),
      },
      {
        name: 'WeightsPerClass',
        path: ['frame_system', 'limits', 'WeightsPerClass'],
        fields: args('base_extrinsic: Weight, max_extrinsic: Option<Weight>, max_total: Option<Weight>, reserved: Option<Weight>'),
      },
      {
        name: 'WeightLimits',
        path: ['frame_support', 'dispatch', 'PerDispatchClass'],
        params: [{ name: 'T', type: 'WeightsPerClass' }],
        fields: args('normal: WeightsPerClass, operational: WeightsPerClass, mandatory: WeightsPerClass'),
      },
      {
        name: 'BlockWeights',
        path: ['frame_system', 'limits', 'BlockWeights'],
        fields: args('base_block: Weight, max_block: Weight, per_class: WeightLimits'),
      },
      {
        name: 'LengthLimits',
        path: ['frame_support', 'dispatch', 'PerDispatchClass'],
        params: [{ name: 'T', type: 'u32' }],
        fields: args('normal: u32, operational: u32, mandatory: u32'),
      },
      { name: 'BlockLength', path: ['frame_system', 'limits', 'BlockLength'], fields: args('max: LengthLimits') },
      { name: 'RuntimeDbWeight', path: ['sp_weights', 'RuntimeDbWeight'], fields: args('read: u64, write: u64') },
      { name: 'ApisVec', path: ['Cow'], fields: [{ type: 'Vec<([u8; 8], u32)>' }] },
      {
        name: 'RuntimeVersion',
        path: ['sp_version', 'RuntimeVersion'],
        fields: args(
          'spec_name: str, impl_name: str, authoring_version: u32, spec_version: u32, impl_version: u32, apis: ApisVec, transaction_version: u32, state_version: u8',
        ),
      },
    ],
    storage: [
      map('Account', [['Blake2_128Concat', 'AccountId']], 'AccountInfo', EMPTY_ACCOUNT),
      optionalItem('ExtrinsicCount', 'u32'),
      item(
        'BlockWeight',
        'ConsumedWeight',
        perClass(() => ({ ref_time: 0n, proof_size: 0n })),
      ),
      optionalItem('AllExtrinsicsLen', 'u32'),
      map('BlockHash', [['Twox64Concat', 'u32']], 'H256', ZERO_HASH),
      map('ExtrinsicData', [['Twox64Concat', 'u32']], 'Vec<u8>', new Uint8Array()),
      item('Number', 'u32', 0),
      item('ParentHash', 'H256', ZERO_HASH),
      item('Digest', 'Digest', { logs: [] }),
      item('Events', 'Vec<EventRecord>', []),
      item('EventCount', 'u32', 0),
      map('EventTopics', [['Blake2_128Concat', 'H256']], 'Vec<(u32, u32)>', []),
      optionalItem('LastRuntimeUpgrade', 'LastRuntimeUpgradeInfo'),
      item('UpgradedToU32RefCount', 'bool', false),
      item('UpgradedToTripleRefCount', 'bool', false),
      optionalItem('ExecutionPhase', 'Phase'),
    ],
    calls: [
      remark(0, 'remark', 2_091_000n, 362n, () => undefined),
      refusedCall(1, 'set_heap_pages(pages: u64)'),
      refusedCall(2, 'set_code(code: Vec<u8>)'),
      refusedCall(3, 'set_code_without_checks(code: Vec<u8>)'),
      ...storageCalls(),
      refusedCall(6, 'kill_prefix(prefix: Vec<u8>, subkeys: u32)'),
      remark(7, 'remark_with_event', 7_748_000n, 1_423n, (ctx, origin, { remark: bytes }) => {
        ctx.emit('System', 'Remarked', ensureSigned(origin), blake2AsHex(bytes as Uint8Array, 256))
        return undefined
      }),
    ],
    events: events(
      'ExtrinsicSuccess(dispatch_info: DispatchInfo)',
      'ExtrinsicFailed(dispatch_error: DispatchError, dispatch_info: DispatchInfo)',
      'CodeUpdated',
      'NewAccount(account: AccountId)',
      'KilledAccount(account: AccountId)',
      'Remarked(sender: AccountId, hash: H256)',
    ),
    errors: [
      'InvalidSpecName',
      'SpecVersionNeedsToIncrease',
      'FailedToExtractRuntimeVersion',
      'NonDefaultComposite',
      'NonZeroRefCount',
      'CallFiltered',
    ],
    constants: [
      {
        name: 'BlockWeights',
        type: 'BlockWeights',
        value: {
          base_block: weightValue(BASE_BLOCK),
          max_block: weightValue(MAX_BLOCK),
          per_class: perClass((of) => ({
            base_extrinsic: weightValue(BASE_EXTRINSIC),
            max_extrinsic: optionalWeight(MAX_EXTRINSIC[of]),
            max_total: optionalWeight(MAX_TOTAL[of]),
            reserved: optionalWeight(RESERVED[of]),
          })),
        },
      },
      { name: 'BlockLength', type: 'BlockLength', value: { max: perClass((of) => MAX_LENGTH[of]) } },
      { name: 'BlockHashCount', type: 'u32', value: BLOCK_HASH_COUNT },
      { name: 'DbWeight', type: 'RuntimeDbWeight', value: { read: DB_READ, write: DB_WRITE } },
      {
        name: 'Version',
        type: 'RuntimeVersion',
        value: {
          spec_name: RUNTIME_VERSION.specName,
          impl_name: RUNTIME_VERSION.implName,
          authoring_version: RUNTIME_VERSION.authoringVersion,
          spec_version: RUNTIME_VERSION.specVersion,
          impl_version: RUNTIME_VERSION.implVersion,
          apis: RUNTIME_VERSION.apis,
          transaction_version: RUNTIME_VERSION.transactionVersion,
          state_version: RUNTIME_VERSION.stateVersion,
        },
      },
      { name: 'SS58Prefix', type: 'u16', value: 42 },
    ],
  }
}
