/** Applies one extrinsic: the checks of its signed extensions, the fee, the call, and the events that tell how it went. */
import type { Hex } from '../../core/records.js'
import { chargeFee, settleFee } from '../runtime/pallets/transaction-payment.js'
import { account, setNonce } from '../runtime/pallets/system.js'
import type { Runtime } from '../runtime/runtime.js'
import { InvalidTransaction, type Context, type DispatchInfo, type DispatchOk, type DispatchOutcome } from '../runtime/types.js'
import { actuallyPays, actualWeight, addWeights, BASE_EXTRINSIC } from '../runtime/weights.js'
import type { BlockLimits } from './block-limits.js'
import type { Execution } from './context.js'
import { birthBlock, isSignatureGood, type Extrinsic, type Signature } from './extrinsic.js'

export interface Chain {
  runtime: Runtime
  genesisHash: Hex
}

/** What stands between an extrinsic and the state it meets; throws `InvalidTransaction`. */
export function checkSignature(extrinsic: Extrinsic, signature: Signature, ctx: Context, genesisHash: Hex): void {
  const birth = signature.era === null ? 0 : birthBlock(signature.era, ctx.blockNumber)
  const birthHash = signature.era === null ? genesisHash : ctx.blockHash(birth)
  if (birthHash === null) throw new InvalidTransaction('AncientBirthBlock')
  if (!isSignatureGood(extrinsic, genesisHash, birthHash)) throw new InvalidTransaction('BadProof')
}

export function checkNonce(signature: Signature, ctx: Context): void {
  const { nonce } = account(ctx, signature.signer)
  if (signature.nonce < nonce) throw new InvalidTransaction('Stale')
  if (signature.nonce > nonce) throw new InvalidTransaction('Future')
}

/** Applies an extrinsic or throws `InvalidTransaction`, in which case nothing of it stays. */
export function applyExtrinsic(
  extrinsic: Extrinsic,
  index: number,
  execution: Execution,
  limits: BlockLimits,
  chain: Chain,
  verified: boolean,
): DispatchOutcome {
  const { ctx } = execution
  execution.setPhase({ type: 'ApplyExtrinsic', value: index })
  const info = chain.runtime.infoOf(extrinsic.call)
  const length = extrinsic.bytes.length
  const release = limits.reserve(info, length)
  try {
    return execution.transaction(() => {
      const { signature } = extrinsic
      let paid = 0n
      if (signature !== null) {
        if (!verified || signature.era !== null) checkSignature(extrinsic, signature, ctx, chain.genesisHash)
        checkNonce(signature, ctx)
        setNonce(ctx, signature.signer, signature.nonce + 1)
        paid = chargeFee(ctx, signature.signer, length, info, signature.tip)
      } else if (info.class !== 'Mandatory') throw new InvalidTransaction('BadSigner')
      const outcome = ctx.dispatch(signature === null ? { type: 'None' } : { type: 'Signed', who: signature.signer }, extrinsic.call)
      if (signature === null && !outcome.ok) throw new InvalidTransaction('BadMandatory')
      const post = outcome.ok ? outcome.post : outcome.error.post
      limits.settle(info, post)
      if (signature !== null) settleFee(ctx, signature.signer, length, info, post, signature.tip, paid)
      if (outcome.ok) ctx.emit('System', 'ExtrinsicSuccess', infoValue(info, post))
      else ctx.emit('System', 'ExtrinsicFailed', outcome.error, infoValue(info, post))
      return outcome
    })
  } catch (error) {
    release()
    throw error
  }
}

function infoValue(info: DispatchInfo, post: DispatchOk | undefined) {
  const weight = addWeights(actualWeight(info, post), BASE_EXTRINSIC)
  return {
    weight: { ref_time: weight.refTime, proof_size: weight.proofSize },
    class: { type: info.class },
    pays_fee: { type: actuallyPays(info, post) ? 'Yes' : 'No' },
  }
}
