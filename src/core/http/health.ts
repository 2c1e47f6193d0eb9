import type { FastifyInstance } from 'fastify'
import type { Readiness } from '../lifecycle.js'
import type { Metrics } from '../metrics.js'

/** Liveness, readiness with its reasons, and metrics for Prometheus. */
export function registerHealth(app: FastifyInstance, { metrics, ready }: { metrics: Metrics; ready: () => Promise<Readiness> }): void {
  app.get('/healthz', (_request, reply) => reply.header('cache-control', 'no-store').send({ ok: true }))
  app.get('/readyz', async (_request, reply) => {
    const readiness = await ready()
    return reply
      .code(readiness.ok ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(readiness)
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()))
}
