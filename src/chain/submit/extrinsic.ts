import { getDynamicBuilder, getLookupFn, type LookupEntry } from '@polkadot-api/metadata-builders'
import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { fromHex } from '../../core/units/bytes.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import { blake2b256 } from '../codec/hashing.js'
import { readMetadata, type TypeLookup } from '../codec/lookup.js'
import type { Runtime } from '../runtime.js'
import { SUBTENSOR } from '../views/subnet-view.js'
import type { RegistrationCall } from './calls.js'
import type { KeyPair } from './keys.js'

/** The blocks in which an extrinsic may be included: `period` of them, the first being the one that is signed. */
export interface Mortality {
  /** A power of two, 4 at least. */
  readonly period: number
  readonly birthBlock: number
  readonly birthHash: Hex
}

export interface Unsigned {
  readonly call: RegistrationCall
  readonly nonce: bigint
  /** rao. */
  readonly tip: bigint
  readonly mortality: Mortality
}

export interface ExtrinsicEncoder {
  hasCall(call: RegistrationCall): boolean
  /** The extrinsic as blocks hold it, with its length in front. Throws UPSTREAM_INVALID for a runtime that signs what is not known here. */
  sign(unsigned: Unsigned, pair: KeyPair, genesisHash: Hex): Uint8Array
}

const SIGNED_V4 = 0x84
const SR25519 = 1
/** Longer payloads are signed by their hash. */
const MAX_PLAIN_PAYLOAD = 256
const MIN_PERIOD = 4
/** Above, eras begin in some blocks only. */
const MAX_PERIOD = 4096

/** Builds extrinsics of format 4 for one runtime out of its metadata, without a connection. */
export function createEncoder(runtime: Runtime): ExtrinsicEncoder {
  const lookup = readMetadata(runtime.metadata)
  const builder = getDynamicBuilder(getLookupFn(lookup.metadata))
  const extensions = lookup.metadata.extrinsic.extensionsByVersion[0] ?? Object.values(lookup.metadata.extrinsic.extensions)

  function encodeCall(call: RegistrationCall): Uint8Array {
    const { pallet, name, args } = builderCall(call)
    if (!runtime.hasCall(pallet, name)) throw missingCall(runtime, pallet, name)
    const { codec, location } = builder.buildCall(pallet, name)
    return concat([Uint8Array.from(location), codec.enc(args)])
  }

  function address(account: Hex): Uint8Array {
    const entry = lookup.entry(lookup.extrinsic.address)
    return entry.type === 'AccountId32' ? fromHex(account) : concat([Uint8Array.of(0), fromHex(account)])
  }

  return {
    hasCall(call) {
      const { pallet, name } = builderCall(call)
      return runtime.hasCall(pallet, name) && (call.kind !== 'proxyRegister' || runtime.hasCall(SUBTENSOR, 'register'))
    },
    sign(unsigned, pair, genesisHash) {
      const { specVersion, transactionVersion } = runtime
      if (transactionVersion === null) {
        throw new AppError('UPSTREAM_INVALID', 'the node does not tell its transaction version, which extrinsics sign')
      }
      const values: Values = { ...unsigned, genesisHash, specVersion, transactionVersion }
      const parts = extensions.map(({ identifier, type, additionalSigned }) =>
        extensionBytes(identifier, lookup.entry(type), lookup.entry(additionalSigned), values),
      )
      const call = encodeCall(unsigned.call)
      const extra = concat(parts.map((part) => part.extra))
      const payload = concat([call, extra, ...parts.map((part) => part.additional)])
      const signature = pair.sign(payload.length > MAX_PLAIN_PAYLOAD ? blake2b256(payload) : payload)
      const body = concat([Uint8Array.of(SIGNED_V4), address(pair.publicKey), signatureBytes(lookup, signature), extra, call])
      return concat([compact(BigInt(body.length)), body])
    },
  }
}

function signatureBytes(lookup: TypeLookup, signature: Uint8Array): Uint8Array {
  if (signature.length !== 64) throw new AppError('INTERNAL', `a signature of ${signature.length} bytes`)
  const entry = lookup.entry(lookup.extrinsic.signature)
  if (entry.type === 'enum' && 'Sr25519' in entry.value) return concat([Uint8Array.of(SR25519), signature])
  throw new AppError('UPSTREAM_INVALID', 'the runtime takes no sr25519 signatures')
}

interface BuilderCall {
  pallet: string
  name: string
  args: Record<string, unknown>
}

/** The call as the metadata's builder wants it: accounts in ss58, bytes as they are. */
function builderCall(call: RegistrationCall): BuilderCall {
  switch (call.kind) {
    case 'register':
      return {
        pallet: SUBTENSOR,
        name: 'register',
        args: {
          netuid: call.netuid,
          block_number: BigInt(call.blockNumber),
          nonce: call.nonce,
          work: fromHex(call.work),
          hotkey: encodeSs58(call.hotkey),
          coldkey: encodeSs58(call.coldkey),
        },
      }
    case 'burnedRegister':
      return { pallet: SUBTENSOR, name: 'burned_register', args: { netuid: call.netuid, hotkey: encodeSs58(call.hotkey) } }
    case 'registerLimit':
      return {
        pallet: SUBTENSOR,
        name: 'register_limit',
        args: { netuid: call.netuid, hotkey: encodeSs58(call.hotkey), limit_price: call.limitRao },
      }
    case 'proxyRegister': {
      const inner = builderCall({ ...call, kind: 'register' })
      return {
        pallet: 'Proxy',
        name: 'proxy',
        args: {
          real: { type: 'Id', value: encodeSs58(call.hotkey) },
          force_proxy_type: { type: 'Registration', value: undefined },
          call: { type: inner.pallet, value: { type: inner.name, value: inner.args } },
        },
      }
    }
  }
}

interface Values extends Unsigned {
  genesisHash: Hex
  specVersion: number
  transactionVersion: number
}

interface ExtensionBytes {
  extra: Uint8Array
  additional: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** What an extension puts into the extrinsic, and what it adds to the signed payload. One that is not known must do neither. */
function extensionBytes(identifier: string, extra: LookupEntry, additional: LookupEntry, values: Values): ExtensionBytes {
  switch (identifier) {
    case 'CheckSpecVersion':
      return { extra: NOTHING, additional: u32(values.specVersion) }
    case 'CheckTxVersion':
      return { extra: NOTHING, additional: u32(values.transactionVersion) }
    case 'CheckGenesis':
      return { extra: NOTHING, additional: fromHex(values.genesisHash) }
    case 'CheckMortality':
    case 'CheckEra':
      return { extra: eraBytes(values.mortality), additional: fromHex(values.mortality.birthHash) }
    case 'CheckNonce':
      return { extra: compact(values.nonce), additional: NOTHING }
    case 'ChargeTransactionPayment':
      return { extra: compact(values.tip), additional: NOTHING }
    case 'CheckMetadataHash':
      // Mode off, and no hash.
      return { extra: Uint8Array.of(0), additional: Uint8Array.of(0) }
  }
  if (isEmpty(extra) && isEmpty(additional)) return { extra: NOTHING, additional: NOTHING }
  throw new AppError('UPSTREAM_INVALID', `the runtime signs ${identifier}, which this program does not know`, { identifier })
}

function isEmpty(entry: LookupEntry): boolean {
  if (entry.type === 'void') return true
  if (entry.type === 'tuple') return entry.value.every(isEmpty)
  if (entry.type === 'struct') return Object.values(entry.value).every(isEmpty)
  return entry.type === 'array' && entry.len === 0
}

/** The shortest era of at least so many blocks, the one it begins in included: a power of two, 4 at least. */
export function periodFor(blocks: number): number {
  if (!(blocks <= MAX_PERIOD)) throw new AppError('BAD_INPUT', `an era lasts ${MAX_PERIOD} blocks at most; ${blocks} were wanted`)
  let period = MIN_PERIOD
  while (period < blocks) period *= 2
  return period
}

/** Two bytes: log2(period) - 1 in the low four bits, the phase above. For periods up to 4096. */
export function eraBytes({ period, birthBlock }: Pick<Mortality, 'period' | 'birthBlock'>): Uint8Array {
  const word = Math.log2(period) - 1 + ((birthBlock % period) << 4)
  return Uint8Array.of(word & 0xff, word >> 8)
}

function u32(value: number): Uint8Array {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}

/** SCALE compact of an integer up to 2^128. */
function compact(value: bigint): Uint8Array {
  if (value < 1n << 6n) return Uint8Array.of(Number(value) << 2)
  if (value < 1n << 14n) return littleEndian((value << 2n) | 1n, 2)
  if (value < 1n << 30n) return littleEndian((value << 2n) | 2n, 4)
  let size = 4
  while (value >> BigInt(size * 8) > 0n) size++
  return concat([Uint8Array.of(((size - 4) << 2) | 3), littleEndian(value, size)])
}

function littleEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function missingCall(runtime: Runtime, pallet: string, name: string): AppError {
  return new AppError('BAD_INPUT', `the runtime (spec ${runtime.specVersion}) has no call ${pallet}.${name}`)
}
