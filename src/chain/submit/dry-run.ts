import type { Hex } from '../../core/records.js'
import { fromHex } from '../../core/units/bytes.js'
import { isMethodNotFound, rpcErrorOf } from '../rpc/errors.js'
import type { RpcClient } from '../rpc/types.js'

/** What a node says of an extrinsic before it is sent. `unknown`: this node does not let anybody ask. */
export type DryRun = { verdict: 'valid' | 'unknown' } | { verdict: 'invalid'; reason: string }

/** Names of `InvalidTransaction` and `UnknownTransaction` by index; 7 of the first and 2 of the second carry a number. */
const INVALID = [
  'Call',
  'Payment',
  'Future',
  'Stale',
  'BadProof',
  'AncientBirthBlock',
  'ExhaustsResources',
  'Custom',
  'BadMandatory',
  'MandatoryValidation',
  'BadSigner',
  'IndeterminateImplicit',
  'UnknownOrigin',
]
const UNKNOWN = ['CannotLookup', 'NoUnsignedValidator', 'Custom']
/** TransactionSource::External: as if it came from the network. */
const EXTERNAL = '02'

/**
 * Asks whether the pool would take an extrinsic on top of a block: signature, era, nonce, fee and the runtime's own conditions, not the call itself.
 * By the runtime's pool check through `state_call`, else by `system_dryRun`, which nodes serve to their operator only.
 */
export async function dryRun(rpc: RpcClient, extrinsic: Hex, at: Hex): Promise<DryRun> {
  const input = `0x${EXTERNAL}${extrinsic.slice(2)}${at.slice(2)}`
  try {
    return readValidity(fromHex(await rpc.request<Hex>('state_call', ['TaggedTransactionQueue_validate_transaction', input, at])))
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  try {
    return readApplied(fromHex(await rpc.request<Hex>('system_dryRun', [extrinsic, at])))
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { verdict: 'unknown' }
  }
}

/** The node answered, and does not serve it: not known, not permitted, or its runtime has no such function. */
function isRefusal(error: unknown): boolean {
  return isMethodNotFound(error) || rpcErrorOf(error) !== null
}

/** Result<ValidTransaction, TransactionValidityError>. */
function readValidity(bytes: Uint8Array): DryRun {
  return bytes[0] === 0 ? { verdict: 'valid' } : { verdict: 'invalid', reason: validityError(bytes.subarray(1)) }
}

/**
 * Result<DispatchOutcome, TransactionValidityError>. It is executed in the block that was asked about, whose own hash is not in the state yet and
 * whose counters are used: neither an era that begins in it nor the outcome of the call says anything.
 */
function readApplied(bytes: Uint8Array): DryRun {
  if (bytes[0] === 0) return { verdict: 'valid' }
  const reason = validityError(bytes.subarray(1))
  return reason === 'AncientBirthBlock' ? { verdict: 'unknown' } : { verdict: 'invalid', reason }
}

function validityError([kind, index = 0, detail]: Uint8Array): string {
  const name = (kind === 0 ? INVALID : UNKNOWN)[index] ?? `error ${index}`
  return name === 'Custom' ? `Custom ${detail ?? 0}` : name
}
