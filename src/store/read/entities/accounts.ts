import { column, nullable } from '../column.js'
import { by, defineEntity } from '../entity.js'

/** Accounts, the stake between them, and the hotkeys that take it. */

const opposite = { tie: 'opposite' } as const

export const accounts = defineEntity({
  name: 'accounts',
  from: 'accounts',
  columns: {
    address: column('bytes', 'address'),
    free: column('bigint', 'free'),
    reserved: column('bigint', 'reserved', { filterable: false }),
    frozen: column('bigint', 'frozen', { filterable: false }),
    nonce: column('height', 'nonce', { filterable: false }),
    staked: nullable('bigint', 'staked'),
    total: column('bigint', 'total'),
    alive: column('bool', 'alive'),
    firstSeenBlock: column('height', 'first_seen_block', { filterable: false }),
    updatedBlock: column('height', 'updated_block'),
  },
  key: ['address'],
  orders: {
    FREE: by('free', opposite),
    STAKED: by('staked', opposite),
    TOTAL: by('total', opposite),
    UPDATED_BLOCK: by('updatedBlock', opposite),
  },
  defaultOrder: ['TOTAL_DESC'],
})

const account = (column: string) => ({ entity: () => accounts, on: { address: column } }) as const

export const accountBalances = defineEntity({
  name: 'accountBalances',
  from: 'account_balances',
  columns: {
    address: column('bytes', 'address'),
    blockHeight: column('height', 'block_height'),
    free: column('bigint', 'free'),
    reserved: column('bigint', 'reserved', { filterable: false }),
    staked: nullable('bigint', 'staked', { filterable: false }),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'address'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { account: account('address') },
  timeFollows: 'blockHeight',
})

const hotkeyColumns = {
  hotkey: column('bytes', 'hotkey'),
  owner: nullable('bytes', 'coldkey'),
  take: nullable('ratio', 'take'),
  totalStake: nullable('bigint', 'total_stake'),
  updatedBlock: column('height', 'updated_block'),
} as const

const hotkeyList = {
  columns: hotkeyColumns,
  key: ['hotkey'],
  orders: { TOTAL_STAKE: by('totalStake', opposite) },
  defaultOrder: ['TOTAL_STAKE_DESC'],
} as const

/** Every hotkey that has an owner, delegate or not. */
export const hotkeys = defineEntity({ ...hotkeyList, name: 'hotkeys', from: 'hotkeys' })

export const delegates = defineEntity({ ...hotkeyList, name: 'delegates', from: '(SELECT * FROM hotkeys WHERE take IS NOT NULL)' })

/** Hotkeys that hold a validator permit somewhere. */
export const validators = defineEntity({
  ...hotkeyList,
  name: 'validators',
  from: '(SELECT * FROM hotkeys h WHERE EXISTS (SELECT 1 FROM neurons n WHERE n.hotkey = h.hotkey AND n.validator_permit))',
})

export const delegations = defineEntity({
  name: 'delegations',
  from: 'delegations',
  columns: {
    hotkey: column('bytes', 'hotkey'),
    coldkey: column('bytes', 'coldkey'),
    netuid: column('int', 'netuid'),
    amount: column('bigint', 'amount'),
    updatedBlock: column('height', 'updated_block', { filterable: false }),
  },
  key: ['hotkey', 'coldkey', 'netuid'],
  orders: { AMOUNT: by('amount', opposite) },
  defaultOrder: ['AMOUNT_DESC'],
  relations: { delegate: { entity: () => hotkeys, on: { hotkey: 'hotkey' } }, account: account('coldkey') },
})
