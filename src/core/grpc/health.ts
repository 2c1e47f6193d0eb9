import { z } from 'zod'
import { AppError } from '../errors.js'
import { sleep, type Readiness } from '../lifecycle.js'
import type { GrpcMethod } from './calls.js'
import type { GrpcService } from './server.js'

export interface HealthDeps {
  /** The services a caller may ask about; the empty name is all of them. */
  names: readonly string[]
  ready(): Promise<Readiness>
  /** How often a watched status is looked at. */
  everyMs?: number
}

type Status = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

const request = z.object({ service: z.string().default('') })

/** The standard health service, which load balancers ask. It needs no key: it says no more than `/readyz`. */
export function healthService({ names, ready, everyMs = 1000 }: HealthDeps): GrpcService {
  async function statusOf(service: string): Promise<Status> {
    if (service !== '' && !names.includes(service)) return 'SERVICE_UNKNOWN'
    const readiness = await ready().catch(() => ({ ok: false }))
    return readiness.ok ? 'SERVING' : 'NOT_SERVING'
  }

  const check: GrpcMethod = {
    async unary(call) {
      const { service } = request.parse(call.request)
      const status = await statusOf(service)
      if (status === 'SERVICE_UNKNOWN')
        throw new AppError('NOT_FOUND', `there is no service "${service.slice(0, 80)}" here; there is ${names.join(', ')}`)
      return { status }
    },
  }
  const watch: GrpcMethod = {
    async *stream(call) {
      const { service } = request.parse(call.request)
      let last: Status | undefined
      while (true) {
        const status = await statusOf(service)
        if (status !== last) yield { status }
        last = status
        await sleep(everyMs, call.signal)
      }
    },
  }
  return { proto: 'grpc/health/v1/health.proto', name: 'grpc.health.v1.Health', methods: { Check: check, Watch: watch } }
}
