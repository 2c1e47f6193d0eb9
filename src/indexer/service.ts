import type { ChainReader } from '../chain/reader.js'
import { followHeads, type HeadFollower, type HeadMode } from '../chain/rpc/heads.js'
import type { RpcClient } from '../chain/rpc/types.js'
import { AppError, errorMessage } from '../core/errors.js'
import { sleep, type Readiness, type Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { startProgress, type Progress } from '../core/progress.js'
import type { Head } from '../core/records.js'
import type { BatchWriter } from '../store/write/index.js'
import { createExtractor, type Extract, type Extracted, type ExtractOptions } from './extract.js'
import { indexerMetrics, type IndexerMetrics } from './metrics.js'
import { inOrder, planRanges, untilDone, type BlockRange } from './pipeline.js'

export interface IndexerOptions extends ExtractOptions {
  headMode: HeadMode
  /** Where an empty database starts. */
  start: 'genesis' | 'head' | number
  /** Stop after this block. */
  to?: number | undefined
  /** Blocks of one transaction while catching up. */
  batchBlocks: number
  /** Batches that are read and decoded side by side. */
  fetchConcurrency: number
}

export interface IndexerDeps {
  options: IndexerOptions
  log: Logger
  metrics: Metrics
  rpc: RpcClient
  chain: ChainReader
  writer: BatchWriter
  /** Where a progress bar may be drawn. */
  stream?: NodeJS.WriteStream | undefined
}

export interface Indexer extends Service {
  /** Ends with the last block when `to` is given, with an error that trying again cannot mend, or when the service is closed. */
  done: Promise<void>
  heads(): { indexed: number | null; best: number | null; finalized: number | null }
}

/** Readiness: this many blocks behind the head is still up to date. */
const READY_LAG = 10
/**
 * The last blocks before the head that have a batch each. Sums of the state are taken after batches, so near the head every block that has totals gets
 * them, also when several blocks become final at once, and those of a short pause.
 */
const NEAR_HEAD = 16
/** Fewer blocks than this are done before a bar would be seen. */
const PROGRESS_FROM = 200
/** Nodes tell of a fork in several notices: a moment later the new branch is complete. */
const FORK_PAUSE_MS = 50

/** Starts to index. Resolves when the chain and the database have been checked to belong together; indexing then goes on in the background. */
export async function startIndexer(deps: IndexerDeps): Promise<Indexer> {
  const { log, rpc, chain, writer } = deps
  const controller = new AbortController()
  const { signal } = controller
  const metrics = indexerMetrics(deps.metrics)
  const identity = await untilDone({ log, signal, what: 'ask the chain who it is' }, () => chain.identity())
  await writer.claimChain(identity)

  const run = new IndexerRun(deps, metrics, signal)
  await run.load()
  const follower = await followHeads(rpc, { mode: deps.options.headMode, signal, log, onHead: () => run.wake() })
  run.attach(follower)
  let failure: unknown
  const done = run.loop().catch((error: unknown) => {
    if (signal.aborted) return
    failure = error
    throw error
  })
  done.catch((error: unknown) => log.error({ err: error }, 'indexing stopped'))

  return {
    name: 'indexer',
    done,
    heads: () => run.heads(),
    ready: () => Promise.resolve(readiness(run, failure)),
    async close() {
      controller.abort(new AppError('ABORTED', 'the indexer is closing'))
      run.wake()
      await follower.close()
      await done.catch(() => undefined)
    },
  }
}

function readiness(run: IndexerRun, failure: unknown): Readiness {
  if (failure !== undefined) return { ok: false, reasons: [`indexer: ${errorMessage(failure)}`] }
  const { indexed, target } = run.position()
  if (indexed === null) return { ok: false, reasons: ['indexer: nothing is indexed yet'] }
  const lag = target - indexed
  return lag <= READY_LAG ? { ok: true } : { ok: false, reasons: [`indexer: ${lag} blocks behind the head`] }
}

class IndexerRun {
  private head: Head | null = null
  private follower: HeadFollower | null = null
  private woken = false
  private awake: () => void = () => undefined
  private readonly extractor: Extract

  constructor(
    private readonly deps: IndexerDeps,
    private readonly metrics: IndexerMetrics,
    private readonly signal: AbortSignal,
  ) {
    this.extractor = createExtractor(deps.chain, deps.options)
  }

  async load(): Promise<void> {
    this.head = (await this.deps.writer.head())?.head ?? null
    this.metrics.indexed(this.head?.height ?? null)
  }

  attach(follower: HeadFollower): void {
    this.follower = follower
  }

  wake(): void {
    this.woken = true
    this.awake()
  }

  heads(): { indexed: number | null; best: number | null; finalized: number | null } {
    const { best, finalized } = this.follower?.heads() ?? { best: null, finalized: null }
    return { indexed: this.head?.height ?? null, best, finalized }
  }

  position(): { indexed: number | null; target: number } {
    return { indexed: this.head?.height ?? null, target: this.target() }
  }

  /** The block to reach: the head of the mode, or `to` when that comes first. */
  private target(): number {
    return Math.min(this.chainHead(), this.deps.options.to ?? Infinity)
  }

  private chainHead(): number {
    const { best, finalized } = this.heads()
    return (this.deps.options.headMode === 'best' ? best : finalized) ?? 0
  }

  async loop(): Promise<void> {
    const { to } = this.deps.options
    while (!this.signal.aborted) {
      this.woken = false
      await this.step()
      if (to !== undefined && this.head !== null && this.head.height >= to) return
      await this.nextHead()
    }
  }

  private async nextHead(): Promise<void> {
    while (!this.woken && !this.signal.aborted) await new Promise<void>((resolve) => (this.awake = resolve))
  }

  private async step(): Promise<void> {
    if (this.head === null) await this.first()
    const target = this.target()
    this.metrics.head(target)
    if (this.head === null) return
    // A best head that is not above ours is a fork that was lost, or a node that is behind: the common block tells.
    if (target <= this.head.height && this.deps.options.headMode === 'best' && this.deps.options.to === undefined) await this.undoFork()
    await this.catchUp(target)
  }

  /** The first batch of an empty database: everything that the chain holds there. */
  private async first(): Promise<void> {
    const { start } = this.deps.options
    const head = this.target()
    const first = start === 'head' ? head : start === 'genesis' ? 0 : start
    if (first > head) {
      this.deps.log.info({ first, head }, 'waiting for the first block to index')
      return
    }
    // The genesis state may still be edited before block 1 (development chains do), and block 0 has no events that would tell: the state is read after 1.
    const range = { from: first, to: first === 0 ? Math.min(1, head) : first }
    this.deps.log.info({ block: range.to }, 'reading the whole state of the chain')
    const batch = await this.extract(range, 'whole')
    await this.apply(batch)
  }

  private async catchUp(target: number): Promise<void> {
    const head = this.head as Head
    const blocks = target - head.height
    if (blocks <= 0) return
    const progress = blocks >= PROGRESS_FROM ? this.startProgress(head.height, target) : null
    try {
      await inOrder(
        this.plan(head.height + 1, target),
        this.deps.options.fetchConcurrency,
        (range) => this.extract(range, 'changes'),
        async (batch, range) => {
          await this.apply(batch)
          progress?.set(range.to - head.height)
        },
      )
    } catch (error) {
      // Blocks that were there a moment ago and are not any more: a fork too.
      if (!(error instanceof ForkFound) && !(error instanceof AppError && error.code === 'NOT_FOUND')) throw error
      await this.undoFork()
      await sleep(FORK_PAUSE_MS, this.signal)
      this.wake()
    } finally {
      progress?.stop()
    }
  }

  /** Final blocks share batches; blocks that may be undone, and those near the head, have one each. */
  private *plan(from: number, target: number): Generator<BlockRange> {
    const shared = Math.min(target, this.heads().finalized ?? -1, this.chainHead() - NEAR_HEAD)
    yield* planRanges(from, shared, this.deps.options.batchBlocks)
    for (let height = Math.max(from, shared + 1); height <= target; height++) yield { from: height, to: height }
  }

  private extract(range: BlockRange, state: 'changes' | 'whole'): Promise<Extracted> {
    const { log } = this.deps
    return untilDone({ log, signal: this.signal, what: `read blocks ${range.from} to ${range.to}` }, async () => {
      this.signal.throwIfAborted()
      const startedAt = performance.now()
      const extracted = await this.extractor({ ...range, state })
      this.metrics.extracted(range.to - range.from + 1, performance.now() - startedAt)
      return extracted
    })
  }

  private async apply(batch: Extracted): Promise<void> {
    const { log, writer } = this.deps
    const prev = this.head
    if (prev && batch.parent && batch.parent.hash !== prev.hash) throw new ForkFound()
    const { best, finalized } = this.heads()
    const startedAt = performance.now()
    await untilDone({ log, signal: this.signal, what: `write blocks ${batch.from} to ${batch.head.height}` }, () =>
      writer.apply({ prev, next: batch.head, from: batch.from, finalizedHeight: finalized ?? 0, facts: batch.facts, state: batch.state }),
    )
    this.head = batch.head
    const ms = performance.now() - startedAt
    this.metrics.applied(batch, ms)
    for (const { netuid, blockHeight, audit } of batch.facts.epochs) {
      if (audit.status === 'DIFFERS')
        log.warn({ netuid, block: blockHeight, differences: audit.differenceCount }, 'epoch is not what its inputs give')
    }
    const line = { block: batch.head.height, blocks: batch.facts.blocks.length, events: batch.facts.events.length, ms: Math.round(ms) }
    if (batch.head.height === best) log.info(line, 'block indexed')
    else log.debug(line, 'batch applied')
  }

  /** Goes back to the last block that the chain and the database agree on. */
  private async undoFork(): Promise<void> {
    const { log, chain, writer } = this.deps
    const from = this.head as Head
    const common = await untilDone({ log, signal: this.signal, what: 'find the common block' }, () => commonBlock(chain, writer, from))
    if (common.height === from.height) return
    log.warn({ from: from.height, to: common.height, depth: from.height - common.height }, 'fork: undoing blocks')
    this.head = await untilDone({ log, signal: this.signal, what: 'undo blocks' }, () => writer.rollbackTo(common.height))
    this.metrics.undone(from.height - common.height, this.head.height)
  }

  private startProgress(from: number, target: number): Progress {
    const { log, stream } = this.deps
    log.info({ from: from + 1, to: target }, 'catching up')
    return startProgress({ log, label: 'indexing', total: target - from, ...(stream ? { stream } : {}) })
  }
}

class ForkFound extends Error {}

async function commonBlock(chain: ChainReader, writer: BatchWriter, head: Head): Promise<Head> {
  for (let height = head.height; height >= 0; height--) {
    const ours = height === head.height ? head.hash : await writer.hashAt(height)
    if (ours === null) break
    const theirs = await chain.hashOf(height).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NOT_FOUND') return null
      throw error
    })
    if (ours === theirs) return { height, hash: ours }
  }
  throw new AppError('WRONG_CHAIN', `none of the indexed blocks up to ${head.height} is on the chain that the node follows`, { head })
}
