import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createRuntime } from '../../../src/chain/index.js'
import { subnetItems } from '../../../src/chain/views/subnet-view.js'

/** SCALE metadata of later versions than the devnet has. None is kept here: a runtime's metadata is not ours. */
const FILES = { 15: process.env['TAOGATE_METADATA_V15'] ?? '', 16: process.env['TAOGATE_METADATA_V16'] ?? '' }

for (const [version, file] of Object.entries(FILES)) {
  const isThere = file !== '' && existsSync(file)
  if (!isThere)
    console.warn(
      `SKIPPED: metadata ${version}. TAOGATE_METADATA_V${version} names no file with SCALE metadata of a subtensor runtime of that version.`,
    )

  test.skipIf(!isThere)(`metadata of version ${version} is read, with types for storage, calls and events`, () => {
    const runtime = createRuntime({ specName: 'node-subtensor', specVersion: 1, transactionVersion: 1, metadata: readFileSync(file) })
    expect(runtime.metadataVersion).toBe(Number(version))
    expect(runtime.item('SubtensorModule', 'Keys')?.keyTypes).toEqual(['u16', 'u16'])
    expect(runtime.item('SubtensorModule', 'Incentive')?.valueType).toBe('Vec<u16>')
    expect(subnetItems(runtime)).toContain('Tempo')
    expect(runtime.item('System', 'Account')?.value(null)).toMatchObject({ nonce: 0, data: { free: 0n } })
    expect(runtime.hasCall('SubtensorModule', 'set_weights')).toBe(true)
    expect(runtime.decodeEvents(Uint8Array.of(0))).toEqual([])
    expect(runtime.constant('Balances', 'ExistentialDeposit')).toBeTypeOf('bigint')
  })
}
