import { expect, test } from 'vitest'
import { AppError } from './errors.js'
import { createLifecycle, sleep, type Closable } from './lifecycle.js'
import { silentLog } from './log.js'

function service(name: string, closed: string[], close: () => Promise<void> = () => Promise.resolve()): Closable {
  return {
    name,
    async close() {
      await close()
      closed.push(name)
    },
  }
}

test('services close in reverse start order, each after the one before', async () => {
  const closed: string[] = []
  const life = createLifecycle({ log: silentLog })
  life.add(service('database', closed))
  life.add(service('indexer', closed, () => sleep(20)))
  life.add(service('api', closed))
  const report = await life.stop('test')
  expect(closed).toEqual(['api', 'indexer', 'database'])
  expect(report).toEqual({ reason: 'test', late: [], failed: [] })
})

test('a late service is named and does not keep the others from closing', async () => {
  const closed: string[] = []
  const life = createLifecycle({ log: silentLog, graceMs: 80 })
  life.add(service('database', closed))
  life.add(service('stuck', closed, () => new Promise(() => {})))
  life.add(service('api', closed))
  const startedAt = performance.now()
  expect(await life.stop('test')).toMatchObject({ late: ['stuck'], failed: [] })
  expect(closed).toEqual(['api', 'database'])
  expect(performance.now() - startedAt).toBeLessThan(5000)
})

test('a service that fails to close is reported and the rest still close', async () => {
  const closed: string[] = []
  const life = createLifecycle({ log: silentLog })
  life.add(service('database', closed))
  life.add(service('broken', closed, () => Promise.reject(new Error('no'))))
  expect(await life.stop('test')).toMatchObject({ failed: ['broken'] })
  expect(closed).toEqual(['database'])
})

test('stopping aborts the signal at once, tells the first reason, and happens once', async () => {
  const closed: string[] = []
  const life = createLifecycle({ log: silentLog })
  life.add(service('only', closed, () => sleep(10)))
  const first = life.stop('first')
  expect(life.signal.aborted).toBe(true)
  expect(life.signal.reason).toMatchObject({ code: 'ABORTED' })
  expect(await life.stop('second')).toBe(await first)
  expect(await life.stopping).toBe('first')
  expect(closed).toEqual(['only'])
})

test('a service that starts while stopping is closed and refused', async () => {
  const closed: string[] = []
  const life = createLifecycle({ log: silentLog })
  await life.stop('test')
  expect(() => life.add(service('tardy', closed))).toThrow(AppError)
  await sleep(0)
  expect(closed).toEqual(['tardy'])
})

test('readiness gathers the reasons of all services, thrown errors included', async () => {
  const life = createLifecycle({ log: silentLog })
  const close = () => Promise.resolve()
  life.add({ name: 'fine', close, ready: () => Promise.resolve({ ok: true }) })
  expect(await life.ready()).toEqual({ ok: true })
  life.add({ name: 'lagging', close, ready: () => Promise.resolve({ ok: false, reasons: ['12 blocks behind'] }) })
  life.add({ name: 'database', close, ready: () => Promise.reject(new Error('refused')) })
  expect(await life.ready()).toEqual({ ok: false, reasons: ['12 blocks behind', 'database: refused'] })
})

test('sleep ends early with the reason of the signal', async () => {
  const controller = new AbortController()
  const asleep = sleep(60_000, controller.signal)
  controller.abort(new AppError('ABORTED', 'stop'))
  await expect(asleep).rejects.toMatchObject({ code: 'ABORTED', message: 'stop' })
  await expect(sleep(60_000, controller.signal)).rejects.toMatchObject({ message: 'stop' })
})
