/** A small server for services that have no HTTP of their own: liveness, readiness and metrics. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, errorMessage } from '../core/errors.js'
import type { Readiness, Service } from '../core/lifecycle.js'
import type { Metrics } from '../core/metrics.js'

export interface HealthOptions {
  host: string
  port: number
  metrics: Metrics
  ready(): Promise<Readiness>
}

export async function startHealth({ host, port, metrics, ready }: HealthOptions): Promise<Service & { url: string }> {
  async function answer(path: string, response: ServerResponse): Promise<void> {
    if (path === '/healthz') return send(response, 200, 'application/json', '{"ok":true}')
    if (path === '/readyz') {
      const readiness = await ready()
      return send(response, readiness.ok ? 200 : 503, 'application/json', JSON.stringify(readiness))
    }
    if (path === '/metrics') return send(response, 200, metrics.contentType, await metrics.metrics())
    send(response, 404, 'application/json', '{"error":{"code":"NOT_FOUND","message":"wanted /healthz, /readyz or /metrics"}}')
  }
  const server = createServer((request, response) => {
    answer((request.url ?? '').split('?')[0] ?? '', response).catch((error: unknown) => {
      send(response, 503, 'application/json', JSON.stringify({ ok: false, reasons: [errorMessage(error)] }))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(taken ? new AppError('PORT_IN_USE', `port ${port} of ${host} is taken; choose another with --health-port`) : error)
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return {
    name: 'health',
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    ready: () => Promise.resolve({ ok: true }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}
