import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchemaSync, type NonEmptyArray } from './decorators.js'
import { type FieldCost, type Resolvers, rootList } from './list.js'
import { lists } from './lists.js'
import { relations } from './relations.js'
import { metadataResolvers } from './resolvers/metadata.js'
import { metagraphResolvers } from './resolvers/metagraph.js'
import { neuronResolvers } from './resolvers/neuron.js'
import { nodeResolvers } from './resolvers/node.js'
import { oneResolvers } from './resolvers/one.js'
import { searchResolvers } from './resolvers/search.js'
import { auditCosts } from './types/audits.js'

/** The root lists, with what their order and rows are. */
function rootLists(): Resolvers[] {
  return [
    rootList('blocks', lists.blocks, 'Blocks, newest first.'),
    rootList('extrinsics', lists.extrinsics, 'Extrinsics, newest first.'),
    rootList('calls', lists.calls, 'Calls nested in extrinsics, newest first.'),
    rootList('events', lists.events, 'Events, newest first.'),
    rootList('transfers', lists.transfers, 'Transfers, newest first.'),
    rootList('accounts', lists.accounts, 'Accounts, largest total balance first.'),
    rootList('accountBalances', lists.accountBalances, 'Balances after each block that touched an account, newest first.'),
    rootList('subnets', lists.subnets, 'Subnets by netuid.'),
    rootList('subnetHyperparams', lists.subnetHyperparams, 'Changes of subnet parameters, newest first.'),
    rootList('neurons', lists.neurons, 'Neurons now, by netuid and uid.'),
    rootList('neuronSnapshots', lists.neuronSnapshots, 'Neurons at each epoch. Filter by netuid or hotkey to read them by block.'),
    rootList('neuronRegistrations', lists.neuronRegistrations, 'Registrations, newest first.'),
    rootList('neuronDeregistrations', lists.neuronDeregistrations, 'Neurons that lost their uid, newest first.'),
    rootList('weights', lists.weights, 'The weight matrices now, as edges. `metagraph` has them at earlier blocks.'),
    rootList('weightSets', lists.weightSets, 'Rows of weights as validators set them, newest first.'),
    rootList('bonds', lists.bonds, 'The bond matrices now, as edges.'),
    rootList('delegations', lists.delegations, 'Stake of coldkeys on hotkeys, largest first.'),
    rootList('stakeEvents', lists.stakeEvents, 'Stake put on, taken off or moved, newest first.'),
    rootList('delegates', lists.delegates, 'Hotkeys that others can stake on, largest stake first.'),
    rootList('validators', lists.validators, 'Hotkeys with a validator permit in any subnet, largest stake first.'),
    rootList('emissions', lists.emissions, 'What epochs gave to neurons, newest first.'),
    rootList('epochs', lists.epochs, 'Epochs of subnets, newest first.'),
    rootList('runtimeVersions', lists.runtimeVersions, 'Runtimes of the chain, newest first.'),
    rootList('networkStats', lists.networkStats, 'Totals of the network at every block with an epoch and at sampled ones, newest first.'),
  ]
}

export interface ApiSchema {
  schema: GraphQLSchema
  costs: readonly FieldCost[]
}

export function buildApiSchema(version: string): ApiSchema {
  const parts: Resolvers[] = [
    ...rootLists(),
    ...relations,
    ...oneResolvers,
    ...metagraphResolvers,
    ...neuronResolvers,
    ...nodeResolvers,
    ...searchResolvers,
    ...metadataResolvers({ version }),
  ]
  const resolvers = parts.map(({ resolver }) => resolver) as unknown as NonEmptyArray<NonNullable<unknown> & (new () => object)>
  const schema = buildSchemaSync({ resolvers, validate: false })
  return { schema: lexicographicSortSchema(schema), costs: [...parts.flatMap(({ costs }) => costs), ...auditCosts] }
}

/** The schema in its language, as `schema.graphql` holds it. */
export function printSdl(): string {
  return `# Emitted from src/api by \`taogate schema\`. Do not edit.\n\n${printSchema(buildApiSchema('').schema)}\n`
}
