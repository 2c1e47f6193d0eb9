import { Field, Float, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, Row } from '../../../store/read/index.js'
import { AddressScalar, BigIntScalar, DateTimeScalar } from '../scalars.js'
import { extrinsicIdOf } from './chain.js'
import { asNode, Node } from './node.js'
import { ratio } from './ratio.js'

/** Accounts, the stake between them, and the hotkeys that take it. */

const NODE = { implements: Node, simpleResolvers: true } as const

@ObjectType('Account', NODE)
export class Account extends Node {
  @Field(() => AddressScalar)
  address!: Hex
  @Field(() => BigIntScalar)
  free!: bigint
  @Field(() => BigIntScalar)
  reserved!: bigint
  @Field(() => BigIntScalar)
  frozen!: bigint
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'Stake of this coldkey on all hotkeys; null in runtimes whose stake is not read.',
  })
  staked!: bigint | null
  @Field(() => BigIntScalar, { description: 'free + reserved + staked, as far as stake is known.' })
  total!: bigint
  @Field(() => Int)
  nonce!: number
  @Field(() => Boolean, { description: 'false once the chain has removed the account.' })
  alive!: boolean
  @Field(() => Int)
  firstSeenBlock!: number
  @Field(() => Int)
  updatedBlock!: number
}

export function presentAccount(row: Row<typeof entities.accounts>) {
  return asNode('Account', [row.address], row)
}

@ObjectType('AccountBalance', { ...NODE, description: 'The balance after a block that touched the account.' })
export class AccountBalance extends Node {
  @Field(() => AddressScalar)
  address!: Hex
  @Field(() => Int)
  blockHeight!: number
  @Field(() => BigIntScalar)
  free!: bigint
  @Field(() => BigIntScalar)
  reserved!: bigint
  @Field(() => BigIntScalar, { nullable: true, description: 'null in runtimes whose stake is not read.' })
  staked!: bigint | null
  @Field(() => BigIntScalar, { description: 'free + reserved + staked.' })
  total!: bigint
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

export function presentAccountBalance(row: Row<typeof entities.accountBalances>) {
  return asNode('AccountBalance', [row.blockHeight, row.address], { ...row, total: row.free + row.reserved + (row.staked ?? 0n) })
}

@ObjectType('Delegate', { ...NODE, description: 'A hotkey with its owner. Others can stake on it when `take` is not null.' })
export class Delegate extends Node {
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => AddressScalar, { nullable: true, description: 'The coldkey that owns the hotkey.' })
  owner!: Hex | null
  @Field(() => Float, { nullable: true, description: 'Share of the validator emission that the owner keeps.' })
  take!: number | null
  @Field(() => Int, { nullable: true, description: '`take` as the chain stores it: x / 65535.' })
  takeRaw!: number | null
  @Field(() => BigIntScalar, { nullable: true, description: 'null in runtimes whose stake is not read.' })
  totalStake!: bigint | null
  @Field(() => Int)
  updatedBlock!: number
}

export function presentDelegate(row: Row<typeof entities.hotkeys>) {
  return asNode('Delegate', [row.hotkey], { ...row, take: ratio(row.take), takeRaw: row.take })
}

@ObjectType('Delegation', { ...NODE, description: 'The stake of a coldkey on a hotkey.' })
export class Delegation extends Node {
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => AddressScalar)
  coldkey!: Hex
  @Field(() => Int, { nullable: true, description: 'null in runtimes whose stake is not per subnet.' })
  netuid!: number | null
  @Field(() => BigIntScalar)
  amount!: bigint
  @Field(() => Int)
  updatedBlock!: number
}

export function presentDelegation(row: Row<typeof entities.delegations>) {
  // -1 stands for "of no subnet" in the key, which cannot hold a null.
  return asNode('Delegation', [row.hotkey, row.coldkey, row.netuid], { ...row, netuid: row.netuid < 0 ? null : row.netuid })
}

@ObjectType('StakeEvent', NODE)
export class StakeEvent extends Node {
  @Field(() => String, { description: 'Id of its event: "1200-7".' })
  id!: string
  @Field(() => Int)
  blockHeight!: number
  @Field(() => String, { nullable: true })
  extrinsicId!: string | null
  @Field(() => String, { description: 'ADD, REMOVE or MOVE.' })
  action!: string
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => AddressScalar, { nullable: true, description: 'null where neither the event nor the call names it.' })
  coldkey!: Hex | null
  @Field(() => Int, { nullable: true })
  netuid!: number | null
  @Field(() => BigIntScalar)
  amount!: bigint
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

export function presentStakeEvent(row: Row<typeof entities.stakeEvents>) {
  return asNode('StakeEvent', [row.blockHeight, row.eventIndex], {
    ...row,
    id: `${row.blockHeight}-${row.eventIndex}`,
    extrinsicId: extrinsicIdOf(row),
  })
}
