/** What the devnet says it is: the runtime of March 2024, whose layout it has. */

export const SPEC_NAME = 'node-subtensor'
export const SPEC_VERSION = 143
export const TRANSACTION_VERSION = 1

/** Runtime APIs by the hash of their name, as a node of this version declares them. */
export const RUNTIME_APIS: [string, number][] = [
  ['0xdf6acb689907609b', 4],
  ['0x37e397fc7c91f5e4', 1],
  ['0x40fe3ad401f8959a', 6],
  ['0xd2bc9897eed08f15', 3],
  ['0xf78b278be53f454c', 2],
  ['0xdd718d5cc53262d4', 1],
  ['0xab3c0572291feb8b', 1],
  ['0xed99c5acb25eedf5', 3],
  ['0xbc9d89904f5b923f', 1],
  ['0x37c8bb1350a9a2a8', 3],
  ['0xf3ff14d5ab527059', 3],
]

export const RUNTIME_VERSION = {
  specName: SPEC_NAME,
  implName: SPEC_NAME,
  authoringVersion: 1,
  specVersion: SPEC_VERSION,
  implVersion: 1,
  apis: RUNTIME_APIS,
  transactionVersion: TRANSACTION_VERSION,
  stateVersion: 1,
}
