import { AppError } from '../../core/errors.js'
import type { GrpcCall } from '../../core/grpc/index.js'
import { networkOf, refuse } from '../../core/http/access.js'
import type { Limits } from '../../core/limits.js'
import { createLocalLimits } from '../../core/local-limits.js'
import { prepareKeys } from '../../core/wallet/keys.js'
import { createV5Nonces, V5_METADATA, verifyV5Call } from '../grpc-auth.js'

export interface DoorOptions {
  /** ss58 of the gateway's wallet: calls are signed for this one. */
  hotkey: string
  /** Version integer of the SDK below which callers are refused: 370, as axons of 5.0 to 5.2 do, when absent. Axons of 5.3 refuse what is below 510. */
  minVersion?: number | undefined
  /** Wrong signatures that one address may send in a minute before it is kept waiting. */
  wrongPerMinute?: number | undefined
  /** What instances behind one hotkey share, so that none takes a call that another has taken. One instance alone needs none. */
  replays?: Pick<Limits, 'first'> | undefined
}

/** Who may speak at all. */
export interface Door {
  /**
   * The hotkey (ss58, format 42) that signed a call. UNAUTHORIZED with the text of axons of SDK 5.x for what is not signed right or was sent before, RATE_LIMITED after too
   * much of that from one address.
   */
  hotkeyOf(call: Pick<GrpcCall, 'header' | 'remoteAddress'>): Promise<string>
}

const MIN_VERSION = 370
const WRONG_PER_MINUTE = 20
/** Hotkeys that signed well lately, each with where it did. */
const PROVEN_LIMIT = 10_000
/** How long other instances know of a call that one has taken. */
const SHARED_MS = 3_600_000
const REPLAYED = 'Nonce is too small'

/**
 * Checks signatures before anything is done for a call. Those that fail are counted by address and here alone, whatever instances share: what is guarded is the time of this
 * processor. A hotkey that signed well from an address is counted apart there, so that a stranger behind the same address does not hold it up.
 */
export function createDoor({ hotkey, minVersion = MIN_VERSION, wrongPerMinute = WRONG_PER_MINUTE, replays }: DoorOptions): Door {
  const axon = { hotkey, minVersion, nonces: createV5Nonces() }
  const wrong = createLocalLimits()
  const proven = new Set<string>()

  return {
    async hotkeyOf({ header, remoteAddress }) {
      await prepareKeys()
      const network = networkOf(remoteAddress)
      const known = `${network} ${(header(V5_METADATA.signature) ?? '').split('.', 2)[1] ?? ''}`
      const bucket = proven.has(known) ? known : network
      // Nothing is waited for from here to the verdict: of two calls with the same nonce one finds it used, and good ones sent at once do not count as wrong for a moment.
      refuse(wrong.take(bucket, wrongPerMinute), 'too many wrong signatures came from this address')
      const verdict = verifyV5Call(header, axon)
      if (!verdict.ok) throw new AppError('UNAUTHORIZED', verdict.details)
      wrong.spend(bucket, wrongPerMinute, -1)
      if (proven.size >= PROVEN_LIMIT) proven.clear()
      proven.add(known)
      const { caller } = verdict
      if (replays !== undefined && !(await replays.first(`v5 ${caller.hotkey} ${caller.uuid} ${caller.nonce}`, SHARED_MS)))
        throw new AppError('UNAUTHORIZED', REPLAYED)
      return caller.hotkey
    },
  }
}
