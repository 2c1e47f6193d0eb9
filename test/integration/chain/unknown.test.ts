import { encodeAddress } from '@polkadot/util-crypto'
import { expect, test } from 'vitest'
import type { RawBlock } from '../../../src/chain/index.js'
import { createRuntime as readRuntime } from '../../../src/chain/index.js'
import { emptyFacts, type Hex } from '../../../src/core/records.js'
import { toHex } from '../../../src/core/units/bytes.js'
import { encodeInherent } from '../../../src/devnet/executive/extrinsic.js'
import { args, events } from '../../../src/devnet/runtime/define.js'
import { currency } from '../../../src/devnet/runtime/pallets/balances-currency.js'
import { balancesPallet } from '../../../src/devnet/runtime/pallets/balances.js'
import { systemPallet } from '../../../src/devnet/runtime/pallets/system.js'
import { timestampPallet } from '../../../src/devnet/runtime/pallets/timestamp.js'
import { utilityPallet } from '../../../src/devnet/runtime/pallets/utility.js'
import { createRuntime } from '../../../src/devnet/runtime/runtime.js'
import { senate, subtensorPallet } from '../../../src/devnet/runtime/subtensor/index.js'
import type { PalletDefinition } from '../../../src/devnet/runtime/types.js'
import { addBlockFacts } from '../../../src/indexer/block-facts.js'
import { decodeBlock } from '../../../src/indexer/decode-block.js'
import { touchesOf } from '../../../src/indexer/touches.js'

/** A pallet that the indexer has never heard of, in a runtime that it has. */
const mystery: PalletDefinition = {
  name: 'Mystery',
  index: 77,
  storage: [],
  constants: [],
  errors: [],
  types: [
    {
      name: 'Riddle',
      path: ['pallet_mystery', 'Riddle'],
      variants: [
        { name: 'Plain', index: 0 },
        {
          name: 'Deep',
          index: 3,
          fields: [
            { name: 'answer', type: 'u64' },
            { name: 'by', type: 'AccountId' },
          ],
        },
      ],
    },
  ],
  calls: [
    {
      index: 9,
      name: 'ask',
      args: args('riddle: Riddle, words: Vec<u8>'),
      weight: 0n,
      class: 'Normal',
      paysFee: true,
      dispatch: () => undefined,
    },
  ],
  events: events('Asked(who: AccountId, amount: u128)', 'Told(u16, Vec<(u16, u64)>)'),
}
const devnet = createRuntime([
  systemPallet(),
  timestampPallet(12_000),
  balancesPallet(),
  utilityPallet(),
  subtensorPallet({ currency, senate }),
  mystery,
])
const runtime = readRuntime({ specName: 'test', specVersion: 1, transactionVersion: 1, metadata: devnet.metadata })

const WHO: Hex = `0x${'ab'.repeat(32)}`
const ADDRESS = encodeAddress(WHO, 42)
const HASH: Hex = `0x${'00'.repeat(32)}`

function block(extrinsics: Hex[], records: { pallet: string; event: string; fields: unknown[] }[]): RawBlock {
  const encoded = records.map((record) => ({ phase: { type: 'ApplyExtrinsic', value: 1 }, event: record, topics: [] }))
  const bytes = devnet.codecs.encode('Vec<EventRecord>', encoded)
  return { height: 5, hash: HASH, parentHash: HASH, stateRoot: HASH, extrinsicsRoot: HASH, digest: [], extrinsics, events: toHex(bytes) }
}
const call = (pallet: string, name: string, values: Record<string, unknown>): Hex =>
  toHex(encodeInherent({ pallet, call: name, args: values }, devnet.codecs))
const now = call('Timestamp', 'set', { now: 1_700_000_000_000n })

function factsOf(raw: RawBlock) {
  const facts = emptyFacts()
  const decoded = decodeBlock(raw, runtime)
  touchesOf(decoded)
  addBlockFacts(decoded, null, facts)
  return facts
}

test('calls and events of a pallet nobody knows are stored decoded', () => {
  const riddle = { type: 'Deep', value: { answer: 2n ** 60n, by: WHO } }
  const ask = { pallet: 'Mystery', call: 'ask', args: { riddle, words: Uint8Array.of(1, 2, 255) } }
  const facts = factsOf(
    block(
      [now, call('Utility', 'batch', { calls: [ask] })],
      [
        { pallet: 'Mystery', event: 'Asked', fields: [WHO, 10n ** 20n] },
        { pallet: 'Mystery', event: 'Told', fields: [7, [[1, 2n ** 40n]]] },
      ],
    ),
  )
  const expected = { riddle: { Deep: { answer: '1152921504606846976', by: ADDRESS } }, words: '0x0102ff' }
  expect(facts.calls.map((row) => [row.pallet, row.call, JSON.parse(row.args) as unknown])).toEqual([['Mystery', 'ask', expected]])
  expect(facts.events.map((row) => [row.pallet, row.name, JSON.parse(row.data) as unknown])).toEqual([
    ['Mystery', 'Asked', { who: ADDRESS, amount: '100000000000000000000' }],
    ['Mystery', 'Told', [7, [[1, '1099511627776']]]],
  ])
})

test('an extrinsic that does not decode is kept as bytes, with the reason, and the block with it', () => {
  const broken = toHex(Uint8Array.of(3 << 2, 4, 200, 1))
  const facts = factsOf(block([now, broken], []))
  expect(facts.blocks).toHaveLength(1)
  expect(facts.extrinsics[1]).toMatchObject({ pallet: 'Unknown', call: 'unknown' })
  expect(JSON.parse(facts.extrinsics[1]!.args)).toEqual({ raw: broken, problem: 'the runtime has no call 200.1' })
})

test('events of another runtime stop the index with a clear error: nothing after them could be read', () => {
  const raw = block([now], [])
  expect(() => decodeBlock({ ...raw, events: '0x0402c80000' }, runtime)).toThrow('the runtime has no event 200.0')
})

test('hostile lengths and depths are refused without work', () => {
  const raw = block([now], [])
  expect(() => decodeBlock({ ...raw, events: '0xfeffffff' }, runtime)).toThrow(/do not fit/)
  let nested: { pallet: string; call: string; args: Record<string, unknown> } = {
    pallet: 'System',
    call: 'remark',
    args: { remark: new Uint8Array() },
  }
  for (let i = 0; i < 200; i++) nested = { pallet: 'Utility', call: 'batch', args: { calls: [nested] } }
  const facts = factsOf(block([now, call(nested.pallet, nested.call, nested.args)], []))
  expect(facts.extrinsics[1]!.args).toContain('calls nested deeper than')
})
