import type { HeightRange } from '../store/read/index.js'
import { readStatus, type IndexStatus } from '../store/read/status.js'
import { openDatabaseOf } from './database.js'
import type { CommandContext } from './run.js'

/** More of a list than this is counted, not listed. */
const SHOWN = 20
const TABLES_SHOWN = 8

/** `taogate status`: what is indexed, for a person. */
export async function status(context: CommandContext): Promise<void> {
  const database = await openDatabaseOf(context)
  const server = `PostgreSQL ${database.serverVersion}${database.embedded ? ', embedded' : ''}`
  context.print(renderStatus(server, await readStatus(database.pool)))
}

export function renderStatus(server: string, found: IndexStatus | null): string {
  if (found === null) return [line('database', server), line('indexed', 'nothing yet: the database has no tables')].join('\n')
  const { chain, head, indexed, gaps, runtimes, counts, tables } = found
  const lines = [line('database', `${server}, ${formatBytes(found.sizeBytes)}`)]
  if (chain === null || head === null) return [...lines, line('indexed', 'nothing yet')].join('\n')
  lines.push(
    line('chain', `${chain.name} (${chain.specName}), genesis ${chain.genesisHash}`),
    line('head', `${head.height} ${head.hash}, finalized ${head.finalizedHeight}`),
    line('indexed', formatRanges(indexed)),
    line('gaps', formatRanges(gaps)),
    line('runtimes', listed(runtimes.map(({ specVersion, firstBlock }) => `${specVersion} from block ${firstBlock}`))),
    line('now', `${counts.subnets} subnets, ${counts.neurons} neurons, ${counts.delegates} delegates`),
  )
  tables.slice(0, TABLES_SHOWN).forEach(({ table, rows, bytes }, i) => {
    const about = rows === null ? '' : `, about ${rows} rows`
    lines.push(line(i === 0 ? 'tables' : '', `${table.padEnd(24)} ${formatBytes(bytes)}${about}`))
  })
  return lines.join('\n')
}

function line(name: string, text: string): string {
  return `${name.padEnd(12)}${text}`
}

function formatRanges(ranges: readonly HeightRange[]): string {
  return listed(ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)))
}

function listed(items: readonly string[]): string {
  if (items.length === 0) return 'none'
  const rest = items.length - SHOWN
  return items.slice(0, SHOWN).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

function formatBytes(bytes: bigint): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = Number(bytes)
  let unit = 0
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`
}
