import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, Info, Int, ObjectType, Query, Resolver, Root } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import { type MatrixColumn, type Metagraph as MetagraphData, type MetagraphNeuron, readMetagraph } from '../../../store/read/index.js'
import { AtBlockArgs, resolveAtBlock } from '../at-block.js'
import type { ApiContext } from '../context.js'
import { heavyOf, type Resolvers } from '../list.js'
import { lists } from '../lists.js'
import { type Selection, selectionOf } from '../lookahead.js'
import { AddressScalar, HashScalar } from '../scalars.js'
import { NeuronWeight, weightsOf } from '../types/matrices.js'
import { Neuron, type NeuronView, presentNeuron, type Seats } from '../types/neurons.js'

/** A whole subnet in one answer, now and at earlier blocks. */

@ObjectType('BlockRef', { simpleResolvers: true })
class BlockRef {
  @Field(() => Int)
  height!: number
  @Field(() => HashScalar, { nullable: true, description: 'null where the block itself is not indexed.' })
  hash!: Hex | null
}

export const SNAPSHOT_NOTE =
  'At an earlier block the answer is the latest snapshot at or before it, brought forward with registrations, weights and endpoints ' +
  'set since. Scores and emission change only at epochs, which have snapshots; stake moves in between.'

@ObjectType('MetagraphWeight', { simpleResolvers: true })
class MetagraphWeight extends NeuronWeight {
  @Field(() => Int)
  validatorUid!: number
  @Field(() => AddressScalar)
  validatorHotkey!: Hex
}

@ObjectType('Metagraph', { simpleResolvers: true, description: `All neurons of a subnet at one block. ${SNAPSHOT_NOTE}` })
class Metagraph {
  @Field(() => Int)
  netuid!: number
  @Field(() => BlockRef, { description: 'The block the answer is for.' })
  block!: BlockRef
  @Field(() => Int, { description: 'The block whose whole state the answer starts from.' })
  snapshotBlock!: number
  @Field(() => Boolean, { description: "True when every value is the chain's at that block." })
  exact!: boolean
}

@ArgsType()
class MetagraphArgs extends AtBlockArgs {
  @Field(() => Int)
  netuid!: number
}

interface MetagraphView extends MetagraphData {
  seats: Seats
}

/** Neurons of a full subnet, for the cost of what is selected on each. */
const METAGRAPH_SIZE = 256

const NEURONS_ORDER = lists.neurons.OrderBy

@Resolver(() => Metagraph)
class MetagraphResolver {
  @Query(() => Metagraph, { nullable: true, description: 'null for an unknown subnet, and for blocks before its first snapshot.' })
  async metagraph(
    @Args(() => MetagraphArgs) args: MetagraphArgs,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<MetagraphView | null> {
    const at = await resolveAtBlock(context, args)
    const selection = selectionOf(info)
    const weights: MatrixColumn[] = selection.has('weights') ? ['weightUids', 'weightValues'] : []
    const found = await readMetagraph(context.session, args.netuid, at, [
      ...new Set([...weights, ...matrixColumns(selection.get('neurons'))]),
    ])
    return found === null ? null : { ...found, seats: new Map(found.neurons.map(({ uid, hotkey }) => [uid, hotkey])) }
  }

  @FieldResolver(() => [Neuron], { description: 'Every neuron, by uid unless another order is asked for.' })
  neurons(
    @Root() metagraph: MetagraphView,
    @Arg('orderBy', () => [NEURONS_ORDER], { nullable: true }) orderBy: string[] | null,
  ): NeuronView[] {
    const rows = orderBy === null || orderBy === undefined ? metagraph.neurons : sortNeurons(metagraph.neurons, orderBy)
    return rows.map((row) => presentNeuron(row, metagraph.seats))
  }

  @FieldResolver(() => [MetagraphWeight], {
    description: 'Edges of the weight matrix at the block: of one validator, to one miner, or all.',
  })
  weights(
    @Root() metagraph: MetagraphView,
    @Arg('validatorUid', () => Int, { nullable: true }) validatorUid: number | null,
    @Arg('minerUid', () => Int, { nullable: true }) minerUid: number | null,
  ): MetagraphWeight[] {
    return metagraph.neurons
      .filter((row) => (validatorUid ?? row.uid) === row.uid)
      .flatMap((row) =>
        weightsOf(row.weightUids, row.weightValues)
          .filter(({ uid }) => (minerUid ?? uid) === uid)
          .map((weight) => ({
            ...weight,
            hotkey: () => metagraph.seats.get(weight.uid) ?? null,
            validatorUid: row.uid,
            validatorHotkey: row.hotkey,
          })),
      )
  }
}

export function matrixColumns(selection: Selection | undefined): MatrixColumn[] {
  return selection === undefined ? [] : (heavyOf(lists.neurons, selection) as MatrixColumn[])
}

/** Any column is an order here: the rows are at hand. Nulls come last ascending and first descending, as in lists. */
function sortNeurons(rows: readonly MetagraphNeuron[], orderBy: readonly string[]): MetagraphNeuron[] {
  const terms = orderBy.flatMap((text) => {
    const [, name = '', way] = /^(.+)_(ASC|DESC)$/.exec(text) ?? []
    const columns = lists.neurons.entity.orders[name]?.columns ?? []
    return columns.map((column) => ({ column: column as keyof MetagraphNeuron, sign: way === 'DESC' ? -1 : 1 }))
  })
  return rows.toSorted((a, b) => {
    for (const { column, sign } of terms) {
      const order = compareValues(a[column], b[column]) * sign
      if (order !== 0) return order
    }
    return a.uid - b.uid
  })
}

function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  return (a as number | bigint) < (b as number | bigint) ? -1 : 1
}

export const metagraphResolvers: readonly Resolvers[] = [
  // A metagraph is read whole, in a bounded number of statements; what hangs on each neuron counts for each.
  { resolver: MetagraphResolver, costs: [{ type: 'Metagraph', field: 'neurons', size: () => METAGRAPH_SIZE }] },
]
