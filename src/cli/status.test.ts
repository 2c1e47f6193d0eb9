import { expect, test } from 'vitest'
import type { IndexStatus } from '../store/read/status.js'
import { renderStatus } from './status.js'

const SERVER = 'PostgreSQL 18.4, embedded'

function aStatus(fields: Partial<IndexStatus> = {}): IndexStatus {
  return {
    chain: { name: 'finney', specName: 'node-subtensor', genesisHash: '0x2f05', firstBlock: 900 },
    head: { height: 1_000, hash: '0xabcd', finalizedHeight: 998 },
    indexed: [
      { from: 5, to: 5 },
      { from: 900, to: 1_000 },
    ],
    gaps: [
      { from: 0, to: 4 },
      { from: 6, to: 899 },
    ],
    runtimes: [
      { specVersion: 142, specName: 'node-subtensor', firstBlock: 5, metadataVersion: 14 },
      { specVersion: 143, specName: 'node-subtensor', firstBlock: 950, metadataVersion: 14 },
    ],
    counts: { subnets: 32, neurons: 8_000, delegates: 70 },
    tables: [
      { table: 'events', rows: 123_456, bytes: 45_600_000n },
      { table: 'undo', rows: null, bytes: 8_192n },
    ],
    sizeBytes: 1_234_567_890n,
    ...fields,
  }
}

test('what is indexed is told line by line', () => {
  expect(renderStatus(SERVER, aStatus()).split('\n')).toEqual([
    'database    PostgreSQL 18.4, embedded, 1.2 GB',
    'chain       finney (node-subtensor), genesis 0x2f05',
    'head        1000 0xabcd, finalized 998',
    'indexed     5, 900-1000',
    'gaps        0-4, 6-899',
    'runtimes    142 from block 5, 143 from block 950',
    'now         32 subnets, 8000 neurons, 70 delegates',
    'tables      events                   46 MB, about 123456 rows',
    '            undo                     8.2 kB',
  ])
})

test('of long lists the beginning is shown and the rest is counted', () => {
  const gaps = Array.from({ length: 25 }, (_, i) => ({ from: i * 10, to: i * 10 + 1 }))
  expect(renderStatus(SERVER, aStatus({ gaps }))).toMatch(/^gaps {8}0-1, 10-11, .*, 190-191 and 5 more$/m)
  const tables = Array.from({ length: 12 }, (_, i) => ({ table: `t${i}`, rows: 1, bytes: 1n }))
  expect(renderStatus(SERVER, aStatus({ tables })).split('\n')).toHaveLength(7 + 8)
})

test('a database without tables, and one without a chain, hold nothing yet', () => {
  expect(renderStatus(SERVER, null)).toBe('database    PostgreSQL 18.4, embedded\nindexed     nothing yet: the database has no tables')
  expect(renderStatus(SERVER, aStatus({ chain: null, head: null }))).toMatch(/\nindexed {5}nothing yet$/)
})
