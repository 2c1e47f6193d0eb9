import type { GraphQLResolveInfo } from 'graphql'
import { Args, ArgsType, Ctx, Field, FieldResolver, Info, Int, Query, Resolver, Root } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import { readMetagraph } from '../../../store/read/index.js'
import { AtBlockArgs, resolveAtBlock } from '../at-block.js'
import type { ApiContext } from '../context.js'
import { heavyOf, type Resolvers } from '../list.js'
import { lists } from '../lists.js'
import { placeOf, selectionOf } from '../lookahead.js'
import { bondsOf, type HotkeyLookup, NeuronBond, NeuronWeight, SetBond, SetWeight, weightsOf } from '../types/matrices.js'
import { Neuron, NeuronSnapshot, type NeuronSnapshotView, type NeuronView, presentNeuron } from '../types/neurons.js'
import { matrixColumns, SNAPSHOT_NOTE } from './metagraph.js'

/** One neuron, and the rows of the matrices that belong to it. */

@ArgsType()
class NeuronArgs extends AtBlockArgs {
  @Field(() => Int)
  netuid!: number
  @Field(() => Int)
  uid!: number
}

@Resolver(() => Neuron)
class NeuronResolver {
  @Query(() => Neuron, { nullable: true, description: `One neuron. ${SNAPSHOT_NOTE} \`metagraph\` says which block that is.` })
  async neuron(
    @Args(() => NeuronArgs) args: NeuronArgs,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<NeuronView | null> {
    const at = await resolveAtBlock(context, args)
    const selection = selectionOf(info)
    if (at === null) {
      const row = await context.loaders.row(
        placeOf(info),
        lists.neurons.entity,
        ['netuid', 'uid'],
        [args.netuid, args.uid],
        heavyOf(lists.neurons, selection),
      )
      return row === null ? null : presentNeuron(row)
    }
    const found = await readMetagraph(context.session, args.netuid, at, matrixColumns(selection))
    const row = found?.neurons.find(({ uid }) => uid === args.uid)
    if (found === null || row === undefined) return null
    return presentNeuron(row, new Map(found.neurons.map(({ uid, hotkey }) => [uid, hotkey])))
  }

  @FieldResolver(() => [NeuronWeight], { description: 'The weights it gives.' })
  weights(@Root() neuron: NeuronView): NeuronWeight[] {
    return weightsOf(neuron.weightUids, neuron.weightValues).map((weight) => ({ ...weight, hotkey: hotkeyLookup(neuron, weight.uid) }))
  }

  @FieldResolver(() => [NeuronBond], { description: 'The bonds it holds.' })
  bonds(@Root() neuron: NeuronView): NeuronBond[] {
    return bondsOf(neuron.bondUids, neuron.bondValues).map((bond) => ({ ...bond, hotkey: hotkeyLookup(neuron, bond.uid) }))
  }
}

/** From the subnet at hand where there is one, otherwise by looking up who holds the uid now. */
function hotkeyLookup({ netuid, seats }: NeuronView, uid: number): HotkeyLookup {
  return async (_args, context, info): Promise<Hex | null> => {
    if (seats !== undefined) return seats.get(uid) ?? null
    const row = await context.loaders.row(placeOf(info), lists.neurons.entity, ['netuid', 'uid'], [netuid, uid])
    return row?.hotkey ?? null
  }
}

@Resolver(() => NeuronSnapshot)
class NeuronSnapshotResolver {
  @FieldResolver(() => [SetWeight], { description: 'The weights it gave.' })
  weights(@Root() snapshot: NeuronSnapshotView): SetWeight[] {
    return weightsOf(snapshot.weightUids, snapshot.weightValues)
  }

  @FieldResolver(() => [SetBond], { description: 'The bonds it held.' })
  bonds(@Root() snapshot: NeuronSnapshotView): SetBond[] {
    return bondsOf(snapshot.bondUids, snapshot.bondValues)
  }
}

/** A row of a matrix is read with its neuron: cheap, but not free. */
const ROW_COST = () => 8

export const neuronResolvers: readonly Resolvers[] = [
  {
    resolver: NeuronResolver,
    costs: [
      { type: 'Neuron', field: 'weights', size: ROW_COST },
      { type: 'Neuron', field: 'bonds', size: ROW_COST },
    ],
  },
  {
    resolver: NeuronSnapshotResolver,
    costs: [
      { type: 'NeuronSnapshot', field: 'weights', size: ROW_COST },
      { type: 'NeuronSnapshot', field: 'bonds', size: ROW_COST },
    ],
  },
]
