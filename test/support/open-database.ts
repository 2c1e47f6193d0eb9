/** A process of its own that opens the embedded database of a folder, says so, and closes it when told to on standard input. */
import { silentLog } from '../../src/core/log.js'
import { openDatabase } from '../../src/store/index.js'

const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('usage: open-database.ts <data folder>')
const database = await openDatabase({ dataDir, log: silentLog, applicationName: 'child' })
process.stdout.write(`${database.url}\n`)
process.stdin.once('data', () => {
  void database.close().then(() => process.exit(0))
})
