import { auditStored } from '../consensus/audit/index.js'
import { generationOf } from '../consensus/generations.js'
import { AppError } from '../core/errors.js'
import { startProgress } from '../core/progress.js'
import type { AuditRecord } from '../core/records.js'
import { auditPage, createReads, entities, planPage, type AuditPageEpoch, type Filter, type ReadSession } from '../store/read/index.js'
import { auditEpochs } from './audit-loop.js'
import { epochJson, epochLine, summaryJson, summaryLine } from './audit-report.js'
import { openMigratedDatabase } from './database.js'
import { writerOf } from './indexing.js'
import { EXIT_FAILED, EXIT_OK, type CommandContext } from './run.js'
import { EXIT_STOPPED } from './signals.js'

/** What of the index is audited; bounds are block numbers, both included. */
export interface AuditScope {
  netuid: number | undefined
  from: number
  to: number | undefined
}

/** An epoch of 256 uids with full bonds is about a megabyte while it is compared. */
const PAGE_SIZE = 12
const ROOT_NETUID = 0

/** `taogate audit`: recomputes what is indexed, tells what is not exact, and writes back what came out otherwise than before. */
export async function audit(context: CommandContext, scope: AuditScope, json: boolean): Promise<void> {
  const { life, exitWith } = context
  // Whoever asks for a verdict must not take half of one for it.
  exitWith(EXIT_STOPPED)
  const database = await openMigratedDatabase(context)
  const session = createReads({ pool: database.pool, timeoutMs: COUNT_MS, exactCountLimit: Number.MAX_SAFE_INTEGER }).session()
  const total = await countEpochs(session, scope).finally(() => session.close())

  const writer = writerOf(context, database)
  const print = printer(context)
  const progress = startProgress({ log: context.log.child({ service: 'audit' }), label: 'audit', unit: 'epochs', total })
  const work = auditEpochs({
    page: (after) => auditPage(database.pool, { ...scope, after, limit: PAGE_SIZE }),
    recompute,
    save: async (changed) => void (await writer.saveAudits(changed)),
    onEpoch(epoch, tally) {
      progress.set(tally.epochs)
      const line = json ? epochJson(epoch) : epochLine(epoch)
      if (line !== null) print(line)
    },
    signal: life.signal,
  })
  // Closed before the database: what was computed when a stop begins is written.
  const settled = work.then(
    () => undefined,
    () => undefined,
  )
  life.add({ name: 'audit', close: () => settled })
  const tally = await work.finally(() => progress.stop())
  const stopped = life.signal.aborted
  print(json ? summaryJson(tally, stopped) : summaryLine(tally, stopped))
  exitWith(tally.differs > 0 ? EXIT_FAILED : stopped ? EXIT_STOPPED : EXIT_OK)
}

function recompute({ netuid, specName, specVersion, inputs, inputsHash, neurons, emissions, emissionValues }: AuditPageEpoch): AuditRecord {
  const runtime = { specName, specVersion }
  const isRoot = netuid === ROOT_NETUID && generationOf(runtime)?.rootEpoch
  const chain = isRoot ? { kind: 'root' as const, emissionValues } : { kind: 'subnet' as const, neurons, payments: emissions }
  return auditStored({ runtime, inputs, inputsHash, chain })
}

/** Lines on standard output, with the bar on standard error out of their way. */
function printer({ print }: CommandContext): (text: string) => void {
  const { stdout, stderr } = process
  return (text) => {
    if (stderr.isTTY && stdout.isTTY) stderr.write('\r\x1b[2K')
    print(text)
  }
}

const COUNT_MS = 60_000
const LIMITS = { defaultPageSize: 1, maxPageSize: 100, maxOffset: 0 }

/** How many epochs there are to audit. None at all is an error that says what there is instead: an audit of nothing must not look like a good one. */
async function countEpochs(session: ReadSession, { netuid, from, to }: AuditScope): Promise<number> {
  const ofSubnet = netuid === undefined ? {} : { netuid: { equalTo: netuid } }
  const found = await countWhere(session, { ...ofSubnet, blockHeight: { greaterThanOrEqualTo: from, lessThanOrEqualTo: to } })
  if (found > 0) return found
  if ((await countWhere(session, {})) === 0) {
    throw new AppError('CONFIG_INVALID', 'no epoch is indexed yet; --data-dir or --database-url names the database of an index')
  }
  if ((await countWhere(session, ofSubnet)) === 0) {
    const { rows } = await session.page(planPage(entities.subnets, { first: 100 }, LIMITS) as SubnetsPlan, {})
    const netuids = rows.map((row) => row.netuid).join(', ')
    throw new AppError('CONFIG_INVALID', `--netuid ${netuid}: no epoch of it is indexed; the index has the subnets ${netuids}`)
  }
  const [first, last] = await Promise.all([edgeOf(session, ofSubnet, 'ASC'), edgeOf(session, ofSubnet, 'DESC')])
  const range = `--from ${from}${to === undefined ? '' : ` --to ${to}`}`
  const whose = netuid === undefined ? '' : ` of subnet ${netuid}`
  throw new AppError('CONFIG_INVALID', `${range}: no epoch${whose} is indexed there; there are some from block ${first} to ${last}`)
}

type EpochsPlan = ReturnType<typeof planPage> & { entity: typeof entities.epochs }
type SubnetsPlan = ReturnType<typeof planPage> & { entity: typeof entities.subnets }

async function countWhere(session: ReadSession, filter: Filter): Promise<number> {
  const plan = planPage(entities.epochs, { filter }, LIMITS)
  return (await session.page(plan, { totalCount: true, rows: false })).totalCount ?? 0
}

async function edgeOf(session: ReadSession, filter: Filter, way: 'ASC' | 'DESC'): Promise<number> {
  const plan = planPage(entities.epochs, { filter, first: 1, orderBy: [`BLOCK_HEIGHT_${way}`] }, LIMITS) as EpochsPlan
  return (await session.page(plan, {})).rows[0]?.blockHeight ?? 0
}
