import { Field, Int, ObjectType, registerEnumType } from '../decorators.js'
import type { Hex } from '../../../core/records.js'
import type { JsonValue } from '../../../store/read/index.js'
import type { FieldCost } from '../list.js'
import { HashScalar } from '../scalars.js'

/** What recomputing an epoch came to. */

const SIMPLE = { simpleResolvers: true } as const

const AuditStatus = { EXACT: 'EXACT', DIFFERS: 'DIFFERS', NOT_AUDITABLE: 'NOT_AUDITABLE' } as const
type AuditStatus = keyof typeof AuditStatus
registerEnumType(AuditStatus, {
  name: 'AuditStatus',
  description: 'What recomputing an epoch came to.',
  valuesConfig: {
    EXACT: { description: 'Every value that the chain stored is the one that was computed.' },
    DIFFERS: { description: 'At least one value is another; `differences` says which.' },
    NOT_AUDITABLE: { description: 'It could not be recomputed; `reason` says why.' },
  },
})

@ObjectType('EpochDifference', { ...SIMPLE, description: 'A value that the chain stored otherwise than it was computed.' })
class EpochDifference {
  @Field(() => Int, { description: 'Whose value it is; of the root network the netuid.' })
  uid!: number
  @Field(() => String, { description: 'Such as incentive, validatorPermit, emission or bonds.' })
  field!: string
  @Field(() => String, { description: 'What the chain stored.' })
  chain!: string
  @Field(() => String, { description: 'What was computed from the inputs.' })
  computed!: string
}

@ObjectType('EpochAudit', { ...SIMPLE, description: 'The epoch recomputed from its inputs, and compared with what the chain stored.' })
export class EpochAudit {
  @Field(() => AuditStatus)
  status!: AuditStatus
  @Field(() => String, {
    nullable: true,
    description:
      'What stood in the way of a NOT_AUDITABLE epoch: NO_INPUTS, UNKNOWN_GENERATION, INPUTS_CORRUPT, INPUTS_IMPOSSIBLE or NO_OUTPUTS.',
  })
  reason!: string | null
  @Field(() => String, {
    nullable: true,
    description: 'The rules that were used, by the month of the runtime they were checked against: "2024-03".',
  })
  generation!: string | null
  @Field(() => HashScalar, { nullable: true, description: 'SHA-256 of the canonical bytes of the inputs; null where they were not read.' })
  inputsHash!: Hex | null
  @Field(() => Int, { description: 'How many values differ.' })
  differenceCount!: number
  @Field(() => [EpochDifference], { description: 'The first of them.' })
  differences!: EpochDifference[]
}

/** The columns of an epoch that its audit is made of. */
export interface AuditColumns {
  auditStatus: string | null
  auditReason: string | null
  auditGeneration: string | null
  inputsHash: Hex | null
  auditDifferenceCount: number
  /** Read only where the query asks for the audit. */
  auditDifferences?: JsonValue
}

/** Epochs that were stored before there were audits have no status: nobody kept what they started from. */
export function presentAudit(row: AuditColumns): Omit<EpochAudit, 'differences'> & { differences: () => EpochDifference[] } {
  return {
    status: (row.auditStatus ?? 'NOT_AUDITABLE') as AuditStatus,
    reason: row.auditStatus === null ? 'NO_INPUTS' : row.auditReason,
    generation: row.auditGeneration,
    inputsHash: row.inputsHash,
    differenceCount: row.auditDifferenceCount,
    differences: () => (row.auditDifferences ?? []) as unknown as EpochDifference[],
  }
}

@ObjectType('AuditCounts', { ...SIMPLE, description: 'Epochs by what recomputing them came to.' })
export class AuditCounts {
  @Field(() => Int)
  exact!: number
  @Field(() => Int)
  differs!: number
  @Field(() => Int)
  notAuditable!: number
  @Field(() => Int, { description: 'Stored before there were audits; `taogate audit` gives them a status.' })
  unknown!: number
}

/** Differences come with their epoch: cheap, but not free. */
const DIFFERENCES_COST = 8

export const auditCosts: readonly FieldCost[] = [{ type: 'EpochAudit', field: 'differences', size: () => DIFFERENCES_COST }]
