import { createMetrics } from '../core/metrics.js'
import type { Readiness } from '../core/lifecycle.js'
import { afterEach, expect, test } from 'vitest'
import { startHealth } from './health.js'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((service) => service.close()))
})

async function health(ready: () => Promise<Readiness>) {
  const service = await startHealth({ host: '127.0.0.1', port: 0, metrics: createMetrics({ process: true }), ready })
  open.push(service)
  return service
}

test('alive, ready with reasons, metrics, and nothing else', async () => {
  let readiness: Readiness = { ok: true }
  const { url } = await health(() => Promise.resolve(readiness))
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  readiness = { ok: false, reasons: ['indexer: 20 blocks behind the head'] }
  const notReady = await fetch(`${url}/readyz?verbose`)
  expect(notReady.status).toBe(503)
  expect(await notReady.json()).toEqual(readiness)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_cpu_user_seconds_total')
  expect((await fetch(`${url}/other`)).status).toBe(404)
})

test('a readiness check that fails is a reason', async () => {
  const { url } = await health(() => Promise.reject(new Error('database gone')))
  const response = await fetch(`${url}/readyz`)
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ ok: false, reasons: ['database gone'] })
})

test('a port that is taken is named', async () => {
  const { url } = await health(() => Promise.resolve({ ok: true }))
  const port = Number(new URL(url).port)
  const second = startHealth({ host: '127.0.0.1', port, metrics: createMetrics(), ready: () => Promise.resolve({ ok: true }) })
  await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining(String(port)) })
})
