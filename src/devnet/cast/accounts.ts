/** The accounts of a devnet. All come from the well-known development phrase, so anybody can use them in any wallet. */
import { Keyring } from '@polkadot/keyring'
import type { KeyringPair } from '@polkadot/keyring/types'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import type { KeyPair } from '../../core/wallet/keys.js'

export interface Account {
  /** Derivation path, as in `//devnet//cold//3`. */
  path: string
  id: Hex
  sign(payload: Uint8Array): Uint8Array
}

export interface CastAccounts {
  /** `//Alice`, who is also the sudo key. */
  alice: Account
  /** The usual development accounts, with money. */
  developers: Account[]
  authorities: Account[]
  /** Each coldkey owns the hotkey of the same place. There are some more than a subnet has seats; they wait for one. */
  coldkeys: Account[]
  hotkeys: Account[]
  nominators: Account[]
}

const DEVELOPERS = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie']
const AUTHORITIES = 3
const NOMINATORS = 4
/** To each this many seats there is one who waits. */
const SEATS_PER_NEWCOMER = 8

/** Needs the WebAssembly of @polkadot/util-crypto to be ready. */
export function castAccounts(seed: string, seats: number): CastAccounts {
  const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
  // Deriving from a pair is cheap; the phrase is stretched once.
  const base = keyring.createFromUri(`//${seed.replaceAll('/', '_')}`)
  const root = `//${seed.replaceAll('/', '_')}`
  const many = (role: string, count: number) =>
    Array.from({ length: count }, (_, i) => fromPair(`${root}//${role}//${i}`, base.derive(`//${role}//${i}`)))
  const developers = DEVELOPERS.map((name) => fromPair(`//${name}`, keyring.createFromUri(`//${name}`)))
  const pairs = seats + Math.ceil(seats / SEATS_PER_NEWCOMER)
  return {
    alice: developers[0] as Account,
    developers,
    authorities: many('authority', AUTHORITIES),
    coldkeys: many('cold', pairs),
    hotkeys: many('hot', pairs),
    nominators: many('nominator', seats === 0 ? 0 : NOMINATORS),
  }
}

/** An account of the cast as the rest of the program has keys. */
export function keyPairOf({ id, sign }: Account): KeyPair {
  return Object.freeze({ publicKey: id, address: encodeSs58(id), type: 'sr25519', sign })
}

function fromPair(path: string, pair: KeyringPair): Account {
  return { path, id: toHex(pair.publicKey), sign: (payload) => pair.sign(payload) }
}
