/** Metadata v14 of a runtime, made from its pallet definitions. */
import { metadata as metadataCodec } from '@polkadot-api/substrate-bindings'
import { toHex } from '../../core/units/bytes.js'
import { createTypeRegistry, type TypeRegistry } from './metadata-types.js'
import type { Codecs } from './codec.js'
import type { PalletDefinition, StorageDefinition } from './types.js'

const MAGIC = 0x6174_656d
const EXTRINSIC_VERSION = 4

export interface SignedExtension {
  identifier: string
  /** Type of what the extrinsic carries, by spelling; `()` for nothing. */
  type: string
  additionalSigned: string
  path: string[]
}

/** In the order of the signed payload. */
export const SIGNED_EXTENSIONS: SignedExtension[] = [
  { identifier: 'CheckNonZeroSender', type: '()', additionalSigned: '()', path: ['frame_system', 'extensions', 'check_non_zero_sender'] },
  { identifier: 'CheckSpecVersion', type: '()', additionalSigned: 'u32', path: ['frame_system', 'extensions', 'check_spec_version'] },
  { identifier: 'CheckTxVersion', type: '()', additionalSigned: 'u32', path: ['frame_system', 'extensions', 'check_tx_version'] },
  { identifier: 'CheckGenesis', type: '()', additionalSigned: 'H256', path: ['frame_system', 'extensions', 'check_genesis'] },
  { identifier: 'CheckMortality', type: 'Era', additionalSigned: 'H256', path: ['frame_system', 'extensions', 'check_mortality'] },
  { identifier: 'CheckNonce', type: 'Compact<u32>', additionalSigned: '()', path: ['frame_system', 'extensions', 'check_nonce'] },
  { identifier: 'CheckWeight', type: '()', additionalSigned: '()', path: ['frame_system', 'extensions', 'check_weight'] },
  { identifier: 'ChargeTransactionPayment', type: 'Compact<u64>', additionalSigned: '()', path: ['pallet_transaction_payment'] },
  { identifier: 'SubtensorSignedExtension', type: '()', additionalSigned: '()', path: ['pallet_subtensor'] },
  { identifier: 'CommitmentsSignedExtension', type: '()', additionalSigned: '()', path: ['pallet_commitments'] },
]

export function encodeMetadata(pallets: PalletDefinition[], codecs: Codecs): Uint8Array {
  const types = createTypeRegistry(pallets)
  const value = {
    pallets: pallets.map((pallet) => palletMetadata(pallet, types, codecs)),
    extrinsic: extrinsicMetadata(types),
    type: types.runtime(),
    apis: [],
  }
  // The lookup is complete only now: everything above enters its types into it.
  return metadataCodec.enc({ magicNumber: MAGIC, metadata: { tag: 'v14', value: { lookup: types.lookup(), ...value } } } as never)
}

function palletMetadata(pallet: PalletDefinition, types: TypeRegistry, codecs: Codecs) {
  return {
    name: pallet.name,
    storage:
      pallet.storage.length === 0
        ? undefined
        : { prefix: pallet.prefix ?? pallet.name, items: pallet.storage.map((definition) => storageMetadata(definition, types, codecs)) },
    calls: types.calls(pallet),
    events: types.events(pallet),
    constants: pallet.constants.map((constant) => ({
      name: constant.name,
      type: types.of(constant.type),
      value: toHex(codecs.encode(constant.type, constant.value)),
      docs: [],
    })),
    errors: types.errors(pallet),
    index: pallet.index,
    docs: [],
  }
}

function storageMetadata(definition: StorageDefinition, types: TypeRegistry, codecs: Codecs) {
  const { keys } = definition
  const value = types.of(definition.value)
  const key = keys?.length === 1 ? keys[0]?.type : keys === undefined ? undefined : `(${keys.map(({ type }) => type).join(', ')})`
  return {
    name: definition.name,
    modifier: definition.modifier === 'Default' ? 1 : 0,
    type:
      key === undefined || keys === undefined
        ? { tag: 'plain', value }
        : { tag: 'map', value: { hashers: keys.map(({ hasher }) => ({ tag: hasher.replace('_', '') })), key: types.of(key), value } },
    // An optional item reads as `None`, one zero byte.
    fallback: definition.modifier === 'Default' ? toHex(codecs.encode(definition.value, definition.fallback)) : '0x00',
    docs: definition.docs === undefined ? [] : [` ${definition.docs}`],
  }
}

function extrinsicMetadata(types: TypeRegistry) {
  const extensions = SIGNED_EXTENSIONS.map((extension) => ({
    ...extension,
    id: types.newtype([...extension.path, extension.identifier], extension.type),
  }))
  return {
    type: types.extrinsic(extensions.map(({ id }) => id)),
    version: EXTRINSIC_VERSION,
    signedExtensions: extensions.map(({ identifier, id, additionalSigned }) => ({
      identifier,
      type: id,
      additionalSigned: types.of(additionalSigned),
    })),
  }
}
