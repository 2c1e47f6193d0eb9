import { Field, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, Row } from '../../../store/read/index.js'
import { AddressScalar, BigIntScalar, DateTimeScalar } from '../scalars.js'
import { extrinsicIdOf } from './chain.js'
import { asNode, Node } from './node.js'

/** Who took and who lost a uid. */

@ObjectType()
abstract class SeatChange extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  uid!: number
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => AddressScalar, { nullable: true })
  coldkey!: Hex | null
  @Field(() => Int)
  blockHeight!: number
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

@ObjectType('NeuronRegistration', { implements: Node, simpleResolvers: true })
export class NeuronRegistration extends SeatChange {
  @Field(() => String, { description: 'POW, BURN, ROOT, SUDO, or GENESIS for neurons that were there at the first block indexed.' })
  method!: string
  @Field(() => BigIntScalar, { nullable: true, description: 'Rao burned (BURN).' })
  cost!: bigint | null
  @Field(() => BigIntScalar, { nullable: true, description: 'Difficulty at the block (POW).' })
  difficulty!: bigint | null
  @Field(() => AddressScalar, { nullable: true, description: 'Who held the uid before.' })
  replacedHotkey!: Hex | null
  @Field(() => String, { nullable: true })
  extrinsicId!: string | null
}

export function presentNeuronRegistration(row: Row<typeof entities.neuronRegistrations>) {
  return asNode('NeuronRegistration', [row.blockHeight, row.netuid, row.uid, row.hotkey], { ...row, extrinsicId: extrinsicIdOf(row) })
}

@ObjectType('NeuronDeregistration', { implements: Node, simpleResolvers: true })
export class NeuronDeregistration extends SeatChange {
  @Field(() => String, { description: 'REPLACED or SUBNET_REMOVED.' })
  reason!: string
}

export function presentNeuronDeregistration(row: Row<typeof entities.neuronDeregistrations>) {
  return asNode('NeuronDeregistration', [row.blockHeight, row.netuid, row.uid, row.hotkey], row)
}
