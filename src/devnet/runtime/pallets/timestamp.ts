/** Timestamp and Aura: the block's time, and whose slot it is. */
import { args, item } from '../define.js'
import { DispatchError, type PalletDefinition } from '../types.js'

export function timestampPallet(slotMs: number): PalletDefinition {
  const minimumPeriod = BigInt(Math.floor(slotMs / 2))
  return {
    name: 'Timestamp',
    index: 2,
    storage: [item('Now', 'u64', 0n), item('DidUpdate', 'bool', false)],
    calls: [
      {
        index: 0,
        name: 'set',
        args: args('now: Compact<u64>'),
        weight: { refTime: 159_258_000n, proofSize: 1_006n },
        class: 'Mandatory',
        paysFee: true,
        dispatch: (ctx, origin, { now }) => {
          if (origin.type !== 'None') throw new DispatchError({ type: 'BadOrigin' })
          // What follows are assertions on the chain too: a block that breaks them is no block, so they are not dispatch errors.
          if (ctx.get<boolean>('Timestamp', 'DidUpdate')) throw new Error('the timestamp is set once a block')
          const before = ctx.get<bigint>('Timestamp', 'Now')
          if (before !== 0n && (now as bigint) < before + minimumPeriod) throw new Error('the timestamp is too close to the one before')
          if ((now as bigint) / BigInt(slotMs) !== ctx.get<bigint>('Aura', 'CurrentSlot'))
            throw new Error('the timestamp is not in the slot of the block')
          ctx.set('Timestamp', 'Now', [], now)
          ctx.set('Timestamp', 'DidUpdate', [], true)
          return undefined
        },
      },
    ],
    events: [],
    errors: [],
    constants: [{ name: 'MinimumPeriod', type: 'u64', value: minimumPeriod }],
    onFinalize: (ctx) => {
      if (!ctx.get<boolean>('Timestamp', 'DidUpdate')) throw new Error('a block needs a timestamp')
      ctx.remove('Timestamp', 'DidUpdate')
    },
  }
}

export function auraPallet(): PalletDefinition {
  return {
    name: 'Aura',
    index: 3,
    types: [
      { name: 'Sr25519Public', path: ['sp_core', 'sr25519', 'Public'], fields: [{ type: '[u8; 32]' }] },
      { name: 'AuraId', path: ['sp_consensus_aura', 'sr25519', 'app_sr25519', 'Public'], fields: [{ type: 'Sr25519Public' }] },
      { name: 'Slot', path: ['sp_consensus_slots', 'Slot'], fields: [{ type: 'u64' }] },
    ],
    storage: [item('Authorities', 'BoundedVec<AuraId>', []), item('CurrentSlot', 'Slot', 0n)],
    calls: [],
    events: [],
    errors: [],
    constants: [],
    onInitialize: (ctx) => {
      const { logs } = ctx.get<{ logs: { type: string; value: [string, Uint8Array] }[] }>('System', 'Digest')
      const item = logs.find((log) => log.type === 'PreRuntime' && log.value[0] === AURA_ENGINE_ID)
      if (item === undefined) return
      const slot = Buffer.from(item.value[1]).readBigUInt64LE()
      if (slot <= ctx.get<bigint>('Aura', 'CurrentSlot')) throw new Error('slots must increase')
      ctx.set('Aura', 'CurrentSlot', [], slot)
    },
  }
}

/** `aura`. */
export const AURA_ENGINE_ID = '0x61757261'
