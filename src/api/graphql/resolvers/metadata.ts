import { Ctx, Field, Int, ObjectType, Query, Resolver } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import { gapsOf, type HeightRange, readAuditTotals, readChainInfo, readReconciliation } from '../../../store/read/index.js'
import type { ApiContext } from '../context.js'
import type { Resolvers } from '../list.js'
import { BigIntScalar, HashScalar } from '../scalars.js'
import { AuditCounts } from '../types/audits.js'
import { Reconciliation, withGaps } from '../types/reconciliation.js'

/** What the index holds, how far it is, and what a query may ask. */

const SIMPLE = { simpleResolvers: true } as const

@ObjectType('HeightRange', { ...SIMPLE, description: 'Block heights, first and last included.' })
class HeightRangeType {
  @Field(() => Int)
  from!: number
  @Field(() => Int)
  to!: number
}

@ObjectType('RowCountEstimate', SIMPLE)
class RowCountEstimate {
  @Field(() => String)
  table!: string
  @Field(() => Int)
  estimate!: number
}

@ObjectType('ServiceLimits', { ...SIMPLE, description: 'What is refused with TOO_COMPLEX, BAD_INPUT, TOO_LARGE or QUERY_TIMEOUT.' })
class ServiceLimits {
  @Field(() => Int)
  maxDepth!: number
  @Field(() => Int, { description: 'A list costs its page size times (1 + what is selected on each row), an object 1, a value nothing.' })
  maxCost!: number
  @Field(() => Int)
  maxAliases!: number
  @Field(() => Int)
  maxRootFields!: number
  @Field(() => Int)
  maxTokens!: number
  @Field(() => Int)
  maxBodyBytes!: number
  @Field(() => Int)
  maxPageSize!: number
  @Field(() => Int)
  defaultPageSize!: number
  @Field(() => Int)
  maxOffset!: number
  @Field(() => Int)
  queryTimeoutMs!: number
}

@ObjectType('_Metadata', SIMPLE)
class Metadata {
  @Field(() => Int, { nullable: true, description: 'Head of the index, and the block this answer was read at; null while it is empty.' })
  lastProcessedHeight!: number | null
  @Field(() => HashScalar, { nullable: true })
  lastProcessedHash!: Hex | null
  @Field(() => Int, { nullable: true, description: 'Block the indexer aims for; null where this process does not run one.' })
  targetHeight!: number | null
  @Field(() => Int, { nullable: true })
  finalizedHeight!: number | null
  @Field(() => Int, { nullable: true, description: 'Blocks between the two; null where the target is not known.' })
  lag!: number | null
  @Field(() => HashScalar, { nullable: true })
  genesisHash!: Hex | null
  @Field(() => String, { nullable: true })
  chain!: string | null
  @Field(() => String, { nullable: true })
  specName!: string | null
  @Field(() => Int, { nullable: true })
  specVersion!: number | null
  @Field(() => Int, { nullable: true })
  ss58Format!: number | null
  @Field(() => String, { nullable: true })
  tokenSymbol!: string | null
  @Field(() => Int, { nullable: true })
  tokenDecimals!: number | null
  @Field(() => Int, { nullable: true, description: 'Block at which the whole state was read first.' })
  firstBlock!: number | null
  @Field(() => [HeightRangeType], { description: 'Blocks from 0 to the head that are not stored.' })
  gaps!: HeightRange[]
  @Field(() => AuditCounts, { description: 'Epochs by what recomputing them came to.' })
  audits!: () => Promise<AuditCounts>
  @Field(() => Reconciliation, {
    nullable: true,
    description: "The chain's totals beside what the index adds up to, where that was done last; null before it was done once.",
  })
  reconciliation!: () => Promise<object | null>
  @Field(() => Boolean, { nullable: true, description: 'null where this process does not know.' })
  indexerHealthy!: boolean | null
  @Field(() => [String], { description: 'Why the service is not ready; empty when it is.' })
  reasons!: string[]
  @Field(() => String, { nullable: true, description: 'Last migration of the database.' })
  schemaVersion!: string | null
  @Field(() => String)
  queryNodeVersion!: string
  @Field(() => ServiceLimits)
  serviceLimits!: ServiceLimits
  @Field(() => [RowCountEstimate], { description: "The planner's estimates." })
  rowCountEstimate!: () => Promise<RowCountEstimate[]>
  @Field(() => BigIntScalar, { description: 'Size of the database in bytes.' })
  dbSize!: () => Promise<bigint>
}

export interface MetadataSource {
  /** Version of this program. */
  version: string
}

export function metadataResolvers({ version }: MetadataSource): readonly Resolvers[] {
  @Resolver()
  class MetadataResolver {
    @Query(() => Metadata)
    async _metadata(
      @Ctx() context: ApiContext,
    ): Promise<Omit<Metadata, 'schemaVersion'> & { schemaVersion: () => Promise<string | null> }> {
      const { session, reads, config } = context
      const head = await session.head()
      const chain = await readChainInfo(session)
      const target = context.chainHead?.() ?? null
      const readiness = (await context.readiness?.()) ?? null
      return {
        lastProcessedHeight: head?.height ?? null,
        lastProcessedHash: head?.hash ?? null,
        targetHeight: target?.target ?? null,
        finalizedHeight: target?.finalized ?? head?.finalizedHeight ?? null,
        lag: target === null || head === null ? null : Math.max(target.target - head.height, 0),
        genesisHash: chain?.genesisHash ?? null,
        chain: chain?.name ?? null,
        specName: chain?.specName ?? null,
        specVersion: chain?.specVersion ?? null,
        ss58Format: chain?.ss58Format ?? null,
        tokenSymbol: chain?.tokenSymbol ?? null,
        tokenDecimals: chain?.tokenDecimals ?? null,
        firstBlock: chain?.firstBlock ?? null,
        gaps: head === null ? [] : gapsOf(chain?.indexed ?? [], head.height),
        audits: () => readAuditTotals(session),
        reconciliation: async () => {
          const totals = await readReconciliation(session)
          return totals && withGaps(totals)
        },
        indexerHealthy: readiness === null ? null : readiness.ok,
        reasons: readiness === null || readiness.ok ? [] : readiness.reasons,
        queryNodeVersion: version,
        serviceLimits: config,
        schemaVersion: async () => (await reads.stats()).schemaVersion,
        rowCountEstimate: async () => (await reads.stats()).rowEstimates,
        dbSize: async () => (await reads.stats()).dbSizeBytes,
      }
    }
  }
  return [{ resolver: MetadataResolver, costs: [] }]
}
