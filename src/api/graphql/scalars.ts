import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { errorMessage } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { isHex } from '../../core/units/bytes.js'
import { encodeSs58, parseAccountId } from '../../core/units/ss58.js'

function refuse(message: string, node?: ValueNode): GraphQLError {
  return new GraphQLError(message, { nodes: node, extensions: { code: 'BAD_INPUT' } })
}

/** A scalar that is text in JSON and in queries. */
function textScalar<T>(config: { name: string; description: string; parse: (text: string) => T; serialize: (value: unknown) => string }) {
  const parse = (value: unknown, node?: ValueNode): T => {
    if (typeof value !== 'string') throw refuse(`${config.name} wants text`, node)
    try {
      return config.parse(value)
    } catch (error) {
      throw refuse(errorMessage(error), node)
    }
  }
  return new GraphQLScalarType<T, string>({
    name: config.name,
    description: config.description,
    serialize: config.serialize,
    parseValue: (value) => parse(value),
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null, node),
  })
}

function parseInteger(value: unknown, node?: ValueNode): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^-?\d{1,39}$/.test(value)) return BigInt(value)
  throw refuse('BigInt wants a whole number as decimal text, such as "1000000000"', node)
}

export const BigIntScalar = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  description: 'A whole number of any size, as decimal text: "21000000000000000". Amounts are in rao. Numbers are accepted on the way in.',
  serialize: (value) => String(value),
  parseValue: (value) => parseInteger(value),
  parseLiteral: (node) => parseInteger(node.kind === Kind.INT || node.kind === Kind.STRING ? node.value : null, node),
})

export const DateTimeScalar = textScalar<Date>({
  name: 'DateTime',
  description: 'A time in UTC, ISO 8601: "2024-05-01T12:00:00.000Z". A time without a zone is UTC.',
  parse: parseTime,
  serialize: (value) => (value as Date).toISOString(),
})

function parseTime(text: string): Date {
  const match = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text)
  const zoned = match === null ? '' : match[1] === undefined || match[4] !== undefined ? text : `${text}Z`
  const time = new Date(zoned)
  if (Number.isNaN(time.getTime())) throw refuse('DateTime wants ISO 8601, such as "2024-05-01T12:00:00Z"')
  return time
}

export const AddressScalar = textScalar<Hex>({
  name: 'Address',
  description: 'An account: ss58 of format 42 in answers; ss58 of any format, or 32 bytes of 0x hex, in questions.',
  parse: parseAccountId,
  serialize: (value) => encodeSs58(value as Hex),
})

export const HashScalar = textScalar<Hex>({
  name: 'Hash',
  description: 'A 32-byte hash as 0x hex.',
  parse: (text) => {
    if (!isHex(text, 32)) throw refuse('Hash wants 0x and 64 hex digits')
    return text.toLowerCase() as Hex
  },
  serialize: String,
})

export const CursorScalar = textScalar<string>({
  name: 'Cursor',
  description:
    'The place of a row in one order of one list. Opaque: take it from an answer, and send it back to the same field with the same orderBy.',
  parse: (text) => text,
  serialize: String,
})

function literalValue(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literalValue(field.value)]))
    case Kind.LIST:
      return node.values.map(literalValue)
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value)
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value
    default:
      return null
  }
}

export const JsonScalar = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value. Whole numbers above 32 bits are decimal text in it, accounts ss58.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: literalValue,
})
