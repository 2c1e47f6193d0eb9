import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRecordFile } from './record-file.js'

let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'records-'))))
afterEach(() => rmSync(folder, { recursive: true }))

function contents(path: string): string[] {
  const found: string[] = []
  openRecordFile(path, (payload) => found.push(payload.toString())).close()
  return found
}

function fileOf(...texts: string[]): string {
  const path = join(folder, 'log')
  const file = openRecordFile(path, () => {})
  for (const text of texts) file.append([Buffer.from(text)])
  file.close()
  return path
}

describe('record file', () => {
  test('what was appended is found again, at the place that was told', () => {
    const path = join(folder, 'log')
    const file = openRecordFile(path, () => {})
    const [first = 0, second = 0] = file.append([Buffer.from('one'), Buffer.from('two')])
    expect([file.read(first, 3).toString(), file.read(second, 3).toString()]).toEqual(['one', 'two'])
    file.close()
    expect(contents(path)).toEqual(['one', 'two'])
  })

  test('a torn last record is cut off at any byte, and appending goes on behind the whole ones', () => {
    const path = fileOf('first', 'second')
    const whole = readFileSync(path)
    const firstEnd = 8 + 'first'.length
    for (let size = firstEnd; size < whole.length; size++) {
      writeFileSync(path, whole)
      truncateSync(path, size)
      const file = openRecordFile(path, () => {})
      expect(statSync(path).size).toBe(firstEnd)
      file.append([Buffer.from('third')])
      file.close()
      expect(contents(path)).toEqual(['first', 'third'])
    }
  })

  test('a record that was written wrong ends the file', () => {
    const path = fileOf('first')
    appendFileSync(path, Buffer.concat([Buffer.from([3, 0, 0, 0, 1, 2, 3, 4]), Buffer.from('bad')]))
    expect(contents(path)).toEqual(['first'])
  })
})
