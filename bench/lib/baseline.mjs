// The measurements that later ones are compared with: bench/baseline.json, kept in the repository.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const FILE = new URL('../baseline.json', import.meta.url)

/** The baseline of one benchmark: `get(name)` gives what was saved, `save(results)` replaces it. */
export function openBaseline(benchmark) {
  const all = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}
  return {
    get: (name) => all[benchmark]?.results?.[name],
    /** Where the baseline was measured; times from another machine are compared with care. */
    machine: all[benchmark]?.machine,
    save(results) {
      all[benchmark] = { machine: thisMachine(), results }
      writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`)
    },
  }
}

export function thisMachine() {
  const [first] = cpus()
  return `${first?.model.trim() ?? 'unknown'} x${cpus().length}, node ${process.version}`
}

/** "123 (1.05x)": the value and how it compares; above 1 is more than the baseline. */
export function compared(value, before, digits = 0) {
  const text = value.toFixed(digits)
  return before ? `${text} (${(value / before).toFixed(2)}x)` : text
}
