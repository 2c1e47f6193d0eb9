/** The calls of SubtensorModule in metadata order, with the weights they declare and what runs them. */
import type { Hex } from '../../../core/records.js'
import { type CallDefinition, type CallValue, type Context, type DispatchInfo, moduleError, type Origin, type Weight } from '../types.js'
import type { SubtensorConfig } from './config.js'
import type { AxonInfo, PrometheusInfo } from './definition.js'
import { dissolveNetwork, registerNetwork } from './networks.js'
import { badOrigin, ensure, ensureSigned, refusal } from './origin.js'
import { burnedRegister, register, type Registration } from './registration.js'
import { rootRegister } from './root-network.js'
import { serveAxon, servePrometheus } from './serving.js'
import { ownsHotkey } from './stake-ledger.js'
import { addStake, becomeDelegate, removeStake } from './staking.js'
import { swapHotkey } from './swap-hotkey.js'
import { callWeight } from './weight.js'
import { setWeights, type WeightsArgs } from './weights.js'

const FREE = { paysFee: false } as const
const FREE_OPERATIONAL = { paysFee: false, class: 'Operational' } as const

const HOTKEY = { hotkey: 'AccountId' }
const PROMETHEUS = { netuid: 'u16', version: 'u32', ip: 'u128', port: 'u16', ip_type: 'u8' }
const WORK = { block_number: 'u64', nonce: 'u64', work: 'Vec<u8>' }

/** `Args` is what `args` spells; the decoder has seen to it that the values are of these types. */
function call<Args>(
  index: number,
  name: string,
  args: Record<string, string>,
  weight: DispatchInfo,
  run: (ctx: Context, origin: Origin, args: Args) => void,
): CallDefinition {
  return {
    index,
    name,
    args: Object.entries(args).map(([argument, type]) => ({ name: argument, type })),
    ...weight,
    dispatch: (ctx, origin, values) => {
      run(ctx, origin, values as Args)
      return undefined
    },
  }
}

export function subtensorCalls(config: SubtensorConfig): CallDefinition[] {
  return [
    call<WeightsArgs>(
      0,
      'set_weights',
      { netuid: 'u16', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' },
      callWeight({ refTime: 10_151_000_000n, reads: 4104, writes: 2, ...FREE }),
      (ctx, origin, args) => setWeights(ctx, origin, args),
    ),
    call<{ hotkey: Hex }>(1, 'become_delegate', HOTKEY, callWeight(FREE), (ctx, origin, args) => becomeDelegate(ctx, origin, args.hotkey)),
    call<{ hotkey: Hex; amount_staked: bigint }>(
      2,
      'add_stake',
      { ...HOTKEY, amount_staked: 'u64' },
      callWeight({ refTime: 65_000_000n, reads: 8, writes: 6, ...FREE }),
      (ctx, origin, args) => addStake(ctx, config, origin, args.hotkey, args.amount_staked),
    ),
    call<{ hotkey: Hex; amount_unstaked: bigint }>(
      3,
      'remove_stake',
      { ...HOTKEY, amount_unstaked: 'u64' },
      callWeight({ refTime: 63_000_000n, proofSize: 43_991n, reads: 14, writes: 9, ...FREE }),
      (ctx, origin, args) => removeStake(ctx, config, origin, args.hotkey, args.amount_unstaked),
    ),
    call<{ netuid: number } & Omit<AxonInfo, 'block'>>(
      4,
      'serve_axon',
      { ...PROMETHEUS, protocol: 'u8', placeholder1: 'u8', placeholder2: 'u8' },
      callWeight({ refTime: 19_000_000n, reads: 2, writes: 1, ...FREE }),
      (ctx, origin, { netuid, ...info }) => serveAxon(ctx, origin, netuid, info),
    ),
    call<{ netuid: number } & Omit<PrometheusInfo, 'block'>>(
      5,
      'serve_prometheus',
      PROMETHEUS,
      callWeight({ refTime: 17_000_000n, reads: 2, writes: 1, ...FREE }),
      (ctx, origin, { netuid, ...info }) => servePrometheus(ctx, origin, netuid, info),
    ),
    call<Registration>(
      6,
      'register',
      { netuid: 'u16', ...WORK, ...HOTKEY, coldkey: 'AccountId' },
      callWeight({ refTime: 91_000_000n, reads: 27, writes: 22, ...FREE }),
      (ctx, origin, args) => register(ctx, config, origin, args),
    ),
    call<{ hotkey: Hex }>(
      62,
      'root_register',
      HOTKEY,
      callWeight({ refTime: 120_000_000n, reads: 23, writes: 20, ...FREE }),
      (ctx, origin, args) => rootRegister(ctx, config, origin, args.hotkey),
    ),
    call<{ netuid: number; hotkey: Hex }>(
      7,
      'burned_register',
      { netuid: 'u16', ...HOTKEY },
      callWeight({ refTime: 89_000_000n, reads: 27, writes: 22, ...FREE }),
      (ctx, origin, args) => burnedRegister(ctx, config, origin, args.netuid, args.hotkey),
    ),
    call<{ hotkey: Hex; new_hotkey: Hex }>(
      70,
      'swap_hotkey',
      { ...HOTKEY, new_hotkey: 'AccountId' },
      callWeight(FREE_OPERATIONAL),
      (ctx, origin, args) => swapHotkey(ctx, config, origin, args.hotkey, args.new_hotkey),
    ),
    ...governanceCalls(config),
    call(59, 'register_network', {}, callWeight({ refTime: 85_000_000n, reads: 16, writes: 28, ...FREE_OPERATIONAL }), (ctx, origin) =>
      registerNetwork(ctx, config, origin),
    ),
    // Compiled out of every public runtime.
    call(60, 'faucet', WORK, callWeight({ refTime: 91_000_000n, reads: 27, writes: 22, ...FREE }), () => {
      throw refusal('FaucetDisabled')
    }),
    call<{ netuid: number }>(
      61,
      'dissolve_network',
      { netuid: 'u16' },
      callWeight({ refTime: 70_000_000n, reads: 5, writes: 31, ...FREE_OPERATIONAL }),
      (ctx, origin, args) => dissolveNetwork(ctx, config, origin, args.netuid),
    ),
  ]
}

/** Only a majority of the triumvirate may use the first two, and as it cannot make proposals here, nobody may; nor is there anything to vote on. */
function governanceCalls(config: SubtensorConfig): CallDefinition[] {
  const refuse = () => {
    throw badOrigin()
  }
  return [
    call(51, 'sudo', { call: 'RuntimeCall' }, callWeight(FREE_OPERATIONAL), refuse),
    {
      ...call(52, 'sudo_unchecked_weight', { call: 'RuntimeCall', weight: 'Weight' }, callWeight(FREE), refuse),
      info: (args, infoOf) => ({ weight: args['weight'] as Weight, class: infoOf(args['call'] as CallValue).class, paysFee: false }),
    },
    call<{ hotkey: Hex }>(
      55,
      'vote',
      { ...HOTKEY, proposal: 'H256', index: 'Compact<u32>', approve: 'bool' },
      callWeight({ class: 'Operational' }),
      (ctx, origin, args) => {
        ensure(ownsHotkey(ctx, ensureSigned(origin), args.hotkey), 'NonAssociatedColdKey')
        ensure(config.senate.members(ctx).includes(args.hotkey), 'NotSenateMember')
        throw moduleError('Triumvirate', 'ProposalMissing')
      },
    ),
  ]
}
