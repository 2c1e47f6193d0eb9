import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import { isPowRemoved } from '../registration/facts.js'
import type { Runtime } from '../runtime.js'
import { SUBTENSOR } from '../views/subnet-view.js'

/** Work on a block, for a hotkey. */
export interface WorkArguments {
  readonly netuid: number
  readonly blockNumber: number
  /** u64. */
  readonly nonce: bigint
  /** The seal, 32 bytes. */
  readonly work: Hex
  readonly hotkey: Hex
  readonly coldkey: Hex
}

/** The only calls that are signed here. There is no way to sign any other, nor one of these inside another but the proxy's. */
export type RegistrationCall =
  | ({ readonly kind: 'register' } & WorkArguments)
  | ({ readonly kind: 'proxyRegister' } & WorkArguments)
  /** The limit is kept here: the chain takes whatever the price is. */
  | { readonly kind: 'burnedRegister'; readonly netuid: number; readonly hotkey: Hex; readonly limitRao: bigint }
  /** The limit is kept by the chain. */
  | { readonly kind: 'registerLimit'; readonly netuid: number; readonly hotkey: Hex; readonly limitRao: bigint }

const SEAL_LENGTH = 2 + 64

/**
 * Throws REFUSED for what must never be signed: `register` on a runtime that makes it a purchase; `register` by anyone but the hotkey; work
 * whose hotkey and coldkey are one key, or that the coldkey sends; a purchase by the hotkey itself, which would make it its own owner.
 */
export function ensureSignable(call: RegistrationCall, signer: Hex, runtime: Runtime): void {
  if (call.kind === 'burnedRegister' || call.kind === 'registerLimit') {
    if (signer === call.hotkey) throw refused('KEYS_MIXED', 'the coldkey buys a place; the hotkey was given to sign for it')
    return
  }
  if (isPowRemoved(runtime.specVersion, runtime.hasCall(SUBTENSOR, 'register_limit'))) {
    throw refused('POW_REMOVED', `on this runtime (spec ${runtime.specVersion}) "register" buys a place from the signer; it is not signed`)
  }
  if (call.work.length !== SEAL_LENGTH) throw new AppError('BAD_INPUT', `work has 32 bytes, not ${(call.work.length - 2) / 2}`)
  if (call.hotkey === call.coldkey || signer === call.coldkey) {
    throw refused('KEYS_MIXED', 'a coldkey does not sign "register": it is named in it, and the hotkey signs')
  }
  if (call.kind === 'register' && signer !== call.hotkey) {
    throw refused('NOT_THE_HOTKEY', `"register" is signed by its hotkey ${encodeSs58(call.hotkey)}, not by ${encodeSs58(signer)}`)
  }
  if (call.kind === 'proxyRegister' && signer === call.hotkey) {
    throw refused('KEYS_MIXED', 'the hotkey needs no proxy to act for itself')
  }
}

/** A refusal of this side, with its code in `detail.reason`. */
export function refused(reason: string, message: string, detail: Record<string, unknown> = {}): AppError {
  return new AppError('REFUSED', message, { reason, ...detail })
}
