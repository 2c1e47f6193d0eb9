import type { GraphQLResolveInfo } from 'graphql'
import { Field, Float, Int, ObjectType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { entities, Row } from '../../../store/read/index.js'
import type { ApiContext } from '../context.js'
import { AddressScalar, DateTimeScalar } from '../scalars.js'
import { extrinsicIdOf } from './chain.js'
import { asNode, Node } from './node.js'
import { ratio } from './ratio.js'

/** Weights and bonds: as edges of the matrix now, as rows when they were set, and as the rows of one neuron. */

const NODE = { implements: Node, simpleResolvers: true } as const
const NORMALISED = 'u16 / 65535; the chain scales each row so that its largest weight is 1.'

@ObjectType()
abstract class EdgeFields extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  validatorUid!: number
  @Field(() => AddressScalar)
  validatorHotkey!: Hex
  @Field(() => Int)
  minerUid!: number
}

@ObjectType('Weight', { ...NODE, description: 'What one neuron now gives another.' })
export class Weight extends EdgeFields {
  @Field(() => Int, { description: 'u16, as stored on the chain.' })
  weight!: number
  @Field(() => Float, { description: NORMALISED })
  normalised!: number
  @Field(() => Int, { description: "Block of the validator's last update." })
  blockHeight!: number
}

export function presentWeight(row: Row<typeof entities.weights>) {
  return asNode('Weight', [row.netuid, row.validatorUid, row.minerUid], { ...row, normalised: ratio(row.weight) })
}

@ObjectType('Bond', { ...NODE, description: 'What the last epoch left between a validator and a miner.' })
export class Bond extends EdgeFields {
  @Field(() => Int, { description: 'u16, as stored on the chain.' })
  bond!: number
  @Field(() => Float, { description: 'u16 / 65535.' })
  normalised!: number
  @Field(() => Int, { nullable: true, description: 'Block of the last epoch.' })
  blockHeight!: number | null
}

export function presentBond(row: Row<typeof entities.bonds>) {
  return asNode('Bond', [row.netuid, row.validatorUid, row.minerUid], { ...row, normalised: ratio(row.bond) })
}

@ObjectType('SetWeight', { simpleResolvers: true })
export class SetWeight {
  @Field(() => Int)
  uid!: number
  @Field(() => Int, { description: 'u16, as stored on the chain.' })
  weight!: number
  @Field(() => Float, { description: NORMALISED })
  normalised!: number
}

@ObjectType('SetBond', { simpleResolvers: true })
export class SetBond {
  @Field(() => Int)
  uid!: number
  @Field(() => Int, { description: 'u16, as stored on the chain.' })
  bond!: number
  @Field(() => Float, { description: 'u16 / 65535.' })
  normalised!: number
}

/** Resolves to the hotkey that holds a uid. GraphQL calls it when the field is selected. */
export type HotkeyLookup = (args: unknown, context: ApiContext, info: GraphQLResolveInfo) => Hex | null | Promise<Hex | null>

const HOTKEY = { nullable: true, description: 'Who holds the uid; null when nobody does.' } as const

@ObjectType('NeuronWeight', { simpleResolvers: true })
export class NeuronWeight extends SetWeight {
  @Field(() => AddressScalar, HOTKEY)
  hotkey!: HotkeyLookup
}

@ObjectType('NeuronBond', { simpleResolvers: true })
export class NeuronBond extends SetBond {
  @Field(() => AddressScalar, HOTKEY)
  hotkey!: HotkeyLookup
}

export function weightsOf(uids: readonly number[], values: readonly number[]): SetWeight[] {
  return uids.map((uid, index) => ({ uid, weight: values[index] ?? 0, normalised: ratio(values[index] ?? 0) }))
}

export function bondsOf(uids: readonly number[], values: readonly number[]): SetBond[] {
  return uids.map((uid, index) => ({ uid, bond: values[index] ?? 0, normalised: ratio(values[index] ?? 0) }))
}

@ObjectType('WeightSet', { ...NODE, description: 'A row of the weight matrix as a validator set it.' })
export class WeightSet extends Node {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  validatorUid!: number
  @Field(() => AddressScalar)
  hotkey!: Hex
  @Field(() => Int)
  blockHeight!: number
  @Field(() => String, { nullable: true })
  extrinsicId!: string | null
  @Field(() => DateTimeScalar)
  timestamp!: Date
  @Field(() => [SetWeight])
  weights!: SetWeight[]
}

export function presentWeightSet(row: Row<typeof entities.weightSets>) {
  return asNode('WeightSet', [row.blockHeight, row.netuid, row.validatorUid], {
    ...row,
    extrinsicId: extrinsicIdOf(row),
    weights: () => weightsOf(row.uids, row.weights),
  })
}
