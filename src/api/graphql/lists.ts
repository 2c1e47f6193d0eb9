import { entities, type Entity } from '../../store/read/index.js'
import type { TypeClass } from './filters.js'
import { createList, type List } from './list.js'
import * as accountTypes from './types/accounts.js'
import * as chainTypes from './types/chain.js'
import * as matrixTypes from './types/matrices.js'
import * as neuronTypes from './types/neurons.js'
import * as registrationTypes from './types/registrations.js'
import * as subnetTypes from './types/subnets.js'

/** Every list with its GraphQL types: what there is to page through, filter and sort. */

const delegate = { Node: accountTypes.Delegate, present: accountTypes.presentDelegate, filterOf } as const
const matrix = { weights: ['weightUids', 'weightValues'], bonds: ['bondUids', 'bondValues'] } as const

export const lists = {
  blocks: createList({
    entity: entities.blocks,
    Node: chainTypes.Block,
    present: chainTypes.presentBlock,
    plural: 'Blocks',
    singular: 'Block',
    filterOf,
  }),
  extrinsics: createList({
    entity: entities.extrinsics,
    Node: chainTypes.Extrinsic,
    present: chainTypes.presentExtrinsic,
    plural: 'Extrinsics',
    singular: 'Extrinsic',
    heavy: { args: ['args'] },
    filterOf,
  }),
  calls: createList({
    entity: entities.calls,
    Node: chainTypes.Call,
    present: chainTypes.presentCall,
    plural: 'Calls',
    singular: 'Call',
    heavy: { args: ['args'] },
    filterOf,
  }),
  events: createList({
    entity: entities.events,
    Node: chainTypes.Event,
    present: chainTypes.presentEvent,
    plural: 'Events',
    singular: 'Event',
    heavy: { data: ['data'] },
    filterOf,
  }),
  transfers: createList({
    entity: entities.transfers,
    Node: chainTypes.Transfer,
    present: chainTypes.presentTransfer,
    plural: 'Transfers',
    singular: 'Transfer',
    filterOf,
  }),
  stakeEvents: createList({
    entity: entities.stakeEvents,
    Node: accountTypes.StakeEvent,
    present: accountTypes.presentStakeEvent,
    plural: 'StakeEvents',
    singular: 'StakeEvent',
    filterOf,
  }),
  runtimeVersions: createList({
    entity: entities.runtimeVersions,
    Node: chainTypes.RuntimeVersion,
    present: chainTypes.presentRuntimeVersion,
    plural: 'RuntimeVersions',
    singular: 'RuntimeVersion',
    heavy: { metadata: ['metadata'] },
    filterOf,
  }),
  networkStats: createList({
    entity: entities.networkStats,
    Node: chainTypes.NetworkStat,
    present: chainTypes.presentNetworkStat,
    plural: 'NetworkStats',
    singular: 'NetworkStat',
    heavy: { totals: ['totals'] },
    filterOf,
  }),
  accounts: createList({
    entity: entities.accounts,
    Node: accountTypes.Account,
    present: accountTypes.presentAccount,
    plural: 'Accounts',
    singular: 'Account',
    filterOf,
  }),
  accountBalances: createList({
    entity: entities.accountBalances,
    Node: accountTypes.AccountBalance,
    present: accountTypes.presentAccountBalance,
    plural: 'AccountBalances',
    singular: 'AccountBalance',
    filterOf,
  }),
  hotkeys: createList({ ...delegate, entity: entities.hotkeys, plural: 'Hotkeys', singular: 'Hotkey' }),
  delegates: createList({ ...delegate, entity: entities.delegates, plural: 'Delegates', singular: 'Delegate' }),
  validators: createList({ ...delegate, entity: entities.validators, plural: 'Validators', singular: 'Validator' }),
  delegations: createList({
    entity: entities.delegations,
    Node: accountTypes.Delegation,
    present: accountTypes.presentDelegation,
    plural: 'Delegations',
    singular: 'Delegation',
    filterOf,
  }),
  subnets: createList({
    entity: entities.subnets,
    Node: subnetTypes.Subnet,
    present: subnetTypes.presentSubnet,
    plural: 'Subnets',
    singular: 'Subnet',
    heavy: { hyperparams: ['params'] },
    filterOf,
  }),
  subnetHyperparams: createList({
    entity: entities.subnetHyperparams,
    Node: subnetTypes.SubnetHyperparam,
    present: subnetTypes.presentSubnetHyperparam,
    plural: 'SubnetHyperparams',
    singular: 'SubnetHyperparam',
    filterOf,
  }),
  epochs: createList({
    entity: entities.epochs,
    Node: subnetTypes.Epoch,
    present: subnetTypes.presentEpoch,
    plural: 'Epochs',
    singular: 'Epoch',
    heavy: { audit: ['auditDifferences'] },
    filterOf,
  }),
  emissions: createList({
    entity: entities.emissions,
    Node: subnetTypes.Emission,
    present: subnetTypes.presentEmission,
    plural: 'Emissions',
    singular: 'Emission',
    filterOf,
  }),
  neurons: createList({
    entity: entities.neurons,
    Node: neuronTypes.Neuron,
    present: (row) => neuronTypes.presentNeuron(row),
    plural: 'Neurons',
    singular: 'Neuron',
    heavy: matrix,
    filterOf,
  }),
  neuronSnapshots: createList({
    entity: entities.neuronSnapshots,
    Node: neuronTypes.NeuronSnapshot,
    present: neuronTypes.presentNeuronSnapshot,
    plural: 'NeuronSnapshots',
    singular: 'NeuronSnapshot',
    heavy: matrix,
    filterOf,
  }),
  neuronRegistrations: createList({
    entity: entities.neuronRegistrations,
    Node: registrationTypes.NeuronRegistration,
    present: registrationTypes.presentNeuronRegistration,
    plural: 'NeuronRegistrations',
    singular: 'NeuronRegistration',
    filterOf,
  }),
  neuronDeregistrations: createList({
    entity: entities.neuronDeregistrations,
    Node: registrationTypes.NeuronDeregistration,
    present: registrationTypes.presentNeuronDeregistration,
    plural: 'NeuronDeregistrations',
    singular: 'NeuronDeregistration',
    filterOf,
  }),
  weightSets: createList({
    entity: entities.weightSets,
    Node: matrixTypes.WeightSet,
    present: matrixTypes.presentWeightSet,
    plural: 'WeightSets',
    singular: 'WeightSet',
    heavy: { weights: ['uids', 'weights'] },
    filterOf,
  }),
  weights: createList({
    entity: entities.weights,
    Node: matrixTypes.Weight,
    present: matrixTypes.presentWeight,
    plural: 'Weights',
    singular: 'Weight',
    filterOf,
  }),
  bonds: createList({
    entity: entities.bonds,
    Node: matrixTypes.Bond,
    present: matrixTypes.presentBond,
    plural: 'Bonds',
    singular: 'Bond',
    filterOf,
  }),
} as const

/** Filters refer to each other in circles, so they are looked up when the schema is put together. */
function filterOf(entity: Entity): TypeClass {
  const all: Readonly<Record<string, Pick<List, 'Filter'>>> = lists
  const found = all[entity.name]
  if (found === undefined) throw new Error(`no list has the entity ${entity.name}`)
  return found.Filter
}
