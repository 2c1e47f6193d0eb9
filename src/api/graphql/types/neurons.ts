import { Field, Float, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, MetagraphNeuron, Row } from '../../../store/read/index.js'
import { AddressScalar, BigIntScalar } from '../scalars.js'
import { asNode, Node } from './node.js'
import { ratio } from './ratio.js'

/** A neuron, now or at an epoch. */

const SIMPLE = { simpleResolvers: true } as const

@ObjectType('Endpoint', { ...SIMPLE, description: 'Where an axon or a Prometheus exporter says it listens.' })
export class Endpoint {
  @Field(() => String)
  ip!: string
  @Field(() => Int)
  port!: number
  @Field(() => Int, { nullable: true })
  ipType!: number | null
  @Field(() => Int, { nullable: true })
  protocol!: number | null
  @Field(() => BigIntScalar, { nullable: true, description: 'u32, as announced.' })
  version!: number | null
  @Field(() => Int, { nullable: true, description: 'Block of the announcement.' })
  block!: number | null
  @Field(() => Int, { nullable: true })
  placeholder1!: number | null
  @Field(() => Int, { nullable: true })
  placeholder2!: number | null
}

@ObjectType('NeuronRaw', { ...SIMPLE, description: 'The ratios as the chain stores them: x / 65535.' })
export class NeuronRaw {
  @Field(() => Int)
  rank!: number
  @Field(() => Int)
  trust!: number
  @Field(() => Int)
  consensus!: number
  @Field(() => Int)
  incentive!: number
  @Field(() => Int)
  dividends!: number
  @Field(() => Int)
  validatorTrust!: number
  @Field(() => Int)
  pruningScore!: number
}

/** The fields that neurons and their snapshots share. */
@ObjectType()
abstract class NeuronFields extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  uid!: number
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => AddressScalar, { nullable: true })
  coldkey!: Hex | null
  @Field(() => Float)
  rank!: number
  @Field(() => Float)
  trust!: number
  @Field(() => Float)
  consensus!: number
  @Field(() => Float)
  incentive!: number
  @Field(() => Float)
  dividends!: number
  @Field(() => Float)
  validatorTrust!: number
  @Field(() => Float)
  pruningScore!: number
  @Field(() => NeuronRaw)
  raw!: NeuronRaw
  @Field(() => BigIntScalar, { description: 'What the last epoch gave, in rao.' })
  emission!: bigint
  @Field(() => Boolean)
  validatorPermit!: boolean
  @Field(() => Boolean)
  active!: boolean
  @Field(() => Int, { description: 'Block of the last weights set.' })
  lastUpdate!: number
  @Field(() => Int)
  registeredBlock!: number
  @Field(() => Endpoint, { nullable: true })
  axon!: Endpoint | null
  @Field(() => Endpoint, { nullable: true })
  prometheus!: Endpoint | null
}

@ObjectType('Neuron', { implements: Node, ...SIMPLE })
export class Neuron extends NeuronFields {
  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'null in runtimes whose stake is not read, and in an earlier metagraph for a neuron that arrived after its snapshot.',
  })
  stake!: bigint | null
}

@ObjectType('NeuronSnapshot', { implements: Node, ...SIMPLE, description: 'A neuron as it was right after an epoch.' })
export class NeuronSnapshot extends NeuronFields {
  @Field(() => Int)
  blockHeight!: number
  @Field(() => BigIntScalar, { nullable: true, description: 'null in runtimes whose stake is not read.' })
  stake!: bigint | null
}

function ratios(row: NeuronRaw) {
  const { rank, trust, consensus, incentive, dividends, validatorTrust, pruningScore } = row
  return {
    raw: { rank, trust, consensus, incentive, dividends, validatorTrust, pruningScore },
    rank: ratio(rank),
    trust: ratio(trust),
    consensus: ratio(consensus),
    incentive: ratio(incentive),
    dividends: ratio(dividends),
    validatorTrust: ratio(validatorTrust),
    pruningScore: ratio(pruningScore),
  }
}

/** Hotkeys by uid, where the whole subnet is at hand. */
export type Seats = ReadonlyMap<number, Hex>

export function presentNeuron(row: Row<typeof entities.neurons> | MetagraphNeuron, seats?: Seats) {
  return asNode('Neuron', [row.netuid, row.uid], { ...row, ...ratios(row), seats })
}

export function presentNeuronSnapshot(row: Row<typeof entities.neuronSnapshots>) {
  return asNode('NeuronSnapshot', [row.netuid, row.blockHeight, row.uid], { ...row, ...ratios(row) })
}

export type NeuronView = ReturnType<typeof presentNeuron>
export type NeuronSnapshotView = ReturnType<typeof presentNeuronSnapshot>
