/** Runtime APIs: what `state_call` can ask, and the fee queries that are made of them. */
import type { Hex } from '../../core/records.js'
import { feeParts, type FeeParts } from '../runtime/pallets/transaction-payment.js'
import { account } from '../runtime/pallets/system.js'
import { bytesCodec, decodeWith, encodeWith, hexBytes, Reader, Writer } from '../runtime/scale.js'
import { InvalidTransaction, type CallValue, type DispatchInfo, type InvalidTransactionKind } from '../runtime/types.js'
import type { Block } from '../state/chain-store.js'
import type { Author } from './author.js'

const U64_MAX = 2n ** 64n - 1n
const ZERO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`
const CUSTOM_INDEX = 7
/** Of InvalidTransaction. */
const INVALID_INDEX: Record<Extract<InvalidTransactionKind, string>, number> = {
  Call: 0,
  Payment: 1,
  Future: 2,
  Stale: 3,
  BadProof: 4,
  AncientBirthBlock: 5,
  ExhaustsResources: 6,
  BadMandatory: 8,
  MandatoryValidation: 9,
  BadSigner: 10,
}

export type RuntimeApi = (data: Uint8Array, at: Block) => Uint8Array

export interface FeeInfo {
  info: DispatchInfo
  parts: FeeParts | null
}

export function total(parts: FeeParts | null): bigint {
  return parts === null ? 0n : parts.base + parts.length + parts.weight
}

/** Weight and fee of an extrinsic, which need not be valid. */
export function feeInfo(author: Author, extrinsic: Uint8Array): FeeInfo {
  return feeInfoOf(author, author.decode(extrinsic).call, extrinsic.length)
}

function feeInfoOf(author: Author, call: CallValue, length: number): FeeInfo {
  const info = author.chain.runtime.infoOf(call)
  return { info, parts: feeParts(length, info.weight.refTime, info.paysFee) }
}

export function runtimeApis(author: Author): Record<string, RuntimeApi> {
  const { runtime } = author.chain
  const { codecs } = runtime

  function dispatchInfo({ info, parts }: FeeInfo): Uint8Array {
    const out = new Writer()
    codecs.of('Weight').write(out, { ref_time: info.weight.refTime, proof_size: info.weight.proofSize })
    codecs.of('DispatchClass').write(out, { type: info.class })
    out.bigUint(total(parts), 8)
    return out.done()
  }

  function feeDetails({ parts }: FeeInfo): Uint8Array {
    const out = new Writer()
    out.byte(parts === null ? 0 : 1)
    if (parts !== null) for (const part of [parts.base, parts.length, parts.weight]) out.bigUint(part, 8)
    return out.done()
  }

  /** `(extrinsic, length)`: the length comes last, in four bytes. */
  const ofExtrinsic = (data: Uint8Array) => feeInfo(author, data.subarray(0, -4))
  const ofCall = (data: Uint8Array) => {
    const input = new Reader(data)
    const call = codecs.of('RuntimeCall').read(input) as CallValue
    return feeInfoOf(author, call, input.uint(4))
  }
  const stored = (pallet: string, item: string): RuntimeApi => {
    const { key, definition } = runtime.storage.item(pallet, item)
    return (_, at) => author.store.history.get(at.state, key([])) ?? codecs.encode(definition.value, definition.fallback)
  }

  /** `(source, extrinsic, block hash)`: a Result of ValidTransaction and TransactionValidityError. */
  const validate: RuntimeApi = (data, at) => {
    const out = new Writer()
    const extrinsic = author.decode(data.subarray(1, -32))
    try {
      const nonce = author.validate(extrinsic, at)
      const { signer = ZERO_ACCOUNT, nonce: own = 0 } = extrinsic.signature ?? {}
      const tag = (of: number) => Buffer.concat([hexBytes(signer), codecs.encode('u32', of)])
      out.byte(0)
      out.bigUint(U64_MAX, 8)
      writeTags(out, own > nonce ? [tag(own - 1)] : [])
      writeTags(out, [tag(own)])
      out.bigUint(U64_MAX, 8)
      out.byte(1)
    } catch (error) {
      if (!(error instanceof InvalidTransaction)) throw error
      out.byte(1)
      out.byte(0)
      const { kind } = error
      out.byte(typeof kind === 'string' ? INVALID_INDEX[kind] : CUSTOM_INDEX)
      if (typeof kind !== 'string') out.byte(kind.custom)
    }
    return out.done()
  }

  return {
    TaggedTransactionQueue_validate_transaction: validate,
    Core_version: () => codecs.encode('RuntimeVersion', runtime.constant('System', 'Version')),
    Metadata_metadata: () => encodeWith(bytesCodec, runtime.metadata),
    AccountNonceApi_account_nonce: (data, at) => {
      const who = decodeWith(codecs.of('AccountId'), data) as Hex
      return codecs.encode(
        'u32',
        author.peek(at, ({ ctx }) => account(ctx, who).nonce),
      )
    },
    AuraApi_slot_duration: () => codecs.encode('u64', (runtime.constant('Timestamp', 'MinimumPeriod') as bigint) * 2n),
    AuraApi_authorities: stored('Aura', 'Authorities'),
    TransactionPaymentApi_query_info: (data) => dispatchInfo(ofExtrinsic(data)),
    TransactionPaymentApi_query_fee_details: (data) => feeDetails(ofExtrinsic(data)),
    TransactionPaymentCallApi_query_call_info: (data) => dispatchInfo(ofCall(data)),
    TransactionPaymentCallApi_query_call_fee_details: (data) => feeDetails(ofCall(data)),
  }
}

function writeTags(out: Writer, tags: readonly Uint8Array[]): void {
  out.compact(tags.length)
  for (const tag of tags) bytesCodec.write(out, tag)
}
