import type { entities, Row } from '../../store/read/index.js'
import { childList, type Resolvers, toOne } from './list.js'
import { lists } from './lists.js'
import { Account, AccountBalance, Delegate, Delegation, StakeEvent } from './types/accounts.js'
import { Block, Call, Event, Extrinsic, Transfer } from './types/chain.js'
import { Weight, WeightSet } from './types/matrices.js'
import { Neuron, NeuronSnapshot } from './types/neurons.js'
import { NeuronDeregistration, NeuronRegistration } from './types/registrations.js'
import { Emission, Epoch, Subnet, SubnetHyperparam } from './types/subnets.js'

/** How the types hang together. Every line is one statement for all rows of its level. */

type RowOf<K extends keyof typeof entities> = Row<(typeof entities)[K]>
interface OfBlock {
  blockHeight: number
}
interface OfExtrinsic extends OfBlock {
  extrinsicIndex: number | null
}
interface OfSubnet {
  netuid: number | null
}
interface OfHotkey {
  hotkey: string
}

const block = { field: 'block', list: lists.blocks, columns: ['height'], key: (row: OfBlock) => [row.blockHeight] } as const
const extrinsic = {
  field: 'extrinsic',
  list: lists.extrinsics,
  columns: ['blockHeight', 'index'],
  key: (row: OfExtrinsic) => (row.extrinsicIndex === null ? null : [row.blockHeight, row.extrinsicIndex]),
} as const
const subnet = {
  field: 'subnet',
  list: lists.subnets,
  columns: ['netuid'],
  key: (row: OfSubnet) => (row.netuid === null ? null : [row.netuid]),
} as const
const delegate = {
  field: 'delegate',
  list: lists.hotkeys,
  columns: ['hotkey'],
  key: (row: OfHotkey) => [row.hotkey],
  description: 'The hotkey with its owner and take.',
} as const

const chain: Resolvers[] = [
  childList({
    parent: Block,
    parentName: 'Block',
    field: 'extrinsics',
    list: lists.extrinsics,
    branches: [['blockHeight']],
    key: (row: RowOf<'blocks'>) => [row.height],
  }),
  childList({
    parent: Block,
    parentName: 'Block',
    field: 'events',
    list: lists.events,
    branches: [['blockHeight']],
    key: (row: RowOf<'blocks'>) => [row.height],
  }),
  childList({
    parent: Block,
    parentName: 'Block',
    field: 'calls',
    list: lists.calls,
    branches: [['blockHeight']],
    key: (row: RowOf<'blocks'>) => [row.height],
  }),
  childList({
    parent: Extrinsic,
    parentName: 'Extrinsic',
    field: 'events',
    list: lists.events,
    branches: [['blockHeight', 'extrinsicIndex']],
    key: (row: RowOf<'extrinsics'>) => [row.blockHeight, row.index],
  }),
  childList({
    parent: Extrinsic,
    parentName: 'Extrinsic',
    field: 'calls',
    list: lists.calls,
    branches: [['blockHeight', 'extrinsicIndex']],
    key: (row: RowOf<'extrinsics'>) => [row.blockHeight, row.index],
    description: 'Nested calls, depth first. The outer call is the extrinsic itself.',
  }),
  ...[Extrinsic, Event, Call, Transfer, StakeEvent, Epoch, WeightSet, NeuronRegistration, AccountBalance].map((parent) =>
    toOne({ ...block, parent }),
  ),
  ...[Event, Call, Transfer, StakeEvent].map((parent) => toOne({ ...extrinsic, parent })),
]

type AccountRow = RowOf<'accounts'>
const account = { parent: Account, parentName: 'Account', key: (row: AccountRow) => [row.address] } as const

const accounts: Resolvers[] = [
  childList({ ...account, field: 'delegations', list: lists.delegations, branches: [['coldkey']], description: 'Its stake on hotkeys.' }),
  childList({
    ...account,
    field: 'neurons',
    list: lists.neurons,
    branches: [['coldkey']],
    description: 'Neurons that it owns as a coldkey.',
  }),
  childList({ ...account, field: 'hotkeys', list: lists.hotkeys, branches: [['owner']], description: 'Hotkeys that it owns.' }),
  childList({ ...account, field: 'transfers', list: lists.transfers, branches: [['from'], ['to']], description: 'Sent and received.' }),
  childList({ ...account, field: 'stakeEvents', list: lists.stakeEvents, branches: [['coldkey']] }),
  childList({ ...account, field: 'extrinsics', list: lists.extrinsics, branches: [['signer']], description: 'Signed by it.' }),
  childList({ ...account, field: 'balances', list: lists.accountBalances, branches: [['address']], description: 'Its balance over time.' }),
  childList({ ...account, field: 'registrations', list: lists.neuronRegistrations, branches: [['coldkey']] }),
  toOne({
    parent: Account,
    field: 'hotkey',
    list: lists.hotkeys,
    columns: ['hotkey'],
    key: (row: AccountRow) => [row.address],
    description: 'The account as a hotkey.',
  }),
]

type HotkeyRow = RowOf<'hotkeys'>
const ofHotkey = { parent: Delegate, parentName: 'Delegate', key: (row: HotkeyRow) => [row.hotkey] } as const

const delegates: Resolvers[] = [
  childList({
    ...ofHotkey,
    field: 'nominators',
    list: lists.delegations,
    branches: [['hotkey']],
    description: 'Who stakes on it, the owner included.',
  }),
  childList({
    ...ofHotkey,
    field: 'neurons',
    list: lists.neurons,
    branches: [['hotkey']],
    description: 'Its registrations, with permits.',
  }),
  childList({ ...ofHotkey, field: 'emissions', list: lists.emissions, branches: [['hotkey']] }),
  childList({ ...ofHotkey, field: 'stakeEvents', list: lists.stakeEvents, branches: [['hotkey']] }),
  childList({
    ...ofHotkey,
    field: 'snapshots',
    list: lists.neuronSnapshots,
    branches: [['hotkey']],
    description: 'Its neurons at each epoch.',
  }),
  toOne({
    parent: Delegate,
    field: 'ownerAccount',
    list: lists.accounts,
    columns: ['address'],
    key: (row: HotkeyRow) => (row.owner === null ? null : [row.owner]),
  }),
  ...[Delegation, Neuron].map((parent) => toOne({ ...delegate, parent })),
  toOne({
    parent: Delegation,
    field: 'account',
    list: lists.accounts,
    columns: ['address'],
    key: (row: RowOf<'delegations'>) => [row.coldkey],
  }),
]

type SubnetRow = RowOf<'subnets'>
const ofSubnet = { parent: Subnet, parentName: 'Subnet', branches: [['netuid']], key: (row: SubnetRow) => [row.netuid] } as const

const subnets: Resolvers[] = [
  childList({ ...ofSubnet, field: 'neurons', list: lists.neurons }),
  childList({ ...ofSubnet, field: 'hyperparamHistory', list: lists.subnetHyperparams, description: 'Each change of each parameter.' }),
  childList({ ...ofSubnet, field: 'epochs', list: lists.epochs }),
  childList({ ...ofSubnet, field: 'registrations', list: lists.neuronRegistrations }),
  childList({ ...ofSubnet, field: 'deregistrations', list: lists.neuronDeregistrations }),
  childList({ ...ofSubnet, field: 'weightSets', list: lists.weightSets }),
  ...[Neuron, NeuronSnapshot, NeuronRegistration, NeuronDeregistration, SubnetHyperparam, Epoch, Emission, Weight].map((parent) =>
    toOne({ ...subnet, parent }),
  ),
]

type NeuronRow = Pick<RowOf<'neurons'>, 'netuid' | 'uid' | 'hotkey'>
const neuron = { parent: Neuron, parentName: 'Neuron' } as const
const ofSeat = { ...neuron, branches: [['netuid', 'uid']], key: (row: NeuronRow) => [row.netuid, row.uid] } as const

const neurons: Resolvers[] = [
  childList({
    ...neuron,
    field: 'snapshots',
    list: lists.neuronSnapshots,
    branches: [['hotkey', 'netuid']],
    key: (row: NeuronRow) => [row.hotkey, row.netuid],
    description: 'The hotkey in this subnet at each epoch.',
  }),
  childList({
    ...neuron,
    field: 'incomingWeights',
    list: lists.weights,
    branches: [['netuid', 'minerUid']],
    key: (row: NeuronRow) => [row.netuid, row.uid],
    description: 'Who gives weight to it now.',
  }),
  childList({ ...ofSeat, field: 'registrations', list: lists.neuronRegistrations, description: 'Who held the uid over time.' }),
  childList({ ...ofSeat, field: 'deregistrations', list: lists.neuronDeregistrations }),
  childList({
    ...neuron,
    field: 'weightSets',
    list: lists.weightSets,
    branches: [['netuid', 'validatorUid']],
    key: (row: NeuronRow) => [row.netuid, row.uid],
    description: 'Each row of weights set from this uid.',
  }),
  childList({
    ...neuron,
    field: 'emissions',
    list: lists.emissions,
    branches: [['hotkey', 'netuid']],
    key: (row: NeuronRow) => [row.hotkey, row.netuid],
  }),
]

export const relations: readonly Resolvers[] = [...chain, ...accounts, ...delegates, ...subnets, ...neurons]
