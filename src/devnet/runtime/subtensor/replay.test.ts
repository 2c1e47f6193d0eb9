/**
 * The pallets against the real runtime. The recordings in fixtures/ hold what a spec 143 runtime did with some 1200 calls, block by block: results, events and
 * every key it changed. Each block is run here from the state the runtime had before it, epochs and all.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { MARCH_2024 } from '../../../consensus/generations/march-2024.js'
import type { Hex } from '../../../core/records.js'
import { createEpochRunner } from './epoch-runner.js'
import { createTestChain, hashedKey } from './test-chain.js'

type Changes = Record<Hex, Hex | null>

interface Recording {
  start: Record<Hex, Hex>
  hashes: Record<string, Hex>
  blocks: {
    n: number
    /** Events before the extrinsics. */
    init: Hex[]
    /** What changed before the extrinsics, recorded where an epoch ran and extrinsics followed. */
    initChanged?: Changes
    extrinsics: { origin: Hex; call: Hex; result: string; events: Hex[] }[]
    changed: Changes
  }[]
}

const ACCOUNTS = hashedKey('System', 'Account')
const COMPARED = [hashedKey('SubtensorModule'), hashedKey('SenateMembers')]
function load(name: string): Recording {
  return JSON.parse(gunzipSync(readFileSync(new URL(`fixtures/${name}`, import.meta.url))).toString()) as Recording
}

function changed(state: ReadonlyMap<Hex, Hex>, changes: Changes): Map<Hex, Hex> {
  const next = new Map(state)
  for (const [key, value] of Object.entries(changes) as [Hex, Hex | null][]) {
    if (value === null) next.delete(key)
    else next.set(key, value)
  }
  return next
}

function replay(recording: Recording): { differences: string[]; calls: number; results: Set<string> } {
  let state = new Map(Object.entries(recording.start) as [Hex, Hex][])
  const chain = createTestChain([], { epoch: createEpochRunner(MARCH_2024) })
  const differences: string[] = []
  const results = new Set<string>()
  let calls = 0
  const compare = (where: string, got: unknown, want: unknown) => {
    if (JSON.stringify(got) !== JSON.stringify(want)) differences.push(`${where}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
  }
  const compareStates = (where: string, want: ReadonlyMap<Hex, Hex>) => {
    for (const key of new Set([...chain.state.keys(), ...want.keys()])) {
      if (COMPARED.some((prefix) => key.startsWith(prefix))) compare(`${where} ${key}`, chain.state.get(key), want.get(key))
    }
  }
  const encoded = () => chain.events.map((event) => chain.encodeEvent(event))

  for (const block of recording.blocks) {
    chain.state.clear()
    for (const [key, value] of state) {
      if (!key.startsWith(ACCOUNTS)) chain.state.set(key, value)
    }
    for (const [key, value] of state) {
      if (key.startsWith(ACCOUNTS)) chain.fund(`0x${key.slice(-64)}`, Buffer.from(value.slice(2), 'hex').readBigUInt64LE(16))
    }
    chain.hashes.set(block.n - 1, recording.hashes[String(block.n - 1)] as Hex)
    const end = changed(state, block.changed)
    chain.block(block.n)
    compare(`block ${block.n} events before extrinsics`, encoded(), block.init)
    if (block.initChanged) compareStates(`block ${block.n} before extrinsics`, changed(state, block.initChanged))
    for (const { origin, call, result, events } of block.extrinsics) {
      const value = chain.decodeCall(call)
      chain.forgetEvents()
      const got = chain.run((origin as string) === 'root' ? { type: 'Root' } : { type: 'Signed', who: origin }, value)
      compare(`block ${block.n} ${value.call}`, got, result)
      compare(`block ${block.n} ${value.call} events`, encoded(), events)
      calls++
      results.add(`${value.call}: ${got}`)
    }
    compareStates(`block ${block.n}`, end)
    state = end
  }
  return { differences, calls, results }
}

describe('the real runtime and this pallet do the same with', () => {
  test('200 blocks of a subnet life: registrations, stake, weights, epochs', () => {
    const { differences, calls } = replay(load('scenario-143.json.gz'))
    expect(differences).toEqual([])
    expect(calls).toBe(366)
  })

  test('every call and every refusal, and some hundred random calls', () => {
    const { differences, calls, results } = replay(load('calls-143.json.gz'))
    expect(differences).toEqual([])
    expect(calls).toBe(814)
    expect(results.size).toBeGreaterThan(120)
  })
})
