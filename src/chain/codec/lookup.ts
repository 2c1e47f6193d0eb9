import { denormalizeLookup, type LookupEntry } from '@polkadot-api/metadata-builders'
import { decAnyMetadata, unifyMetadata, type UnifiedMetadata } from '@polkadot-api/substrate-bindings'
import { AppError } from '../../core/errors.js'

/** A runtime's type registry: `entry(id)` gives a type with its parts resolved, `metadata` the rest of what the runtime declares. */
export interface TypeLookup {
  entry(id: number): LookupEntry
  metadata: UnifiedMetadata
  /** Types that the extrinsic format is made of. */
  extrinsic: { address: number; call: number; signature: number }
}

/** Reads SCALE metadata of version 14, 15 or 16. Throws `UPSTREAM_INVALID` for anything else. */
export function readMetadata(bytes: Uint8Array): TypeLookup {
  let metadata: UnifiedMetadata
  try {
    metadata = unifyMetadata(decAnyMetadata(bytes))
  } catch (cause) {
    throw new AppError(
      'UPSTREAM_INVALID',
      'the node gave metadata that cannot be read; versions 14, 15 and 16 can',
      { size: bytes.length },
      cause,
    )
  }
  // Not getLookupFn: it turns module errors into an enum of pallets, which an unknown pallet index then breaks.
  return { entry: denormalizeLookup(metadata.lookup), metadata, extrinsic: extrinsicTypes(metadata) }
}

/** Metadata 15 and 16 name the types of an extrinsic, 14 hides them in the type parameters of its type. */
function extrinsicTypes(metadata: UnifiedMetadata): TypeLookup['extrinsic'] {
  const { extrinsic } = metadata
  if ('call' in extrinsic) return { address: extrinsic.address, call: extrinsic.call, signature: extrinsic.signature }
  const params = metadata.lookup[(extrinsic as { type: number }).type]?.params ?? []
  const parameter = (name: string): number => {
    const type = params.find((p) => p.name === name)?.type
    if (type === undefined) throw new AppError('UPSTREAM_INVALID', `metadata: the extrinsic type has no parameter ${name}`)
    return type
  }
  return { address: parameter('Address'), call: parameter('Call'), signature: parameter('Signature') }
}
