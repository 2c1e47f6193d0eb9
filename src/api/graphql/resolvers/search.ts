import { Arg, createUnionType, Ctx, Field, Int, ObjectType, Query, registerEnumType, Resolver } from '../decorators.js'
import { AppError } from '../../../core/errors.js'
import type { Hex } from '../../../core/records.js'
import { isHex } from '../../../core/units/bytes.js'
import { isSs58, parseAccountId } from '../../../core/units/ss58.js'
import { type Entity, type Filter, planPage } from '../../../store/read/index.js'
import { accountsWithPrefix } from '../address-prefix.js'
import type { ApiContext } from '../context.js'
import { limitsOf, type List, type Resolvers } from '../list.js'
import { lists } from '../lists.js'
import { Account, Delegate } from '../types/accounts.js'
import { Block, Event, Extrinsic } from '../types/chain.js'
import { Subnet } from '../types/subnets.js'

/** One box to search in: the form of the text says which lists may hold it, and each of them is asked through an index. */

const REASONS = [
  'HEIGHT',
  'BLOCK_HASH',
  'EXTRINSIC_HASH',
  'ID',
  'NETUID',
  'ACCOUNT',
  'HOTKEY',
  'ACCOUNT_PREFIX',
  'HOTKEY_PREFIX',
  'CALL',
  'EVENT',
] as const
type Reason = (typeof REASONS)[number]
const SearchReason = Object.fromEntries(REASONS.map((reason) => [reason, reason])) as Record<Reason, Reason>
registerEnumType(SearchReason, { name: 'SearchReason', description: 'What of a hit matched.' })

const SearchResult = createUnionType({
  name: 'SearchResult',
  types: () => [Block, Extrinsic, Event, Account, Delegate, Subnet] as const,
  resolveType: (value: object) => (value as { __typename: string }).__typename,
})

@ObjectType('SearchHit', { simpleResolvers: true })
class SearchHit {
  @Field(() => SearchReason)
  reason!: Reason
  @Field(() => SearchResult)
  node!: object
}

/** A list to ask, and why its rows would be hits. */
interface Branch {
  readonly reason: Reason
  readonly list: List
  readonly filter: Filter
}

const MAX_TEXT = 200

/** The lists that may hold a text, best first. */
export function branchesOf(text: string): Branch[] {
  if (/^\d{1,9}$/.test(text)) {
    const number = Number(text)
    return [
      { reason: 'HEIGHT', list: lists.blocks, filter: { height: { equalTo: number } } },
      { reason: 'NETUID', list: lists.subnets, filter: { netuid: { equalTo: number } } },
    ]
  }
  if (/^\d{1,9}-\d{1,9}$/.test(text)) {
    const filter = { id: { equalTo: text } }
    return [
      { reason: 'ID', list: lists.extrinsics, filter },
      { reason: 'ID', list: lists.events, filter },
    ]
  }
  if (isHex(text, 32)) return [...hashBranches(text.toLowerCase() as Hex), ...accountBranches(text.toLowerCase() as Hex)]
  if (isSs58(text)) return accountBranches(parseAccountId(text))
  const item = /^([A-Za-z][A-Za-z0-9]*)\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(text)
  if (item !== null) return itemBranches(item[1] ?? '', item[2] ?? '')
  const range = accountsWithPrefix(text)
  if (range === null) return []
  const within = { greaterThanOrEqualTo: range.first, lessThanOrEqualTo: range.last }
  return [
    { reason: 'ACCOUNT_PREFIX', list: lists.accounts, filter: { address: within } },
    { reason: 'HOTKEY_PREFIX', list: lists.hotkeys, filter: { hotkey: within } },
  ]
}

function hashBranches(hash: Hex): Branch[] {
  const filter = { hash: { equalTo: hash } }
  return [
    { reason: 'EXTRINSIC_HASH', list: lists.extrinsics, filter },
    { reason: 'BLOCK_HASH', list: lists.blocks, filter },
  ]
}

function accountBranches(account: Hex): Branch[] {
  return [
    { reason: 'ACCOUNT', list: lists.accounts, filter: { address: { equalTo: account } } },
    { reason: 'HOTKEY', list: lists.hotkeys, filter: { hotkey: { equalTo: account } } },
  ]
}

/** `Pallet.item`: calls are written in snake_case and events in CamelCase, so one of the two lists is all it can be. */
function itemBranches(pallet: string, name: string): Branch[] {
  const isEvent = /^[A-Z]/.test(name)
  return isEvent
    ? [{ reason: 'EVENT', list: lists.events, filter: { pallet: { equalTo: pallet }, name: { equalTo: name } } }]
    : [{ reason: 'CALL', list: lists.extrinsics, filter: { pallet: { equalTo: pallet }, call: { equalTo: name } } }]
}

@Resolver()
class SearchResolver {
  @Query(() => [SearchHit], {
    description:
      'Finds a block by height or hash, an extrinsic by hash or id, an event by id, an account or hotkey by its address (any ss58 format, ' +
      'hex, or the first 4 characters or more), the newest uses of a call or event by "Pallet.name", and a subnet by netuid.',
  })
  async search(
    @Arg('q', () => String) q: string,
    @Arg('first', () => Int, { defaultValue: 10 }) first: number,
    @Ctx() context: ApiContext,
  ): Promise<SearchHit[]> {
    const text = q.trim()
    if (text.length > MAX_TEXT) throw new AppError('BAD_INPUT', `q may have ${MAX_TEXT} characters; ${text.length} came`)
    const hits: SearchHit[] = []
    for (const { reason, list, filter } of branchesOf(text)) {
      if (hits.length >= first) break
      for (const node of await find(list, filter, first - hits.length, context)) hits.push({ reason, node })
    }
    return hits
  }
}

/** Ranges of keys are read in key order: sorting all that share a prefix by balance would read them all. */
async function find(list: List, filter: Filter, first: number, context: ApiContext): Promise<object[]> {
  const entity: Entity = list.entity
  const plan = {
    ...planPage(entity, { first, filter, orderBy: [entity.key.length === 1 ? 'ID_ASC' : 'ID_DESC'] }, limitsOf(context)),
    entity,
  }
  const heavy = Object.entries(entity.columns).flatMap(([name, column]) => (column.heavy ? [name] : []))
  const page = await context.session.page(plan, { heavy })
  return page.rows.map((row) => list.present(row))
}

export const searchResolvers: readonly Resolvers[] = [
  {
    resolver: SearchResolver,
    costs: [{ type: 'Query', field: 'search', size: ({ first }) => (typeof first === 'number' ? Math.max(first, 1) : 10) }],
  },
]
