import { ArgsType, Field, Int } from './decorators.js'
import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { readHeightAtTime } from '../../store/read/index.js'
import type { ApiContext } from './context.js'
import { lists } from './lists.js'
import { DateTimeScalar, HashScalar } from './scalars.js'

/** Which block a state is asked at: by height, hash or time, at most one of them; none means now. */
@ArgsType()
export class AtBlockArgs {
  @Field(() => Int, { nullable: true, description: 'Height. At or above the head it means now.' })
  atBlock?: number | null
  @Field(() => HashScalar, { nullable: true })
  atHash?: Hex | null
  @Field(() => DateTimeScalar, { nullable: true, description: 'The last block at or before this time.' })
  atTime?: Date | null
}

/** The height asked for; null means now. A hash or time that names no stored block is NOT_FOUND. */
export async function resolveAtBlock(context: ApiContext, { atBlock, atHash, atTime }: AtBlockArgs): Promise<number | null> {
  const given = [atBlock, atHash, atTime].filter((value) => value !== null && value !== undefined)
  if (given.length > 1) throw new AppError('BAD_INPUT', 'say the block once: atBlock, atHash or atTime')
  if (atBlock !== null && atBlock !== undefined) {
    if (atBlock < 0) throw new AppError('BAD_INPUT', `atBlock: ${atBlock} is below 0`)
    return atBlock
  }
  if (atHash !== null && atHash !== undefined) {
    const block = await context.loaders.row('atHash', lists.blocks.entity, ['hash'], [atHash])
    if (block === null) throw new AppError('NOT_FOUND', `no indexed block has the hash ${atHash}`)
    return block.height
  }
  if (atTime === null || atTime === undefined) return null
  // Asked once, however many rows the argument stands on.
  const read = ([time]: readonly Date[]) => Promise.all([time === undefined ? null : readHeightAtTime(context.session, time)])
  const height = await context.loaders.custom(`atTime ${atTime.getTime()}`, read, atTime)
  if (height === null) throw new AppError('NOT_FOUND', `no indexed block is as old as ${atTime.toISOString()}`)
  return height
}
