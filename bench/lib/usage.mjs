// Loaded into the measured process (node --import): leaves what it used in a file when it ends. Its children inherit the
// environment, so only the process that was meant writes.
import { writeFileSync } from 'node:fs'

const { TAOGATE_BENCH_USAGE: file, TAOGATE_BENCH_COMMAND: command } = process.env
if (file && command && process.argv.slice(1, 3).includes(command)) {
  process.once('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    writeFileSync(file, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakRssMb: maxRSS / 1024 }))
  })
}
