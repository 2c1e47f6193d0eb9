import { isHex } from '../../core/units/bytes.js'
import { AppError } from '../../core/errors.js'
import type { ColumnKind } from './column.js'
import type { Entity } from './entity.js'
import { orderSignature, type SortKey } from './order.js'

const MAX_CURSOR_LENGTH = 1024

/**
 * The place of a row in an order: base64url of [list, order, values of the full sort key]. It holds the values themselves, never
 * an offset, so that rows added or removed elsewhere do not move the page.
 */
export function encodeCursor(entity: Entity, sort: SortKey, row: Readonly<Record<string, unknown>>): string {
  const values = sort.map(({ name }) => toJson(row[name]))
  return Buffer.from(JSON.stringify([entity.name, orderSignature(sort), ...values])).toString('base64url')
}

/** The sort key values of a cursor. Anything but a cursor of this list in this order is BAD_INPUT. */
export function decodeCursor(entity: Entity, sort: SortKey, cursor: string): unknown[] {
  const parts = parseCursor(cursor)
  if (parts[0] !== entity.name) throw refuse(`it is of the list ${String(parts[0]).slice(0, 40)}, not of ${entity.name}`)
  if (parts[1] !== orderSignature(sort)) throw refuse('it was made with another orderBy')
  if (parts.length !== sort.length + 2) throw refuse('it is incomplete')
  return sort.map(({ name }, index) => {
    const column = entity.columns[name]
    if (column === undefined) throw refuse('it is of an unknown column')
    const value = parts[index + 2]
    if (value === null && column.nullable) return null
    return fromJson(column.kind, value)
  })
}

function parseCursor(cursor: string): unknown[] {
  if (cursor.length > MAX_CURSOR_LENGTH || !/^[A-Za-z0-9_-]+$/.test(cursor)) throw refuse('it is not base64url')
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(parts)) return parts
  } catch {
    // Falls through to the same refusal as JSON that is not a list.
  }
  throw refuse('it was not made by this server')
}

function refuse(why: string): AppError {
  return new AppError('BAD_INPUT', `the cursor cannot be used here: ${why}; take a cursor from the same field with the same orderBy`)
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return value.getTime()
  return value
}

function fromJson(kind: ColumnKind, value: unknown): unknown {
  switch (kind) {
    case 'int':
    case 'ratio':
      if (Number.isInteger(value) && Math.abs(value as number) < 2 ** 31) return value
      break
    case 'height':
      if (Number.isSafeInteger(value)) return value
      break
    case 'bigint':
      if (typeof value === 'string' && /^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value))
        return BigInt(value)
      break
    case 'numeric':
      if (typeof value === 'string' && /^-?\d{1,39}$/.test(value)) return BigInt(value)
      break
    case 'text':
      if (typeof value === 'string' && !value.includes('\0')) return value
      break
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'bytes':
      if (typeof value === 'string' && isHex(value)) return value
      break
    case 'timestamp':
      if (Number.isSafeInteger(value) && Math.abs(value as number) < 8.64e15) return new Date(value as number)
      break
    default:
      break
  }
  throw refuse('a value in it has the wrong type')
}
