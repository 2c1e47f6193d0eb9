import { Field, Float, InputType, Int, registerEnumType } from './decorators.js'
import type { Column, Entity } from '../../store/read/index.js'
import { AddressScalar, BigIntScalar, DateTimeScalar, HashScalar } from './scalars.js'

/** Input types made from the entity tables: operators for each type of value, a filter and an order enum for each list. */

type TypeThunk = () => unknown
/** A class that type-graphql knows as a type. */
export type TypeClass = abstract new () => object

const RANGE = ['lessThan', 'lessThanOrEqualTo', 'greaterThan', 'greaterThanOrEqualTo'] as const
const TEXT = ['startsWith', 'includesInsensitive'] as const

function operators(name: string, value: TypeThunk, more: readonly string[]): TypeClass {
  class Operators {}
  InputType(name)(Operators)
  const field = (operator: string, type: TypeThunk): void => {
    Field(type as () => typeof Int, { nullable: true })(Operators.prototype, operator)
  }
  for (const operator of ['equalTo', 'notEqualTo', ...more]) field(operator, value)
  for (const operator of ['in', 'notIn']) field(operator, () => [value()])
  field('isNull', () => Boolean)
  return Operators
}

const IntFilter = operators('IntFilter', () => Int, RANGE)
const BigIntFilter = operators('BigIntFilter', () => BigIntScalar, RANGE)
const RatioFilter = operators('FloatFilter', () => Float, RANGE)
const StringFilter = operators('StringFilter', () => String, TEXT)
const BooleanFilter = operators('BooleanFilter', () => Boolean, [])
const AddressFilter = operators('AddressFilter', () => AddressScalar, [])
const HashFilter = operators('HashFilter', () => HashScalar, [])
const DatetimeFilter = operators('DatetimeFilter', () => DateTimeScalar, RANGE)

class IdFilterType {}
InputType('IdFilter', { description: 'Ids made of numbers with dashes, such as "1200-3".' })(IdFilterType)
for (const [operator, type] of Object.entries({ equalTo: () => String, in: () => [String], isNull: () => Boolean }))
  Field(type as () => typeof String, { nullable: true })(IdFilterType.prototype, operator)

function operatorsOf(name: string, column: Column): TypeClass {
  switch (column.kind) {
    case 'int':
    case 'height':
      return IntFilter
    case 'bigint':
    case 'numeric':
      return BigIntFilter
    case 'ratio':
      return RatioFilter
    case 'bool':
      return BooleanFilter
    case 'timestamp':
      return DatetimeFilter
    case 'bytes':
      return name.toLowerCase().endsWith('hash') ? HashFilter : AddressFilter
    default:
      return StringFilter
  }
}

/** The filter of a list. `filterOf` finds the filters of related lists, which may not exist yet when this is called. */
export function createFilter(entity: Entity, name: string, filterOf: (entity: Entity) => TypeClass): TypeClass {
  class ListFilter {}
  InputType(name)(ListFilter)
  const field = (key: string, type: TypeThunk): void => {
    Field(type as () => typeof Int, { nullable: true })(ListFilter.prototype, key)
  }
  for (const key of Object.keys(entity.ids)) field(key, () => IdFilterType)
  for (const [key, column] of Object.entries(entity.columns)) if (column.filterable) field(key, () => operatorsOf(key, column))
  for (const [key, relation] of Object.entries(entity.relations)) field(key, () => filterOf(relation.entity()))
  field('and', () => [ListFilter])
  field('or', () => [ListFilter])
  field('not', () => ListFilter)
  return ListFilter
}

/** The order enum of a list: only orders that an index serves. */
export function createOrderBy(entity: Entity, name: string): Readonly<Record<string, string>> {
  const values = Object.keys(entity.orders).flatMap((order) => [`${order}_ASC`, `${order}_DESC`])
  const orderBy = Object.fromEntries(values.map((value) => [value, value]))
  const notes = Object.entries(entity.orders).flatMap(([order, { needs }]) =>
    needs.length === 0
      ? []
      : ['ASC', 'DESC'].map(
          (way) => [`${order}_${way}`, { description: `As the first order it needs equalTo on ${needs.join(' or ')}.` }] as const,
        ),
  )
  registerEnumType(orderBy, { name, valuesConfig: Object.fromEntries(notes) })
  return orderBy
}
