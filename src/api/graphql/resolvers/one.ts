import type { GraphQLResolveInfo } from 'graphql'
import { Arg, Args, Ctx, FieldResolver, Info, Int, Query, Resolver, Root } from '../decorators.js'
import { AppError } from '../../../core/errors.js'
import type { Hex } from '../../../core/records.js'
import { type JsonValue, parseIdParts, planPage, readHyperparamsAt, readOwnStake, type Row } from '../../../store/read/index.js'
import { AtBlockArgs, resolveAtBlock } from '../at-block.js'
import type { ApiContext } from '../context.js'
import { heavyOf, limitsOf, type List, type Resolvers } from '../list.js'
import { lists } from '../lists.js'
import { placeOf, selectionOf } from '../lookahead.js'
import { AddressScalar, BigIntScalar, HashScalar, JsonScalar } from '../scalars.js'
import { Account, AccountBalance, Delegate, presentAccountBalance } from '../types/accounts.js'
import { Block, Event, Extrinsic } from '../types/chain.js'
import { Subnet } from '../types/subnets.js'

/** Single rows by their key, and the fields on them that are not lists. */

async function oneRow(
  list: List,
  columns: readonly string[],
  key: readonly unknown[],
  context: ApiContext,
  info: GraphQLResolveInfo,
): Promise<object | null> {
  const row = await context.loaders.row(placeOf(info), list.entity, columns, key, heavyOf(list, selectionOf(info)))
  return row === null ? null : list.present(row)
}

@Resolver(() => Block)
class BlockResolver {
  @Query(() => Block, { nullable: true, description: 'A block by height or by hash; the newest one when neither is given.' })
  async block(
    @Arg('height', () => Int, { nullable: true }) height: number | null,
    @Arg('hash', () => HashScalar, { nullable: true }) hash: Hex | null,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    const [byHeight, byHash] = [height ?? null, hash ?? null]
    if (byHeight !== null && byHash !== null) throw new AppError('BAD_INPUT', 'ask for a block by height or by hash, not by both')
    if (byHash !== null) return oneRow(lists.blocks, ['hash'], [byHash], context, info)
    const at = byHeight ?? (await context.session.head())?.height ?? null
    return at === null ? null : oneRow(lists.blocks, ['height'], [at], context, info)
  }

  @FieldResolver(() => Boolean)
  async finalized(@Root() block: { height: number }, @Ctx() context: ApiContext): Promise<boolean> {
    const head = await context.session.head()
    return head !== null && block.height <= head.finalizedHeight
  }
}

@Resolver(() => Extrinsic)
class ExtrinsicResolver {
  @Query(() => Extrinsic, { nullable: true, description: 'An extrinsic by its id, such as "1200-3".' })
  extrinsic(@Arg('id', () => String) id: string, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object | null> {
    return oneRow(lists.extrinsics, ['blockHeight', 'index'], parseIdParts('id', id, 2), context, info)
  }
}

@Resolver(() => Event)
class EventResolver {
  @Query(() => Event, { nullable: true, description: 'An event by its id, such as "1200-7".' })
  event(@Arg('id', () => String) id: string, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object | null> {
    return oneRow(lists.events, ['blockHeight', 'index'], parseIdParts('id', id, 2), context, info)
  }
}

@Resolver(() => Account)
class AccountResolver {
  @Query(() => Account, { nullable: true, description: 'null for an account that was never seen.' })
  account(
    @Arg('address', () => AddressScalar) address: Hex,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    return oneRow(lists.accounts, ['address'], [address], context, info)
  }

  @FieldResolver(() => AccountBalance, {
    nullable: true,
    description: 'The last balance known at or before a block; null before the first one.',
  })
  async balanceAt(
    @Root() account: Row<typeof lists.accounts.entity>,
    @Args(() => AtBlockArgs) args: AtBlockArgs,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    const at = await resolveAtBlock(context, args)
    const filter = at === null ? null : { blockHeight: { lessThanOrEqualTo: at } }
    const { entity } = lists.accountBalances
    const plan = { ...planPage(entity, { first: 1, filter }, limitsOf(context), ['address']), entity }
    const request = { plan, wants: {}, branches: [['address']] }
    const page = await context.loaders.page(placeOf(info), request, [account.address])
    return page.rows[0] === undefined ? null : presentAccountBalance(page.rows[0])
  }
}

@Resolver(() => Delegate)
class DelegateResolver {
  @Query(() => Delegate, { nullable: true, description: 'A hotkey with its owner and take; null for one that the chain does not know.' })
  delegate(
    @Arg('hotkey', () => AddressScalar) hotkey: Hex,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object | null> {
    return oneRow(lists.hotkeys, ['hotkey'], [hotkey], context, info)
  }

  @FieldResolver(() => BigIntScalar, { nullable: true, description: "The owner's own stake on it; null where the owner is unknown." })
  ownStake(
    @Root() row: Row<typeof lists.hotkeys.entity>,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<bigint | null> {
    const { hotkey, owner } = row
    return owner === null
      ? Promise.resolve(null)
      : context.loaders.custom(placeOf(info), (keys) => readOwnStake(context.session, keys), [hotkey, owner] as const)
  }
}

@Resolver(() => Subnet)
class SubnetResolver {
  @Query(() => Subnet, { nullable: true })
  subnet(@Arg('netuid', () => Int) netuid: number, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object | null> {
    return oneRow(lists.subnets, ['netuid'], [netuid], context, info)
  }

  @FieldResolver(() => JsonScalar, {
    description: 'Every per-subnet value of the runtime by its storage name; at an earlier block from their history.',
  })
  async hyperparams(
    @Root() subnet: Row<typeof lists.subnets.entity>,
    @Args(() => AtBlockArgs) args: AtBlockArgs,
    @Ctx() context: ApiContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<JsonValue> {
    const at = await resolveAtBlock(context, args)
    const head = await context.session.head()
    if (at === null || head === null || at >= head.height) return subnet.params
    return context.loaders.custom(
      placeOf(info),
      (netuids: readonly number[]) => readHyperparamsAt(context.session, netuids, at),
      subnet.netuid,
    )
  }
}

export const oneResolvers: readonly Resolvers[] = [
  BlockResolver,
  ExtrinsicResolver,
  EventResolver,
  AccountResolver,
  DelegateResolver,
  SubnetResolver,
].map((resolver) => ({ resolver, costs: [] }))
