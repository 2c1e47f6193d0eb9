/** The first block: what is in the state before anything happens. */
import type { Hex } from '../core/records.js'
import { extrinsicsRoot, type Header } from './executive/header.js'
import type { Runtime } from './runtime/runtime.js'
import { encodeWith } from './runtime/scale.js'
import { ZERO_HASH } from './runtime/pallets/system.js'
import { RUNTIME_VERSION } from './runtime/version.js'
import type { Block, ChainStore } from './state/chain-store.js'

export interface GenesisEntry {
  pallet: string
  item: string
  keys: unknown[]
  value: unknown
}

/** What System itself remembers of the block before the first. */
const BEFORE_GENESIS: Hex = `0x${'45'.repeat(32)}`
/** `:grandpa_authorities`, which is no pallet's storage. */
const GRANDPA_AUTHORITIES: Hex = `0x${Buffer.from(':grandpa_authorities').toString('hex')}`

export interface GenesisOptions {
  authorities: Hex[]
  /** Free balances. */
  balances: { who: Hex; free: bigint }[]
  sudo: Hex
  entries: GenesisEntry[]
}

export function genesisEntries({ authorities, balances, sudo, entries }: GenesisOptions): GenesisEntry[] {
  const issuance = balances.reduce((sum, { free }) => sum + free, 0n)
  const data = (free: bigint) => ({ free, reserved: 0n, misc_frozen: 0n, fee_frozen: 0n })
  return [
    { pallet: 'System', item: 'BlockHash', keys: [0], value: BEFORE_GENESIS },
    { pallet: 'System', item: 'ParentHash', keys: [], value: BEFORE_GENESIS },
    {
      pallet: 'System',
      item: 'LastRuntimeUpgrade',
      keys: [],
      value: { spec_version: RUNTIME_VERSION.specVersion, spec_name: RUNTIME_VERSION.specName },
    },
    { pallet: 'System', item: 'UpgradedToU32RefCount', keys: [], value: true },
    { pallet: 'System', item: 'UpgradedToTripleRefCount', keys: [], value: true },
    { pallet: 'Aura', item: 'Authorities', keys: [], value: authorities },
    { pallet: 'TransactionPayment', item: 'StorageVersion', keys: [], value: { type: 'V2' } },
    { pallet: 'TransactionPayment', item: 'NextFeeMultiplier', keys: [], value: 10n ** 18n },
    { pallet: 'Balances', item: 'TotalIssuance', keys: [], value: issuance },
    { pallet: 'Sudo', item: 'Key', keys: [], value: sudo },
    ...balances.map(({ who, free }) => ({
      pallet: 'System',
      item: 'Account',
      keys: [who],
      value: { nonce: 0, consumers: 0, providers: 1, sufficients: 0, data: data(free) },
    })),
    ...entries,
  ]
}

export function addGenesis(store: ChainStore, runtime: Runtime, entries: GenesisEntry[], grandpaAuthorities: Hex[]): Block {
  const changes = new Map<Hex, Uint8Array>()
  for (const { pallet, item: name, keys, value } of entries) {
    const item = runtime.storage.item(pallet, name)
    changes.set(item.key(keys), encodeWith(item.value, value))
  }
  // Version 1 of the list, then each authority with weight 1.
  const list = runtime.codecs.encode(
    'Vec<([u8; 32], u64)>',
    grandpaAuthorities.map((key) => [key, 1n]),
  )
  changes.set(GRANDPA_AUTHORITIES, Buffer.concat([Uint8Array.of(1), list]))
  const header: Header = {
    parentHash: ZERO_HASH,
    number: 0,
    stateRoot: store.history.rootWith(null, changes).root,
    extrinsicsRoot: extrinsicsRoot([]),
    digest: { logs: [] },
  }
  const genesis = store.add({ parent: null, header, extrinsics: [], changes })
  store.setHead({ best: genesis, finalized: genesis })
  return genesis
}
