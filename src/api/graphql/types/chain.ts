import { Field, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, JsonValue, Row } from '../../../store/read/index.js'
import { AddressScalar, BigIntScalar, DateTimeScalar, HashScalar, JsonScalar } from '../scalars.js'
import { asNode, Node } from './node.js'
import { BookFields, withGaps } from './reconciliation.js'

/** Blocks and what happened in them. */

const NODE = { implements: Node, simpleResolvers: true } as const

@ObjectType('Block', NODE)
export class Block extends Node {
  @Field(() => Int)
  height!: number
  @Field(() => HashScalar)
  hash!: Hex
  @Field(() => HashScalar)
  parentHash!: Hex
  @Field(() => HashScalar)
  stateRoot!: Hex
  @Field(() => HashScalar)
  extrinsicsRoot!: Hex
  @Field(() => DateTimeScalar)
  timestamp!: Date
  @Field(() => AddressScalar, { nullable: true, description: 'null where the consensus digest does not name an account.' })
  author!: Hex | null
  @Field(() => Int)
  specVersion!: number
  @Field(() => Int)
  extrinsicCount!: number
  @Field(() => Int)
  eventCount!: number
}

export function presentBlock(row: Row<typeof entities.blocks>) {
  return asNode('Block', [row.height], row)
}

@ObjectType('DispatchError', { simpleResolvers: true })
export class DispatchError {
  @Field(() => String, { nullable: true, description: 'null for errors of the runtime itself, such as BadOrigin.' })
  pallet!: string | null
  @Field(() => String)
  name!: string
}

function errorOf(row: { errorPallet: string | null; errorName: string | null }): DispatchError | null {
  return row.errorName === null ? null : { pallet: row.errorPallet, name: row.errorName }
}

@ObjectType('Extrinsic', NODE)
export class Extrinsic extends Node {
  @Field(() => String, { description: 'Block height and index: "1200-3".' })
  id!: string
  @Field(() => HashScalar)
  hash!: Hex
  @Field(() => Int)
  blockHeight!: number
  @Field(() => Int)
  index!: number
  @Field(() => AddressScalar, { nullable: true })
  signer!: Hex | null
  @Field(() => String)
  pallet!: string
  @Field(() => String)
  call!: string
  @Field(() => JsonScalar)
  args!: JsonValue
  @Field(() => Boolean)
  success!: boolean
  @Field(() => DispatchError, { nullable: true })
  error!: DispatchError | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'What the signer paid, tip included; null where the runtime does not report it.',
  })
  fee!: bigint | null
  @Field(() => BigIntScalar, { nullable: true })
  tip!: bigint | null
  @Field(() => Int, { nullable: true })
  nonce!: number | null
  @Field(() => Int, { nullable: true, description: 'Blocks the extrinsic was valid for; null = immortal or unsigned.' })
  eraPeriod!: number | null
  @Field(() => Int, { nullable: true })
  eraPhase!: number | null
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

export function presentExtrinsic(row: Row<typeof entities.extrinsics>) {
  return asNode('Extrinsic', [row.blockHeight, row.index], { ...row, id: `${row.blockHeight}-${row.index}`, error: errorOf(row) })
}

@ObjectType('Call', { ...NODE, description: 'A call inside an extrinsic: of a batch, a proxy, a multisig, sudo.' })
export class Call extends Node {
  @Field(() => String, { description: 'Block height, extrinsic index and position: "1200-3-1".' })
  id!: string
  @Field(() => Int)
  blockHeight!: number
  @Field(() => Int)
  extrinsicIndex!: number
  @Field(() => String)
  extrinsicId!: string
  @Field(() => Int, { description: 'Position in the extrinsic, depth first, from 1.' })
  index!: number
  @Field(() => String, { nullable: true, description: 'The enclosing call; null where that is the extrinsic itself.' })
  parentId!: string | null
  @Field(() => String)
  pallet!: string
  @Field(() => String)
  call!: string
  @Field(() => JsonScalar)
  args!: JsonValue
  @Field(() => Boolean, { nullable: true, description: 'null where the chain does not say: not executed, or undone with its parent.' })
  success!: boolean | null
  @Field(() => DispatchError, { nullable: true })
  error!: DispatchError | null
  @Field(() => AddressScalar, { nullable: true, description: 'The account it is made for; null for root and unknown.' })
  origin!: Hex | null
}

export function presentCall(row: Row<typeof entities.calls>) {
  const extrinsicId = `${row.blockHeight}-${row.extrinsicIndex}`
  return asNode('Call', [row.blockHeight, row.extrinsicIndex, row.index], {
    ...row,
    extrinsicId,
    id: `${extrinsicId}-${row.index}`,
    parentId: row.parentIndex === 0 ? null : `${extrinsicId}-${row.parentIndex}`,
    error: errorOf(row),
  })
}

export function extrinsicIdOf(row: { blockHeight: number; extrinsicIndex: number | null }): string | null {
  return row.extrinsicIndex === null ? null : `${row.blockHeight}-${row.extrinsicIndex}`
}

@ObjectType('Event', NODE)
export class Event extends Node {
  @Field(() => String, { description: 'Block height and index: "1200-7".' })
  id!: string
  @Field(() => Int)
  blockHeight!: number
  @Field(() => Int)
  index!: number
  @Field(() => String, { description: 'Initialization, ApplyExtrinsic or Finalization.' })
  phase!: string
  @Field(() => String, { nullable: true })
  extrinsicId!: string | null
  @Field(() => String)
  pallet!: string
  @Field(() => String)
  name!: string
  @Field(() => JsonScalar)
  data!: JsonValue
}

export function presentEvent(row: Row<typeof entities.events>) {
  return asNode('Event', [row.blockHeight, row.index], { ...row, id: `${row.blockHeight}-${row.index}`, extrinsicId: extrinsicIdOf(row) })
}

@ObjectType('Transfer', NODE)
export class Transfer extends Node {
  @Field(() => String, { description: 'Id of its event: "1200-7".' })
  id!: string
  @Field(() => Int)
  blockHeight!: number
  @Field(() => String, { nullable: true })
  extrinsicId!: string | null
  @Field(() => AddressScalar)
  from!: Hex
  @Field(() => AddressScalar)
  to!: Hex
  @Field(() => BigIntScalar)
  amount!: bigint
  @Field(() => BigIntScalar, { nullable: true, description: "What the extrinsic's signer paid, where the signer is the sender." })
  fee!: bigint | null
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

export function presentTransfer(row: Row<typeof entities.transfers>) {
  return asNode('Transfer', [row.blockHeight, row.eventIndex], {
    ...row,
    id: `${row.blockHeight}-${row.eventIndex}`,
    extrinsicId: extrinsicIdOf(row),
  })
}

@ObjectType('RuntimeVersion', NODE)
export class RuntimeVersion extends Node {
  @Field(() => Int)
  specVersion!: number
  @Field(() => String)
  specName!: string
  @Field(() => Int, { nullable: true })
  transactionVersion!: number | null
  @Field(() => Int, { description: 'First block it was read at.' })
  firstBlock!: number
  @Field(() => Int)
  metadataVersion!: number
  @Field(() => HashScalar)
  metadataHash!: Hex
  @Field(() => String, { description: 'SCALE metadata, gzip, as base64.' })
  metadata!: string
}

export function presentRuntimeVersion(row: Row<typeof entities.runtimeVersions>) {
  const metadata = () => Buffer.from(row.metadata.slice(2), 'hex').toString('base64')
  return asNode('RuntimeVersion', [row.specVersion], { ...row, metadata })
}

@BookFields
@ObjectType('NetworkStat', { ...NODE, description: 'Totals of the network at a block.' })
export class NetworkStat extends Node {
  @Field(() => Int)
  blockHeight!: number
  @Field(() => DateTimeScalar)
  timestamp!: Date
  @Field(() => BigIntScalar, { nullable: true })
  blockEmission!: bigint | null
  @Field(() => Int, { nullable: true })
  subnets!: number | null
  @Field(() => JsonScalar, { description: 'Every plain value of the SubtensorModule pallet.' })
  totals!: JsonValue
}

export function presentNetworkStat(row: Row<typeof entities.networkStats>) {
  return asNode('NetworkStat', [row.blockHeight], withGaps(row))
}
