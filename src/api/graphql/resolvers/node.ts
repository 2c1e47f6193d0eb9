import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Ctx, ID, Info, Query, Resolver } from '../decorators.js'
import { AppError } from '../../../core/errors.js'
import { isHex } from '../../../core/units/bytes.js'
import type { ColumnKind } from '../../../store/read/index.js'
import type { ApiContext } from '../context.js'
import { heavyOf, type List, type Resolvers } from '../list.js'
import { lists } from '../lists.js'
import { placeOf, selectionOf } from '../lookahead.js'
import { Node } from '../types/node.js'

/** Global object identification: any row again by its `nodeId`. */

/** The list that finds a type's rows; its key is the id's, in the same order. */
const LIST_OF: Readonly<Record<string, List>> = {
  Block: lists.blocks,
  Extrinsic: lists.extrinsics,
  Call: lists.calls,
  Event: lists.events,
  Transfer: lists.transfers,
  StakeEvent: lists.stakeEvents,
  RuntimeVersion: lists.runtimeVersions,
  NetworkStat: lists.networkStats,
  Account: lists.accounts,
  AccountBalance: lists.accountBalances,
  Delegate: lists.hotkeys,
  Delegation: lists.delegations,
  Subnet: lists.subnets,
  SubnetHyperparam: lists.subnetHyperparams,
  Epoch: lists.epochs,
  Emission: lists.emissions,
  Neuron: lists.neurons,
  NeuronSnapshot: lists.neuronSnapshots,
  NeuronRegistration: lists.neuronRegistrations,
  NeuronDeregistration: lists.neuronDeregistrations,
  WeightSet: lists.weightSets,
  Weight: lists.weights,
  Bond: lists.bonds,
}

export const MAX_IDS = 100

function decodeNodeId(id: string): { list: List; key: unknown[] } {
  const parts = parseId(id)
  const list = LIST_OF[String(parts[0])]
  const key = parts.slice(1)
  const columns = list?.entity.key ?? []
  if (list === undefined || key.length !== columns.length) throw notAnId(id)
  if (!columns.every((column, index) => fits(list.entity.columns[column]?.kind, key[index]))) throw notAnId(id)
  return { list, key }
}

function parseId(id: string): unknown[] {
  try {
    const parts: unknown = id.length > 512 ? null : JSON.parse(Buffer.from(id, 'base64url').toString('utf8'))
    if (Array.isArray(parts)) return parts
  } catch {
    // The same refusal as for JSON that is not a list.
  }
  throw notAnId(id)
}

function fits(kind: ColumnKind | undefined, value: unknown): boolean {
  if (kind === 'bytes') return typeof value === 'string' && isHex(value, 32)
  if (kind === 'text') return typeof value === 'string' && !value.includes('\0')
  return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31
}

function notAnId(id: string): AppError {
  return new AppError('BAD_INPUT', `"${id.slice(0, 40)}" is not a global id; take it from a nodeId field`)
}

@Resolver()
class NodeResolver {
  @Query(() => Node, { nullable: true, description: 'Any object by its nodeId.' })
  node(@Arg('id', () => ID) id: string, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object | null> {
    return load(id, context, info)
  }

  @Query(() => [Node], { nullable: 'items', description: `Objects by their nodeIds, in that order; at most ${MAX_IDS}.` })
  nodes(@Arg('ids', () => [ID]) ids: string[], @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<(object | null)[]> {
    if (ids.length > MAX_IDS) throw new AppError('BAD_INPUT', `at most ${MAX_IDS} ids at once; ${ids.length} came`)
    return Promise.all(ids.map((id) => load(id, context, info)))
  }
}

async function load(id: string, context: ApiContext, info: GraphQLResolveInfo): Promise<object | null> {
  const { list, key } = decodeNodeId(id)
  const row = await context.loaders.row(placeOf(info), list.entity, list.entity.key, key, heavyOf(list, selectionOf(info)))
  return row === null ? null : list.present(row)
}

export const nodeResolvers: readonly Resolvers[] = [
  {
    resolver: NodeResolver,
    costs: [{ type: 'Query', field: 'nodes', size: ({ ids }) => (Array.isArray(ids) ? ids.length : 1) }],
  },
]
