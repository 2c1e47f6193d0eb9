/** The definitions against what the real metadata of spec 143 says (fixtures/metadata-143.json). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { PalletDefinition } from '../types.js'
import { createTestChain } from './test-chain.js'

interface RealPallet {
  index: number
  storage: { name: string; modifier: string; fallback: string; hashers: string[]; key: string; value: string }[]
  constants: { name: string; type: string; value: string }[]
  calls: { index: number; name: string; args: string[] }[]
  events: { index: number; name: string; fields: string[] }[]
  errors: string[]
}

const real = JSON.parse(readFileSync(new URL('fixtures/metadata-143.json', import.meta.url), 'utf8')) as Record<string, RealPallet>
const chain = createTestChain()
const pallets: PalletDefinition[] = chain.pallets.filter(({ name }) => name in real)

/** The Rust spelling in the words of the fixture. */
function spelled(type: string): string {
  return type
    .replaceAll('AccountId', 'AccountId32')
    .replace('BoundedVec', 'Vec')
    .replace('Vec<u8>', 'Bytes')
    .replace(/^(AxonInfo|PrometheusInfo)$/, 'struct')
    .replace('DispatchResult', 'Result<Null, SpRuntimeDispatchError>')
    .replace(/\(.*\)/, (tuple) => tuple.replaceAll(' ', ''))
}

test('all three pallets are compared', () => {
  expect(pallets.map(({ name, index }) => [name, index])).toEqual([
    ['SubtensorModule', 7],
    ['AdminUtils', 18],
    ['SenateMembers', 10],
  ])
})

describe.each(pallets.map((pallet) => [pallet.name, pallet] as const))('%s has the chain’s', (name, pallet) => {
  const want = real[name] as RealPallet

  test('storage: order, keys, hashers, values and the bytes of defaults', () => {
    const got = pallet.storage.map(({ name: item, keys = [], value, modifier, fallback }) => {
      const types = keys.map(({ type }) => spelled(type))
      const bytes = modifier === 'Optional' ? '0x00' : chain.encode(value, fallback)
      const key = types.length > 1 ? `(${types.join(',')})` : (types[0] ?? '')
      return { name: item, modifier, fallback: bytes, hashers: keys.map(({ hasher }) => hasher), key, value: spelled(value) }
    })
    expect(got).toEqual(want.storage)
  })

  test('calls, events, errors and constants', () => {
    expect(pallet.calls.map(({ index, name: call, args }) => ({ index, name: call, args: args.map((arg) => arg.name) }))).toEqual(
      want.calls,
    )
    const events = pallet.events.map(({ index, name: event, fields }) => ({
      index,
      name: event,
      fields: fields.map((field) => (field.name === undefined ? '' : `${field.name}: `) + spelled(field.type)),
    }))
    expect(events).toEqual(want.events)
    expect(pallet.errors).toEqual(want.errors)
    const constants = pallet.constants.map(({ name: constant, type, value }) => ({
      name: constant,
      type,
      value: chain.encode(type, value),
    }))
    expect(constants).toEqual(want.constants)
  })
})
