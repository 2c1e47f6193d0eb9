import type { PowConfig } from '../../core/config/index.js'
import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { detectSolvers } from '../solver/detect.js'
import { createPool, type Pool } from '../solver/pool.js'
import type { Order } from './messages.js'

/** The machine's solvers, on one order at a time. */
export type HashPool = Pool<Order>

/** Solvers by the settings; null where they leave none: no threads are wanted, and no GPU is there or wanted. */
export async function createHashPool(
  options: Pick<PowConfig, 'solver' | 'threads' | 'nice'> & { log: Logger; metrics: Metrics },
): Promise<HashPool | null> {
  const { solver, threads, nice, log, metrics } = options
  if (threads !== 0) return createPool<Order>({ solver, threads, nice, log, metrics })
  if (solver !== 'auto' && solver !== 'cuda') return null
  const hasGpu = detectSolvers().some(({ name, available }) => name === 'cuda' && available)
  return hasGpu || solver === 'cuda' ? createPool<Order>({ solver: 'cuda', nice, log, metrics }) : null
}
