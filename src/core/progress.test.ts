import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createLogger, silentLog } from './log.js'
import { createMetrics } from './metrics.js'
import { startProgress, formatDuration, renderBar } from './progress.js'

function fakeStream(isTTY: boolean) {
  return Object.assign(new PassThrough(), { isTTY, columns: 80 }) as unknown as NodeJS.WriteStream & PassThrough
}

test('rate and time left come from the last half minute', () => {
  let at = 0
  const progress = startProgress({ log: silentLog, label: 'backfill', total: 10_000, stream: fakeStream(false), now: () => at })
  expect(progress.state()).toMatchObject({ perSecond: 0, etaSeconds: null })
  for (let done = 0; done < 100; done++) {
    at += 1000
    progress.set(done)
  }
  for (let done = 100; done <= 4000; done += 100) {
    at += 1000
    progress.set(done)
  }
  expect(progress.state().perSecond).toBeCloseTo(100, 0)
  expect(progress.state().etaSeconds).toBeCloseTo(60, 0)
})

test('without a terminal, lines are logged now and then and once at the end', () => {
  let at = 0
  const stream = new PassThrough()
  const log = createLogger({ stream })
  const progress = startProgress({ log, label: 'backfill', total: 100, stream: fakeStream(false), logEveryMs: 10_000, now: () => at })
  for (let done = 1; done <= 100; done++) {
    at += 250
    progress.set(done)
  }
  progress.stop()
  progress.stop()
  const lines = String(stream.read())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.map((line) => [line['msg'], line['done']])).toEqual([
    ['progress', 40],
    ['progress', 80],
    ['done', 100],
  ])
  expect(lines[0]).toMatchObject({ job: 'backfill', total: 100, perSecond: 4, eta: '15s' })
})

test('on a terminal one line is redrawn, and given back at the end', () => {
  let at = 0
  const stream = fakeStream(true)
  const progress = startProgress({ log: silentLog, label: 'backfill', total: 10, stream, barEveryMs: 100, now: () => at })
  at = 100
  progress.set(5)
  progress.stop()
  const text = String(stream.read())
  expect(text).toContain('\r\x1b[2Kbackfill [')
  expect(text).toContain('5/10 blocks')
  expect(text.endsWith('\n')).toBe(true)
})

test('the total may grow while the work goes on', () => {
  const progress = startProgress({ log: silentLog, label: 'x', total: 10, stream: fakeStream(false) })
  progress.set(5, 20)
  progress.set(25)
  expect(progress.state()).toMatchObject({ done: 25, total: 25 })
})

test.each([20, 40, 60, 80, 200])('the bar fits a terminal of %i columns', (columns) => {
  const bar = renderBar('backfill', 'blocks', { done: 600, total: 1000, perSecond: 120, etaSeconds: 3.3 }, columns)
  expect(bar.length).toBeLessThanOrEqual(columns)
  if (columns >= 80) expect(bar).toMatch(/^backfill \[#+-+\] +60% {2}600\/1000 blocks {2}120\.0\/s {2}4s left$/)
})

test.each([
  [0.2, '1s'],
  [59, '59s'],
  [200, '3m 20s'],
  [18_720, '5h 12m'],
  [273_600, '3d 4h'],
])('%d seconds are shown as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})

test('each process has a registry of its own', async () => {
  const a = createMetrics()
  const b = createMetrics({ process: true })
  expect(await a.metrics()).toBe('\n')
  expect(await b.metrics()).toContain('process_cpu_user_seconds_total')
})
