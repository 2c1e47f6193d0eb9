import { AppError } from '../../core/errors.js'
import type { Direction, Entity } from './entity.js'

/** One column of a full sort key. */
export interface SortColumn {
  readonly name: string
  readonly direction: Direction
}

/** The sort key of a page: what was asked for, then the entity's key, so that no two rows compare equal. */
export type SortKey = readonly SortColumn[]

/**
 * Parses `orderBy`. `bound` names the columns that filter or parent fix to one value: orders that are only cheap then are
 * refused otherwise.
 */
export function parseOrder(entity: Entity, orderBy: readonly string[] | null | undefined, bound: ReadonlySet<string>): SortKey {
  const asked = orderBy === null || orderBy === undefined || orderBy.length === 0 ? entity.defaultOrder : orderBy
  const sort: SortColumn[] = []
  const seen = new Set<string>()
  const push = (name: string, direction: Direction): void => {
    if (seen.has(name)) return
    seen.add(name)
    sort.push({ name, direction })
  }
  let tieDirection: Direction = 'asc'
  for (const [position, text] of asked.entries()) {
    const { order, direction } = parseTerm(entity, text)
    // Further columns only sort the ties of the first one.
    if (position === 0 && order.needs.length > 0 && !order.needs.some((name) => bound.has(name)))
      throw new AppError('BAD_INPUT', `orderBy ${text} of ${entity.name} needs a filter with equalTo on ${order.needs.join(' or ')}`)
    for (const name of order.columns) push(name, direction)
    if (position === 0) tieDirection = order.tie === 'same' ? direction : reverse(direction)
  }
  for (const name of entity.key) push(name, tieDirection)
  return sort
}

function parseTerm(entity: Entity, text: string) {
  const match = /^(.+)_(ASC|DESC)$/.exec(text)
  const order = match?.[1] === undefined ? undefined : entity.orders[match[1]]
  if (order === undefined) throw new AppError('BAD_INPUT', `orderBy ${text} is not an order of ${entity.name}`)
  const direction: Direction = match?.[2] === 'ASC' ? 'asc' : 'desc'
  return { order, direction }
}

export function reverse(direction: Direction): Direction {
  return direction === 'asc' ? 'desc' : 'asc'
}

export function reverseSort(sort: SortKey): SortKey {
  return sort.map(({ name, direction }) => ({ name, direction: reverse(direction) }))
}

/** A short text that tells two orders of one list apart; part of every cursor. */
export function orderSignature(sort: SortKey): string {
  return sort.map(({ name, direction }) => `${name}${direction === 'asc' ? '+' : '-'}`).join(',')
}
