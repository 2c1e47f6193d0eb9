/** Work that the chain's own rule takes, made with other implementations (Python's hashlib and pycryptodome): what every solver has to find on every start. */

export interface SealVector {
  readonly nonce: bigint
  /** Hex of 32 bytes, as is the seal. */
  readonly preimage: string
  readonly seal: string
}

export const SEALS: readonly SealVector[] = [
  {
    nonce: 0n,
    preimage: 'ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5',
    seal: '1b7c7d83813e4ec22c8e17c0440212214827c0bf703443e475e2e3c5e686085a',
  },
  {
    nonce: 18446744073709551615n,
    preimage: '22ddafaf521412b39e3398371002be31620857ea0b5270601013b775e0cc6bad',
    seal: 'ace7ab0c10de6cbaea07097c9c4ccaeb6ba97de3ff739f92c5fcfb88a1f222ff',
  },
  {
    nonce: 72623859790382856n,
    preimage: '002030bde3d4cf89919649775cd71875c4d0ab1708a380e03fefc3a28aa24831',
    seal: '9d340489d10afec9ccd773ebb2f27d2b8d92bb35891d6e32707364154149c759',
  },
  {
    nonce: 4294967295n,
    preimage: '002030bde3d4cf89919649775cd71875c4d0ab1708a380e03fefc3a28aa24831',
    seal: '3abde5ce32d59d87cadbd97cf4287a6a0d5f01a9d5a78782382cd6c036048b75',
  },
  {
    nonce: 18446744069414584320n,
    preimage: '002030bde3d4cf89919649775cd71875c4d0ab1708a380e03fefc3a28aa24831',
    seal: 'edfb9d128b2e799bdfe20379ac43f2b0968cc45a9e3103506dabccfe2bfcf8c4',
  },
  {
    nonce: 12803301380415834005n,
    preimage: '918f29d6f79dabfdf15362b750f3aec5d0106d554ff2e9b12989feb3044abeff',
    seal: 'bcf44ef30b01432988b185c2b178503568f6cb353b30dda15f6323e853206d4d',
  },
]

/** The first nonces from 0 that pass, for one preimage. */
export const FIRST_NONCES = {
  preimage: '7736c4928214abb9605f9eec265685fd246a1973484c78fc80215169fcc0f4c4',
  short: { difficulty: 1000n, big: 264, little: 1440 },
  /** For devices that try millions at a time. */
  long: { difficulty: 200_000n, big: 425_873, little: 182_399 },
} as const
