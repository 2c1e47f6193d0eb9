import { Field, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, JsonValue, Row } from '../../../store/read/index.js'
import { AddressScalar, BigIntScalar, DateTimeScalar, JsonScalar } from '../scalars.js'
import { EpochAudit, presentAudit } from './audits.js'
import { asNode, Node } from './node.js'
import { minus } from './reconciliation.js'

/** Subnets, their parameters over time, and their epochs. */

const NODE = { implements: Node, simpleResolvers: true } as const

@ObjectType('Subnet', NODE)
export class Subnet extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => AddressScalar, { nullable: true })
  owner!: Hex | null
  @Field(() => Int, { description: 'Number of neurons.' })
  n!: number
  @Field(() => Int)
  maxUids!: number
  @Field(() => Int)
  tempo!: number
  @Field(() => BigIntScalar, { nullable: true })
  difficulty!: bigint | null
  @Field(() => BigIntScalar, { nullable: true, description: 'Price of a registration by burning.' })
  burn!: bigint | null
  @Field(() => BigIntScalar, { nullable: true, description: 'Emission per block due to the subnet.' })
  emission!: bigint | null
  @Field(() => BigIntScalar, { nullable: true })
  pendingEmission!: bigint | null
  @Field(() => Int, { nullable: true })
  registeredBlock!: number | null
  @Field(() => Int, { nullable: true })
  lastEpochBlock!: number | null
  @Field(() => Int)
  updatedBlock!: number
}

export function presentSubnet(row: Row<typeof entities.subnets>) {
  return asNode('Subnet', [row.netuid], row)
}

@ObjectType('SubnetHyperparam', { ...NODE, description: 'A parameter from the block on at which it took this value.' })
export class SubnetHyperparam extends Node {
  @Field(() => Int, { nullable: true, description: 'null for parameters of the whole network.' })
  netuid!: number | null
  @Field(() => String)
  name!: string
  @Field(() => Int)
  blockHeight!: number
  @Field(() => JsonScalar, { nullable: true })
  value!: JsonValue
}

export function presentSubnetHyperparam(row: Row<typeof entities.subnetHyperparams>) {
  return asNode('SubnetHyperparam', [row.blockHeight, row.netuid, row.name], { ...row, netuid: row.netuid < 0 ? null : row.netuid })
}

@ObjectType('Epoch', { ...NODE, description: 'An epoch of a subnet, with the sums of what it gave out.' })
export class Epoch extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  blockHeight!: number
  @Field(() => Int)
  tempo!: number
  @Field(() => Int)
  n!: number
  @Field(() => BigIntScalar, { nullable: true, description: 'Emission per block due to the subnet at this block.' })
  emissionValue!: bigint | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'What had gathered for the epoch; null of the root network, and where the inputs could not be read.',
  })
  emissionDue!: bigint | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description:
      'What the epoch left to be paid: the sum over its emissions. null of the root network, which gives to subnets, not to neurons.',
  })
  emissionGiven!: bigint | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'emissionDue - emissionGiven; rounding leaves a few rao. null where either of them is.',
  })
  emissionGap!: bigint | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'What of emissionGiven is for servers; null in runtimes that hand out one sum.',
  })
  serverEmission!: bigint | null
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'What of emissionGiven is for validators; null in runtimes that hand out one sum.',
  })
  validatorEmission!: bigint | null
  @Field(() => BigIntScalar, { nullable: true, description: 'null in runtimes whose stake is not read.' })
  totalStake!: bigint | null
  @Field(() => Int)
  activeCount!: number
  @Field(() => Int)
  validatorCount!: number
  @Field(() => EpochAudit, { description: 'Whether recomputing the epoch comes to what the chain stored.' })
  audit!: EpochAudit
  @Field(() => DateTimeScalar)
  timestamp!: Date
}

export function presentEpoch(row: Row<typeof entities.epochs>) {
  return asNode('Epoch', [row.blockHeight, row.netuid], {
    ...row,
    emissionGap: minus(row.emissionDue, row.emissionGiven),
    audit: () => presentAudit(row),
  })
}

@ObjectType('Emission', { ...NODE, description: 'What an epoch gave to one neuron.' })
export class Emission extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  blockHeight!: number
  @Field(() => Int)
  uid!: number
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => BigIntScalar, { nullable: true, description: 'As a server; null in runtimes that hand out one sum.' })
  server!: bigint | null
  @Field(() => BigIntScalar, { nullable: true, description: 'As a validator; null in runtimes that hand out one sum.' })
  validator!: bigint | null
  @Field(() => BigIntScalar)
  total!: bigint
}

export function presentEmission(row: Row<typeof entities.emissions>) {
  return asNode('Emission', [row.blockHeight, row.netuid, row.uid], row)
}
