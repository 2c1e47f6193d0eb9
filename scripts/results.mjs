/** Passed, failed and skipped tests of a vitest JSON report. A file that fails before its first test counts as one failure. */
export function countResults(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report.testResults) {
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++
      else if (status === 'failed') counts.failed++
      else counts.skipped++
    }
    const failedTests = file.assertionResults.some(({ status }) => status === 'failed')
    if (file.status === 'failed' && !failedTests) counts.failed++
  }
  return counts
}

export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
