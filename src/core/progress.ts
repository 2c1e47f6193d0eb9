import type { Logger } from './log.js'

export interface ProgressOptions {
  log: Logger
  /** What is counted, for the log line: "backfill". */
  label: string
  unit?: string
  total: number
  done?: number
  /** Where a bar is drawn; a stream that is no terminal gets log lines instead. */
  stream?: NodeJS.WriteStream
  /** Between two bars on a terminal, and between two log lines. */
  barEveryMs?: number
  logEveryMs?: number
  now?: () => number
}

export interface ProgressState {
  done: number
  total: number
  perSecond: number
  /** Null until a rate is known. */
  etaSeconds: number | null
}

export interface Progress {
  /** Sets how much is done, and the total when it grew (a chain does while it is read). */
  set(done: number, total?: number): void
  state(): ProgressState
  /** Draws the last state and gives the terminal line back. */
  stop(): void
}

const RATE_WINDOW_MS = 30_000

/** Shows a long job: one bar on a terminal, a log line every few seconds otherwise. */
export function startProgress(options: ProgressOptions): Progress {
  const { log, label, unit = 'blocks', stream = process.stderr, barEveryMs = 200, logEveryMs = 10_000, now = Date.now } = options
  let { total, done = 0 } = options
  // Points of the last half minute: a mean over the whole job would lag when blocks grow heavier.
  const points: { at: number; done: number }[] = [{ at: now(), done }]
  let shownAt = now()
  let finished = false

  function state(): ProgressState {
    const first = points[0]
    const last = points[points.length - 1]
    const ms = first && last ? last.at - first.at : 0
    const perSecond = first && last && ms > 0 ? ((last.done - first.done) * 1000) / ms : 0
    return { done, total, perSecond, etaSeconds: perSecond > 0 ? Math.max(total - done, 0) / perSecond : null }
  }

  function show(final: boolean): void {
    shownAt = now()
    const current = state()
    if (stream.isTTY) {
      stream.write(`\r\x1b[2K${renderBar(label, unit, current, stream.columns)}${final ? '\n' : ''}`)
      return
    }
    const eta = current.etaSeconds === null ? undefined : formatDuration(current.etaSeconds)
    log.info(
      { job: label, done, total, unit, perSecond: Math.round(current.perSecond * 10) / 10, eta },
      !final ? 'progress' : done >= total ? 'done' : 'stopped',
    )
  }

  return {
    state,
    set(nextDone, nextTotal) {
      if (finished) return
      done = nextDone
      total = Math.max(nextTotal ?? total, done)
      const at = now()
      points.push({ at, done })
      while (points.length > 2 && at - (points[1] as { at: number }).at > RATE_WINDOW_MS) points.shift()
      if (points.length > 1000) points.splice(1, 1)
      if (at - shownAt >= (stream.isTTY ? barEveryMs : logEveryMs)) show(false)
    },
    stop() {
      if (finished) return
      finished = true
      show(true)
    },
  }
}

/** `backfill [######----]  60%  600/1000 blocks  120.0/s  3s left` within the given width. */
export function renderBar(label: string, unit: string, state: ProgressState, columns = 80): string {
  const share = state.total === 0 ? 1 : Math.min(state.done / state.total, 1)
  const eta = state.etaSeconds === null ? '' : `  ${formatDuration(state.etaSeconds)} left`
  const text = `${String(Math.floor(share * 100)).padStart(3)}%  ${state.done}/${state.total} ${unit}  ${state.perSecond.toFixed(1)}/s${eta}`
  const width = Math.max(0, Math.min(30, columns - label.length - text.length - 5))
  const filled = Math.round(share * width)
  const bar = width < 5 ? '' : `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] `
  return `${label} ${bar}${text}`.slice(0, Math.max(columns, 1))
}

/** `45s`, `3m 20s`, `5h 12m`, `3d 4h`. */
export function formatDuration(seconds: number): string {
  const s = Math.ceil(seconds)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`
}
