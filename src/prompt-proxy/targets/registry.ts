import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { AppError, errorMessage } from '../../core/errors.js'
import type { AnsweringTarget, PromptModel, Strategy, TargetState } from '../contract.js'
import type { AxonTarget } from '../dendrite/types.js'
import { hostPort } from './address.js'
import { BACK_OFFS } from './back-off.js'
import type { Clock } from './clock.js'
import { inTime } from './in-time.js'
import { judge, type EligibilityOptions, type Judged } from './eligibility.js'
import { createHealth, type Health, type Lease } from './health.js'
import { createTargetMetrics } from './metrics.js'
import type { PromptNeuron } from '../../core/prompting.js'
import { inOrder, stakeFactor, type Weighed } from './order.js'
import { runProbes, type Probe } from './probes.js'
import { TARGET_DEFAULTS, type TargetSettings } from './settings.js'

/** A target that may be asked now. */
export interface Candidate {
  target: AnsweringTarget
  axon: AxonTarget
  /** In [0, 1]: how good its answers were for the model. */
  gating: number
  /** Its circuit is open for something that may be over: to be asked when all others failed. */
  isLastResort: boolean
  /** Whether one more attempt may begin now: others may have since it was chosen. */
  isFree(): boolean
  /** Counts an attempt as under way. */
  begin(): Lease
}

export interface ChooseOptions {
  /** Only these; both may be given, then either will do. Empty lists are as none. */
  uids?: readonly number[] | undefined
  hotkeys?: readonly string[] | undefined
  /** In place of the model's own. */
  strategy?: Strategy | undefined
  /** Candidates at most: of hundreds, a request asks a handful. */
  topN?: number | undefined
}

export interface Targets {
  /** Reads the metagraph and begins to keep up with it. Does not fail when it cannot be read: there are no targets until it can. */
  start(): Promise<void>
  /** Reads the metagraph now. Never throws. */
  refresh(): Promise<void>
  /** Probes whoever had no outcome for a while. Never throws. */
  probe(): Promise<void>
  /**
   * Who is asked for a model, first one first. Throws BAD_INPUT for uids and hotkeys that match nobody on the subnet, UPSTREAM_DOWN when there is nobody who may be
   * asked; its detail has `reasons`, the number of neurons by reason.
   */
  choose(model: PromptModel, options?: ChooseOptions): Candidate[]
  /** All neurons of the last reading, by netuid and uid. */
  state(): TargetState[]
  close(): void
}

export interface TargetsOptions extends Omit<EligibilityOptions, 'settings'> {
  /** The neurons of the subnets offered. */
  source: () => Promise<readonly PromptNeuron[]>
  settings: Partial<TargetSettings> & Pick<TargetSettings, 'netuids'>
  /** A cheap question whether a target is there; it rejects (with a DendriteError) when not. null: none are sent. */
  probe: Probe | null
  clock: Clock
  /** In [0, 1). */
  random: () => number
  log: Logger
  metrics: Metrics
}

interface Known extends Judged {
  health: Health
  stakeFactor: number
}

/** Keeps the targets of all subnets offered, with their health. */
export function createTargets(options: TargetsOptions): Targets {
  const { source, probe, clock, random, log } = options
  const settings: TargetSettings = { ...TARGET_DEFAULTS, ...options.settings }
  const metrics = createTargetMetrics(options.metrics, state)
  let known = new Map<string, Known>()
  let bySubnet = new Map<number, Known[]>()
  let reading = 0
  let read = 0
  const stops = new Set<() => void>()
  let closed = false

  async function refresh(): Promise<void> {
    const turn = ++reading
    try {
      const rows = await inTime(source, settings.refreshMs, clock)
      // A reading that came back after a later one is old.
      if (turn < read) return
      read = turn
      take(rows)
      metrics.refreshed('ok')
    } catch (error) {
      metrics.refreshed('failed')
      log.warn({ err: errorMessage(error), targets: known.size }, 'the metagraph could not be read, targets stay as they are')
    }
  }

  /** Health belongs to a hotkey at an address: with either changed, it is another machine. */
  function take(rows: readonly PromptNeuron[]): void {
    const next = new Map<string, Known>()
    for (const row of rows.toSorted((a, b) => a.netuid - b.netuid || a.uid - b.uid)) {
      const key = `${row.netuid}/${row.hotkey}@${row.ip}:${row.port}`
      const judged = judge(row, { ...options, settings })
      const health = known.get(key)?.health ?? createHealth(settings, clock, random)
      next.set(key, { ...judged, health, stakeFactor: stakeFactor(row.stake, settings) })
    }
    known = next
    const all = [...next.values()]
    bySubnet = new Map(settings.netuids.map((netuid) => [netuid, all.filter(({ row }) => row.netuid === netuid)]))
  }

  function choose(
    model: PromptModel,
    { uids = [], hotkeys = [], strategy = model.strategy, topN = Infinity }: ChooseOptions = {},
  ): Candidate[] {
    const all = bySubnet.get(model.netuid) ?? []
    const isNamed = uids.length > 0 || hotkeys.length > 0
    const asked = isNamed ? all.filter(({ row }) => uids.includes(row.uid) || hotkeys.includes(row.hotkey)) : all
    if (isNamed && asked.length === 0)
      throw new AppError('BAD_INPUT', `none of the uids and hotkeys asked for is on subnet ${model.netuid}`, {
        field: uids.length > 0 ? 'uids' : 'hotkeys',
      })
    const may = asked.filter(({ refusal, isOrdinary }) => refusal === null && (isNamed || isOrdinary))
    const ready = may.filter(({ health }) => health.takesMore()).map(weighed)
    const resting = may.filter(({ health }) => isWorthTrying(health, isNamed)).map(weighed)
    if (ready.length + resting.length === 0) throw nobody(model.netuid, asked)
    const first = inOrder(ready, strategy, settings, random, topN)
    const last = inOrder(resting, strategy, settings, random, topN - first.length)
    return first.map((one) => candidate(one, false)).concat(last.map((one) => candidate(one, true)))

    function weighed(one: Known): Weighed & { known: Known } {
      const { row, health } = one
      const [rate, latencyMs, gating] = [health.rate(), health.latencyMs(), health.gating(model.id)]
      return {
        known: one,
        stake: row.stake,
        stakeFactor: one.stakeFactor,
        validatorTrust: row.validatorTrust,
        uid: row.uid,
        rate,
        latencyMs,
        gating,
      }
    }

    function isFree(health: Health): boolean {
      return health.takesMore() || isWorthTrying(health, isNamed)
    }

    function candidate({ known: one, gating }: { known: Known; gating: number }, isLastResort: boolean): Candidate {
      const { row, ip, protocol, health } = one
      const { netuid, uid, hotkey, port, version } = row
      if (ip === null || protocol === null) throw new AppError('INTERNAL', 'a target without an address was chosen')
      const target = { netuid, uid, hotkey, protocol }
      return {
        target,
        axon: { netuid, uid, hotkey, ip, port, version },
        gating,
        isLastResort,
        isFree: () => isFree(health),
        begin: () => health.begin(model.id),
      }
    }
  }

  /** A target whose circuit is not closed, and that a request may still turn to in need. Whoever refuses our hotkey is left in peace unless it was named. */
  function isWorthTrying(health: Health, isNamed: boolean): boolean {
    const code = health.openedBy()
    if (code === null || health.takesMore() || health.inFlight() >= settings.maxInFlight) return false
    return isNamed || !BACK_OFFS[code].opensAtOnce
  }

  function nobody(netuid: number, asked: readonly Known[]): AppError {
    const reasons: Record<string, number> = {}
    for (const { refusal, isOrdinary, health } of asked) {
      const reason = refusal ?? (isOrdinary || health.circuit() !== 'closed' ? restReason(health) : 'it is asked only by name')
      reasons[reason] = (reasons[reason] ?? 0) + 1
    }
    return new AppError('UPSTREAM_DOWN', `nobody on subnet ${netuid} can be asked now`, { netuid, reasons, failed: [] })
  }

  function restReason(health: Health): string {
    const code = health.openedBy()
    return code === null ? 'it has as many requests as it may' : `it rests after ${code}`
  }

  function state(): TargetState[] {
    return [...known.values()].map(({ row, ip, protocol, refusal, health }) => ({
      netuid: row.netuid,
      uid: row.uid,
      hotkey: row.hotkey,
      // Too old to be spoken to is older than HTTP.
      protocol: protocol ?? 'grpc',
      address: hostPort({ ip: ip ?? '0.0.0.0', port: row.port }),
      version: row.version,
      stake: String(row.stake),
      validatorPermit: row.validatorPermit,
      refusal,
      circuit: health.circuit(),
      latencyMs: health.latencyMs(),
      inFlight: health.inFlight(),
      ...health.facts(),
    }))
  }

  async function probeIdle(): Promise<void> {
    if (probe === null) return
    const idle = [...known.values()].filter(
      ({ refusal, health }) => refusal === null && health.circuit() !== 'open' && health.idleMs() >= settings.probeMs,
    )
    const jobs = idle.flatMap(({ row, ip, protocol, health }) =>
      ip === null || protocol === null
        ? []
        : [
            {
              target: { netuid: row.netuid, uid: row.uid, hotkey: row.hotkey, ip, port: row.port, version: row.version },
              protocol,
              health,
            },
          ],
    )
    await runProbes(jobs, { probe, clock, settings, metrics })
  }

  /** Runs again and again, `ms` after the last time ended. */
  function every(ms: number, run: () => Promise<void>): void {
    const stop = clock.after(ms, () => {
      stops.delete(stop)
      void run().finally(() => {
        if (!closed) every(ms, run)
      })
    })
    stops.add(stop)
  }

  return {
    async start() {
      await refresh()
      if (closed) return
      every(settings.refreshMs, refresh)
      if (probe !== null) every(settings.probeMs, probeIdle)
    },
    refresh,
    probe: probeIdle,
    choose,
    state,
    close() {
      closed = true
      for (const stop of stops) stop()
      stops.clear()
    },
  }
}
