/**
 * The names of fields: snake case in JSON, camel case in the program. The schemas of the wire say which there are; what they leave open (text, numbers,
 * records) is data, and its inside is never touched.
 */
import { z } from 'zod'

type NameInside<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<NameInside<Tail> & string>}` : Name

/** What a value of the wire is in the program: `max_cost` is `maxCost`, at any depth. */
export type Inside<T> = T extends readonly unknown[]
  ? { [K in keyof T]: Inside<T[K]> }
  : T extends object
    ? { [K in keyof T as NameInside<K>]: Inside<T[K]> }
    : T

/** A value of the program as its schema on the wire has it. Fields that the schema does not know are left out, and nothing is checked. */
export function toWire(schema: z.ZodType, value: unknown): unknown {
  return renamed(schema, value, (wire) => [nameInside(wire), wire])
}

/** A value that its schema has taken, as the program has it. */
export function fromWire<S extends z.ZodType>(schema: S, value: z.output<S>): Inside<z.output<S>> {
  return renamed(schema, value, (wire) => [wire, nameInside(wire)]) as Inside<z.output<S>>
}

function renamed(schema: z.ZodType, value: unknown, names: (wire: string) => [from: string, to: string]): unknown {
  if (value === null || value === undefined) return value
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return renamed(schema.unwrap() as z.ZodType, value, names)
  if (schema instanceof z.ZodArray && Array.isArray(value)) return value.map((item) => renamed(schema.element as z.ZodType, item, names))
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object') return value
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([wire, field]): [string, unknown][] => {
    const [from, to] = names(wire)
    const part = (value as Record<string, unknown>)[from]
    return part === undefined ? [] : [[to, renamed(field, part, names)]]
  })
  return Object.fromEntries(fields)
}

function nameInside(wire: string): string {
  return wire.replace(/_(.)/g, (_, first: string) => first.toUpperCase())
}
