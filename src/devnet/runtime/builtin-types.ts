/** Types of the framework that every pallet may name, with the paths that clients know them by. */
import type { CompositeDefinition } from './types.js'

const plainVariants = (names: string[], first = 0) => names.map((name, i) => ({ name, index: first + i }))

/** `RuntimeCall`, `RuntimeEvent` and `DispatchError` have codecs of their own; their shape in the metadata is made in `metadata.ts`. */
export const BUILTIN_TYPES: CompositeDefinition[] = [
  { name: 'AccountId32', path: ['sp_core', 'crypto', 'AccountId32'], fields: [{ type: '[u8; 32]' }] },
  { name: 'H256', path: ['primitive_types', 'H256'], fields: [{ type: '[u8; 32]' }] },
  {
    name: 'MultiAddress',
    path: ['sp_runtime', 'multiaddress', 'MultiAddress'],
    params: [
      { name: 'AccountId', type: 'AccountId' },
      { name: 'AccountIndex', type: '()' },
    ],
    variants: [
      { name: 'Id', index: 0, fields: [{ type: 'AccountId' }] },
      { name: 'Index', index: 1, fields: [{ type: 'Compact<()>' }] },
      { name: 'Raw', index: 2, fields: [{ type: 'Vec<u8>' }] },
      { name: 'Address32', index: 3, fields: [{ type: '[u8; 32]' }] },
      { name: 'Address20', index: 4, fields: [{ type: '[u8; 20]' }] },
    ],
  },
  {
    name: 'Weight',
    path: ['sp_weights', 'weight_v2', 'Weight'],
    fields: [
      { name: 'ref_time', type: 'Compact<u64>' },
      { name: 'proof_size', type: 'Compact<u64>' },
    ],
  },
  { name: 'OldWeight', path: ['sp_weights', 'OldWeight'], fields: [{ type: 'u64' }] },
  {
    name: 'DispatchClass',
    path: ['frame_support', 'dispatch', 'DispatchClass'],
    variants: plainVariants(['Normal', 'Operational', 'Mandatory']),
  },
  { name: 'Pays', path: ['frame_support', 'dispatch', 'Pays'], variants: plainVariants(['Yes', 'No']) },
  {
    name: 'DispatchInfo',
    path: ['frame_support', 'dispatch', 'DispatchInfo'],
    fields: [
      { name: 'weight', type: 'Weight' },
      { name: 'class', type: 'DispatchClass' },
      { name: 'pays_fee', type: 'Pays' },
    ],
  },
  {
    name: 'ModuleError',
    path: ['sp_runtime', 'ModuleError'],
    fields: [
      { name: 'index', type: 'u8' },
      { name: 'error', type: '[u8; 4]' },
    ],
  },
  {
    name: 'TokenError',
    path: ['sp_runtime', 'TokenError'],
    variants: plainVariants(['NoFunds', 'WouldDie', 'BelowMinimum', 'CannotCreate', 'UnknownAsset', 'Frozen', 'Unsupported']),
  },
  {
    name: 'ArithmeticError',
    path: ['sp_arithmetic', 'ArithmeticError'],
    variants: plainVariants(['Underflow', 'Overflow', 'DivisionByZero']),
  },
  { name: 'TransactionalError', path: ['sp_runtime', 'TransactionalError'], variants: plainVariants(['LimitReached', 'NoLayer']) },
  { name: 'Digest', path: ['sp_runtime', 'generic', 'digest', 'Digest'], fields: [{ name: 'logs', type: 'Vec<DigestItem>' }] },
  {
    name: 'DigestItem',
    path: ['sp_runtime', 'generic', 'digest', 'DigestItem'],
    variants: [
      { name: 'PreRuntime', index: 6, fields: [{ type: '[u8; 4]' }, { type: 'Vec<u8>' }] },
      { name: 'Consensus', index: 4, fields: [{ type: '[u8; 4]' }, { type: 'Vec<u8>' }] },
      { name: 'Seal', index: 5, fields: [{ type: '[u8; 4]' }, { type: 'Vec<u8>' }] },
      { name: 'Other', index: 0, fields: [{ type: 'Vec<u8>' }] },
      { name: 'RuntimeEnvironmentUpdated', index: 8 },
    ],
  },
  {
    name: 'Phase',
    path: ['frame_system', 'Phase'],
    variants: [{ name: 'ApplyExtrinsic', index: 0, fields: [{ type: 'u32' }] }, ...plainVariants(['Finalization', 'Initialization'], 1)],
  },
  {
    name: 'EventRecord',
    path: ['frame_system', 'EventRecord'],
    params: [
      { name: 'E', type: 'RuntimeEvent' },
      { name: 'T', type: 'H256' },
    ],
    fields: [
      { name: 'phase', type: 'Phase' },
      { name: 'event', type: 'RuntimeEvent' },
      { name: 'topics', type: 'Vec<H256>' },
    ],
  },
  {
    name: 'RawOrigin',
    path: ['frame_support', 'dispatch', 'RawOrigin'],
    variants: [
      { name: 'Root', index: 0 },
      { name: 'Signed', index: 1, fields: [{ type: 'AccountId' }] },
      { name: 'None', index: 2 },
    ],
  },
  {
    name: 'CollectiveOrigin',
    path: ['pallet_collective', 'RawOrigin'],
    variants: [
      { name: 'Members', index: 0, fields: [{ type: 'u32' }, { type: 'u32' }] },
      { name: 'Member', index: 1, fields: [{ type: 'AccountId' }] },
      { name: '_Phantom', index: 2 },
    ],
  },
  { name: 'Void', path: ['sp_core', 'Void'], variants: [] },
  {
    name: 'OriginCaller',
    path: ['node_subtensor_runtime', 'OriginCaller'],
    variants: [
      { name: 'system', index: 0, fields: [{ type: 'RawOrigin' }] },
      { name: 'Triumvirate', index: 8, fields: [{ type: 'CollectiveOrigin' }] },
      { name: 'Void', index: 2, fields: [{ type: 'Void' }] },
    ],
  },
  { name: 'Ed25519Signature', path: ['sp_core', 'ed25519', 'Signature'], fields: [{ type: '[u8; 64]' }] },
  { name: 'Sr25519Signature', path: ['sp_core', 'sr25519', 'Signature'], fields: [{ type: '[u8; 64]' }] },
  { name: 'EcdsaSignature', path: ['sp_core', 'ecdsa', 'Signature'], fields: [{ type: '[u8; 65]' }] },
  {
    name: 'MultiSignature',
    path: ['sp_runtime', 'MultiSignature'],
    variants: [
      { name: 'Ed25519', index: 0, fields: [{ type: 'Ed25519Signature' }] },
      { name: 'Sr25519', index: 1, fields: [{ type: 'Sr25519Signature' }] },
      { name: 'Ecdsa', index: 2, fields: [{ type: 'EcdsaSignature' }] },
    ],
  },
  {
    // 256 variants: the first byte of a mortal era carries the period and part of the phase, so each of its values is a variant.
    name: 'Era',
    path: ['sp_runtime', 'generic', 'era', 'Era'],
    variants: [
      { name: 'Immortal', index: 0 },
      ...Array.from({ length: 255 }, (_, i) => ({ name: `Mortal${i + 1}`, index: i + 1, fields: [{ type: 'u8' }] })),
    ],
  },
]
