// Runs the tests and ends with one line, `N passed, N failed`. Arguments go to vitest: `npm test -- src/core -t ss58`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { countResults, summaryLine } from './results.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'taogate-test-'))
const report = join(folder, 'results.json')

try {
  await build()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  const counts = countResults(readReport())
  // vitest itself may fail without a failed test, on an error outside of all tests.
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  process.stdout.write(`${summaryLine(counts)}\n`)
  process.exitCode = counts.failed > 0 ? 1 : 0
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.stdout.write(`${summaryLine({ passed: 0, failed: 1, skipped: 0 })}\n`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}
