/**
 * Registration as it is since spec 401, on the pallet of spec 143: no proof of work, one call in three forms, and a price that decays with every block and
 * rises with every registration. What pools of alpha have to do with it is left out.
 */
import { decayed, decayFactor, increased } from '../../../consensus/tokenomics/burn-decay.js'
import type { Hex } from '../../../core/records.js'
import { map } from '../define.js'
import { moduleError, type CallDefinition, type Context, type Origin, type PalletDefinition } from '../types.js'
import type { SubtensorConfig } from './config.js'
import { increaseRecycled } from './hyperparameters.js'
import { admitPaid, increment } from './registration.js'
import { ensure, ensureSigned } from './origin.js'
import { emit, entries, get, now, PALLET, put, ROOT_NETUID } from './storage.js'
import { callWeight } from './weight.js'

const HALF_LIFE_BLOCKS = 360
/** 1.26, as U64F64 bits. */
const INCREASE_BITS = (126n * 2n ** 64n) / 100n
const LIMIT_EXCEEDED = 'RegistrationPriceLimitExceeded'

interface Bought {
  netuid: number
  hotkey: Hex
}

export function withPaidRegistration(base: PalletDefinition, config: SubtensorConfig): PalletDefinition {
  const buy: CallDefinition['dispatch'] = (ctx, origin, values) => {
    register(ctx, config, origin, values as unknown as Bought)
    return undefined
  }
  const registerLimit: CallDefinition = {
    index: 134,
    name: 'register_limit',
    args: [
      { name: 'netuid', type: 'u16' },
      { name: 'hotkey', type: 'AccountId' },
      { name: 'limit_price', type: 'u64' },
    ],
    ...callWeight({ refTime: 354_200_000n, reads: 47, writes: 40 }),
    dispatch: (ctx, origin, values) => {
      const { netuid, limit_price } = values as { netuid: number; limit_price: bigint }
      ensureSigned(origin)
      ensureSubnet(ctx, netuid)
      if (get(ctx, 'Burn', netuid) > limit_price) throw moduleError(PALLET, LIMIT_EXCEEDED)
      return buy(ctx, origin, values)
    },
  }
  return {
    ...base,
    types: [...(base.types ?? []), { name: 'U64F64', path: ['substrate_fixed', 'FixedU128'], fields: [{ name: 'bits', type: 'u128' }] }],
    storage: [
      ...base.storage,
      map('BurnHalfLife', [['Identity', 'u16']], 'u16', HALF_LIFE_BLOCKS),
      map('BurnIncreaseMult', [['Identity', 'u16']], 'U64F64', { bits: INCREASE_BITS }),
    ],
    calls: [
      ...base.calls.map((call) => (call.name === 'register' || call.name === 'burned_register' ? { ...call, dispatch: buy } : call)),
      registerLimit,
    ],
    errors: [...base.errors, LIMIT_EXCEEDED],
    onInitialize: (ctx) => {
      updatePrices(ctx)
      base.onInitialize?.(ctx)
    },
  }
}

function register(ctx: Context, config: SubtensorConfig, origin: Origin, { netuid, hotkey }: Bought): void {
  const coldkey = ensureSigned(origin)
  ensureSubnet(ctx, netuid)
  ensure(get(ctx, 'NetworkRegistrationAllowed', netuid), 'RegistrationDisabled')
  const { uid, price } = admitPaid(ctx, config, netuid, coldkey, hotkey)
  const { bits } = ctx.get<{ bits: bigint }>(PALLET, 'BurnIncreaseMult', netuid)
  put(ctx, 'Burn', netuid, increased(price, boundsOf(ctx, netuid), bits))
  increment(ctx, 'RegistrationsThisBlock', netuid)
  increaseRecycled(ctx, netuid, price)
  emit(ctx, 'NeuronRegistered', netuid, uid, hotkey)
}

function ensureSubnet(ctx: Context, netuid: number): void {
  ensure(netuid !== ROOT_NETUID, 'OperationNotPermittedonRootSubnet')
  ensure(get(ctx, 'NetworksAdded', netuid), 'NetworkDoesNotExist')
}

/** There are no intervals: the adjustment of spec 143, which runs after this, finds that one has just begun. */
function updatePrices(ctx: Context): void {
  for (const {
    keys: [netuid],
  } of entries(ctx, 'NetworksAdded')) {
    const factor = ctx.blockNumber > 1 ? decayFactor(ctx.get<number>(PALLET, 'BurnHalfLife', netuid)) : decayFactor(0)
    put(ctx, 'Burn', netuid, decayed(get(ctx, 'Burn', netuid), boundsOf(ctx, netuid), factor))
    put(ctx, 'LastAdjustmentBlock', netuid, now(ctx))
  }
}

function boundsOf(ctx: Context, netuid: number): { min: bigint; max: bigint } {
  return { min: get(ctx, 'MinBurn', netuid), max: get(ctx, 'MaxBurn', netuid) }
}
