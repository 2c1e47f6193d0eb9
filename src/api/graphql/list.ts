import type { GraphQLResolveInfo } from 'graphql'
import { Args, ArgsType, Ctx, Field, FieldResolver, Info, Int, ObjectType, Query, Resolver, Root } from './decorators.js'
import {
  type Entity,
  type Page,
  type PageArgs,
  type PageLimits,
  type PagePlan,
  type PageWants,
  planPage,
  type Row,
} from '../../store/read/index.js'
import type { ApiContext } from './context.js'
import { createFilter, createOrderBy, type TypeClass } from './filters.js'
import { placeOf, type Selection, selectionOf } from './lookahead.js'
import { CursorScalar } from './scalars.js'

/** Lists as Relay connections in the dialect of SubQuery and PostGraphile. */

export const SIMPLE = { simpleResolvers: true } as const

@ObjectType('PageInfo', SIMPLE)
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean
  @Field(() => Boolean)
  hasPreviousPage!: boolean
  @Field(() => CursorScalar, { nullable: true })
  startCursor!: string | null
  @Field(() => CursorScalar, { nullable: true })
  endCursor!: string | null
}

@ArgsType()
class PagingArgs {
  @Field(() => Int, { nullable: true, description: 'How many rows from the start, or after `after`.' })
  first?: number | null
  @Field(() => Int, { nullable: true, description: 'How many rows from the end, or before `before`.' })
  last?: number | null
  @Field(() => CursorScalar, { nullable: true })
  after?: string | null
  @Field(() => CursorScalar, { nullable: true })
  before?: string | null
  @Field(() => Int, { nullable: true, description: 'Rows to skip. Capped: to page far, use cursors.' })
  offset?: number | null
}

/** One kind of row with the types around it. */
export interface List<E extends Entity = Entity> {
  readonly entity: E
  readonly Node: TypeClass
  readonly Connection: TypeClass
  readonly Args: TypeClass
  readonly Filter: TypeClass
  /** The values of the order enum. */
  readonly OrderBy: Readonly<Record<string, string>>
  /** Columns that a field of the node needs beside the light ones, by field name. */
  readonly heavy: Readonly<Record<string, readonly string[]>>
  /** A row as its GraphQL object. */
  readonly present: (row: Row<E>) => object
}

interface ListConfig<E extends Entity> extends Pick<List<E>, 'entity' | 'Node' | 'present'> {
  /** Plural of the types' names, such as `Blocks`. */
  plural: string
  /** Name of the filter without `Filter`, such as `Block`. */
  singular: string
  heavy?: List<E>['heavy']
  filterOf: (entity: Entity) => TypeClass
}

export function createList<E extends Entity>(config: ListConfig<E>): List<E> {
  const { entity, Node, plural, singular, present } = config
  const Filter = createFilter(entity, `${singular}Filter`, config.filterOf)
  const orderBy = createOrderBy(entity, `${plural}OrderBy`)

  @ObjectType(`${plural}Edge`, SIMPLE)
  class Edge {
    @Field(() => CursorScalar)
    cursor!: string
    @Field(() => Node)
    node!: object
  }

  @ObjectType(`${plural}Connection`, SIMPLE)
  class Connection {
    @Field(() => [Node])
    nodes!: object[]
    @Field(() => [Edge])
    edges!: Edge[]
    @Field(() => PageInfo)
    pageInfo!: PageInfo
    @Field(() => Int, { description: 'Rows of the filter, whatever the page. Counted only when it is selected.' })
    totalCount!: number
    @Field(() => Boolean, {
      description: 'True where totalCount is not exact: above the exact limit it is an estimate, and inside another list a lower bound.',
    })
    totalCountIsEstimate!: boolean
  }

  @ArgsType()
  class ListArgs extends PagingArgs {
    @Field(() => Filter, { nullable: true })
    filter?: object | null
    @Field(() => [orderBy], {
      nullable: true,
      description: `Default: ${entity.defaultOrder.join(', ')}. The key is always the last tie-break.`,
    })
    orderBy?: string[] | null
  }

  return { entity, Node, Connection, Args: ListArgs, Filter, OrderBy: orderBy, heavy: config.heavy ?? {}, present }
}

export function limitsOf(context: Pick<ApiContext, 'config'>): PageLimits {
  const { defaultPageSize, maxPageSize, maxOffset } = context.config
  return { defaultPageSize, maxPageSize, maxOffset }
}

/** What of the page the query needs, so that counts and heavy columns are read only for those who ask. */
function wantsOf(list: List, selection: Selection, backward: boolean): PageWants {
  const nodes = [selection.get('nodes'), selection.get('edges')?.get('node')]
  const heavy = Object.entries(list.heavy).flatMap(([field, columns]) => (nodes.some((node) => node?.has(field)) ? columns : []))
  const info = selection.get('pageInfo')
  return {
    heavy: [...new Set(heavy)],
    totalCount: selection.has('totalCount') || selection.has('totalCountIsEstimate'),
    behind: info?.has(backward ? 'hasNextPage' : 'hasPreviousPage') ?? false,
    rows: selection.has('nodes') || selection.has('edges') || info !== undefined,
  }
}

/** A page as its connection: nodes, edges and cursors are made only when they are read. */
function connectionOf<E extends Entity>(list: List<E>, page: Page<Row<E>>): object {
  let made: object[] | null = null
  const nodes = (): object[] => (made ??= page.rows.map(list.present))
  const cursorAt = (index: number): string | null => {
    const row = page.rows.at(index)
    return row === undefined ? null : page.cursorOf(row)
  }
  return {
    // GraphQL calls a property that is a function.
    nodes,
    edges: () => page.rows.map((row, index) => ({ cursor: page.cursorOf(row), node: nodes()[index] })),
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: () => cursorAt(0),
      endCursor: () => cursorAt(-1),
    },
    totalCount: page.totalCount,
    totalCountIsEstimate: page.totalCountIsEstimate,
  }
}

/** What the limits must know about a field before anything is read. */
export interface FieldCost {
  readonly type: string
  readonly field: string
  /** Set on connections: the arguments are checked and their page size multiplies the cost below. */
  readonly list?: { readonly entity: Entity; readonly fixed: readonly string[] }
  /** On other fields: how many times the cost below counts. */
  readonly size?: (args: Readonly<Record<string, unknown>>) => number
}

/** A resolver class with the costs of its fields. */
export interface Resolvers {
  readonly resolver: new () => object
  readonly costs: readonly FieldCost[]
}

/** A root field for a list. */
export function rootList<E extends Entity>(field: string, list: List<E>, description: string): Resolvers {
  @Resolver()
  class RootList {
    @Query(() => list.Connection, { name: field, description })
    async list(@Args(() => list.Args) args: PageArgs, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object> {
      const plan = planFor(list, args, context)
      return connectionOf(list, await context.session.page(plan, wantsOf(list, selectionOf(info), plan.backward)))
    }
  }
  return { resolver: RootList, costs: [{ type: 'Query', field, list: { entity: list.entity, fixed: [] } }] }
}

interface ChildList<P, E extends Entity> {
  readonly parent: TypeClass
  readonly parentName: string
  readonly field: string
  readonly list: List<E>
  /** Columns of the list that hold the parent's key; several sets are merged (sent by, received by). */
  readonly branches: readonly (readonly (keyof Row<E> & string)[])[]
  readonly key: (parent: P) => readonly unknown[]
  readonly description?: string
}

/** A connection under another type, read in one statement for all parents. */
export function childList<P, E extends Entity>(config: ChildList<P, E>): Resolvers {
  const { list, branches, field } = config
  const fixed = branches.length === 1 ? (branches[0] ?? []) : []

  // type-graphql tells the fields of one type apart by the names of their methods.
  @Resolver(() => config.parent)
  class Child {
    @FieldResolver(() => list.Connection, { name: field, description: config.description })
    async [field](
      @Root() parent: P,
      @Args(() => list.Args) args: PageArgs,
      @Ctx() context: ApiContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<object> {
      const plan = planFor(list, args, context, fixed)
      const wants = wantsOf(list, selectionOf(info), plan.backward)
      return connectionOf(list, await context.loaders.page(placeOf(info), { plan, wants, branches }, config.key(parent)))
    }
  }
  return { resolver: Child, costs: [{ type: config.parentName, field, list: { entity: list.entity, fixed } }] }
}

function planFor<E extends Entity>(list: List<E>, args: PageArgs, context: ApiContext, fixed: readonly string[] = []) {
  return planPage(list.entity, args, limitsOf(context), fixed) as PagePlan & { entity: E }
}

interface ToOneField<P, E extends Entity> {
  readonly parent: TypeClass
  readonly field: string
  readonly list: List<E>
  readonly columns: readonly (keyof Row<E> & string)[]
  /** null where the parent has none. */
  readonly key: (parent: P) => readonly unknown[] | null
  readonly description?: string
}

/** One related row, read in one statement for all parents. */
export function toOne<P, E extends Entity>(config: ToOneField<P, E>): Resolvers {
  const { list } = config

  @Resolver(() => config.parent)
  class One {
    @FieldResolver(() => list.Node, { name: config.field, nullable: true, description: config.description })
    async [config.field](@Root() parent: P, @Ctx() context: ApiContext, @Info() info: GraphQLResolveInfo): Promise<object | null> {
      const key = config.key(parent)
      if (key === null) return null
      const row = await context.loaders.row(placeOf(info), list.entity, config.columns, key, heavyOf(list, selectionOf(info)))
      return row === null ? null : list.present(row)
    }
  }
  return { resolver: One, costs: [] }
}

/** The heavy columns that a selection on a node needs. */
export function heavyOf(list: List, selection: Selection): string[] {
  return [...new Set(Object.entries(list.heavy).flatMap(([field, columns]) => (selection.has(field) ? columns : [])))].sort()
}
