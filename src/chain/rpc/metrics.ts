import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'

export type RpcOutcome = 'ok' | 'refused' | 'timeout' | 'lost' | 'invalid' | 'aborted'

export interface RpcMetrics {
  settled(method: string, outcome: RpcOutcome): void
  answered(method: string, seconds: number): void
  retried(reason: RpcOutcome): void
  reconnected(): void
  bytes(received: number, sent: number): void
  /** Hands on what was counted since the last call. Counting in between costs no look-up by label, and there are thousands a second. */
  flush(inFlight: number): void
}

/** The metrics of the RPC clients of one process; several clients may share a registry. */
export function createRpcMetrics(registry: Metrics | undefined): RpcMetrics {
  if (registry === undefined) return SILENT
  const requests = shared(registry, 'tao_chain_rpc_requests_total', (name) => {
    return new Counter({ name, help: 'Requests to nodes by how they ended.', labelNames: ['method', 'outcome'], registers: [registry] })
  })
  const seconds = shared(registry, 'tao_chain_rpc_seconds', (name) => {
    const buckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
    return new Histogram({
      name,
      help: 'Seconds from writing a request to its answer.',
      labelNames: ['method'],
      buckets,
      registers: [registry],
    })
  })
  const retries = shared(registry, 'tao_chain_rpc_retries_total', (name) => {
    return new Counter({ name, help: 'Requests sent again, by what went wrong before.', labelNames: ['reason'], registers: [registry] })
  })
  const traffic = shared(registry, 'tao_chain_rpc_bytes_total', (name) => {
    return new Counter({ name, help: 'Bytes of messages from (in) and to (out) nodes.', labelNames: ['direction'], registers: [registry] })
  })
  const reconnects = shared(registry, 'tao_chain_rpc_reconnects_total', (name) => {
    return new Counter({ name, help: 'Connections to nodes beyond the first.', registers: [registry] })
  })
  const underWay = shared(registry, 'tao_chain_rpc_in_flight_requests', (name) => {
    return new Gauge({ name, help: 'Requests written to nodes and not yet answered.', registers: [registry] })
  })

  const counts = new Map<string, Map<RpcOutcome, number>>()
  const timers = new Map<string, { observe(seconds: number): void }>()
  let received = 0
  let sent = 0
  let shownInFlight = 0

  return {
    settled(method, outcome) {
      let ofMethod = counts.get(method)
      if (ofMethod === undefined) counts.set(method, (ofMethod = new Map<RpcOutcome, number>()))
      ofMethod.set(outcome, (ofMethod.get(outcome) ?? 0) + 1)
    },
    answered(method, value) {
      let timer = timers.get(method)
      if (timer === undefined) timers.set(method, (timer = seconds.labels(method)))
      timer.observe(value)
    },
    retried: (reason) => retries.inc({ reason }),
    reconnected: () => reconnects.inc(),
    bytes(more, moreSent) {
      received += more
      sent += moreSent
    },
    flush(inFlight) {
      for (const [method, ofMethod] of counts) {
        for (const [outcome, count] of ofMethod) requests.inc({ method, outcome }, count)
        ofMethod.clear()
      }
      traffic.inc({ direction: 'in' }, received)
      traffic.inc({ direction: 'out' }, sent)
      received = sent = 0
      underWay.inc(inFlight - shownInFlight)
      shownInFlight = inFlight
    },
  }
}

function shared<M>(registry: Metrics, name: string, make: (name: string) => M): M {
  return (registry.getSingleMetric(name) as M | undefined) ?? make(name)
}

const SILENT: RpcMetrics = {
  settled: () => {},
  answered: () => {},
  retried: () => {},
  reconnected: () => {},
  bytes: () => {},
  flush: () => {},
}
