import { createReads, gapsOf, readChainInfo, type HeightRange } from '../store/read/index.js'
import { openDatabaseOf } from './database.js'
import type { CommandContext } from './run.js'

/** More gaps than this are counted, not listed. */
const GAPS_SHOWN = 20

/** `taogate status`: what is indexed, for a person. */
export async function status(context: CommandContext): Promise<void> {
  const database = await openDatabaseOf(context)
  const reads = createReads({ pool: database.pool })
  const { schemaVersion, dbSizeBytes } = await reads.stats()
  const lines = [`database    PostgreSQL ${database.serverVersion}${database.embedded ? ', embedded' : ''}, ${formatBytes(dbSizeBytes)}`]
  if (schemaVersion === null) {
    lines.push('indexed     nothing yet: the database has no tables')
  } else {
    const session = reads.session()
    try {
      const [chain, head] = [await readChainInfo(session), await session.head()]
      if (chain === null || head === null) lines.push('indexed     nothing yet')
      else {
        const gaps = gapsOf(chain.indexed, head.height)
        lines.push(
          `chain       ${chain.name} (${chain.specName} ${chain.specVersion ?? '?'}), genesis ${chain.genesisHash}`,
          `head        ${head.height} ${head.hash}, finalized ${head.finalizedHeight}`,
          `indexed     ${formatRanges(chain.indexed)}`,
          `gaps        ${formatRanges(gaps)}`,
        )
      }
    } finally {
      await session.close()
    }
  }
  context.print(lines.join('\n'))
}

function formatRanges(ranges: readonly HeightRange[]): string {
  if (ranges.length === 0) return 'none'
  const shown = ranges.slice(0, GAPS_SHOWN).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`))
  const rest = ranges.length - shown.length
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

function formatBytes(bytes: bigint): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = Number(bytes)
  let unit = 0
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`
}
