/** SubtensorModule as it is at spec 143, put together. */
import { InvalidTransaction, type PalletDefinition } from '../types.js'
import { blockStep } from './block-step.js'
import { subtensorCalls } from './calls.js'
import type { SubtensorConfig } from './config.js'
import { subtensorConstants, subtensorErrors, subtensorEvents, subtensorTypes } from './definition.js'
import { subtensorValidity } from './extension.js'
import { PALLET, subtensorStorage } from './storage.js'

export function subtensorPallet(config: SubtensorConfig): PalletDefinition {
  return {
    name: PALLET,
    index: 7,
    crate: 'pallet_subtensor',
    types: subtensorTypes,
    storage: subtensorStorage,
    calls: subtensorCalls(config),
    events: subtensorEvents,
    errors: [...subtensorErrors],
    constants: subtensorConstants,
    onInitialize: (ctx) => blockStep(ctx, config),
    validate: (ctx, who, call) => {
      const verdict = subtensorValidity(ctx, who, call)
      if (!verdict.valid) throw new InvalidTransaction(verdict.error)
    },
  }
}
