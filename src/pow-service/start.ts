import type { ChainReader, RpcClient } from '../chain/index.js'
import type { PowConfig } from '../core/config/index.js'
import { errorMessage } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { Hex } from '../core/records.js'
import type { RegistrationStore } from '../core/registrations.js'
import { parseAccountId } from '../core/units/ss58.js'
import type { Jobs } from '../jobs/index.js'
import { createPowChain } from './chain-port.js'
import type { PowService } from './contract.js'
import { startCoordinator } from './coordinator.js'
import { watchHeads } from './heads.js'
import { createPowMetrics } from './metrics.js'
import type { HashPool } from './power/hash-pool.js'
import { startPower } from './power/power.js'
import type { ProxySender } from './proxy-sender.js'
import { createPowService } from './service.js'

export interface PowOptions {
  config: Pick<PowConfig, 'maxActive' | 'maxSolutions' | 'maxDeadlineHours'>
  rpc: RpcClient
  reader: ChainReader
  genesisHash: Hex
  isLocal: boolean
  store: RegistrationStore
  jobs: Jobs
  /** Solvers of this process; null leaves the solving to workers. */
  pool: HashPool | null
  proxy: ProxySender | null
  metrics: Metrics
  log: Logger
  signal: AbortSignal
}

/** Name of the lock that decides which process drives the registrations of a database. */
const LEADER = 'pow'

/** Serves customers, and drives the registrations unless another process of the same database does; then it stands by. */
export async function startPow(options: PowOptions): Promise<PowService> {
  const { config, rpc, reader, genesisHash, isLocal, store, jobs, pool, proxy, log, signal } = options
  const chain = createPowChain({ reader, isLocal, operator: proxy === null ? null : parseAccountId(proxy.address) })
  const metrics = createPowMetrics(options.metrics)
  const heads = await watchHeads({ rpc, chain, log, signal })
  const stop = new AbortController()
  let failed: string | null = null

  async function drive(lost: AbortSignal): Promise<void> {
    log.info('drives the registrations of this database')
    const coordinator = await startCoordinator({
      ...{ genesisHash, store, bus: jobs.bus, chain, proxy, metrics, log, maxSolutions: config.maxSolutions },
      startPower: (onHit) => startPower({ pool, jobs, log, onHit }),
    })
    const unlisten = heads.listen(coordinator)
    const head = heads.head()
    if (head !== null) coordinator.head(head)
    // Who takes over while the chain is silent has to know.
    coordinator.silent(heads.isSilent())
    await aborted(lost)
    unlisten()
    await coordinator.close()
  }

  const driving = jobs.lead(LEADER, stop.signal, drive).catch((error: unknown) => {
    log.error({ err: error }, 'registrations are not driven any more')
    failed = errorMessage(error)
  })
  const service = await createPowService({
    ...{ genesisHash, store, jobs, chain, metrics, log, head: heads.head, proxyAddress: proxy?.address ?? null },
    limits: { maxActive: config.maxActive, maxDeadlineHours: config.maxDeadlineHours },
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    stop.abort()
    await Promise.all([service.close(), driving])
    await heads.close()
  }
  return {
    ...service,
    ready: async () => (failed === null ? service.ready() : { ok: false, reasons: [`pow service: ${failed}`] }),
    close: () => (closing ??= close()),
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
