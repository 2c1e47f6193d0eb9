import { AppError } from '../core/errors.js'
import { startPowWorker } from '../pow-service/index.js'
import { openDatabaseOf } from './database.js'
import { openJobsOn, openPool } from './pow.js'
import type { CommandContext } from './run.js'

/** `taogate pow-worker`: lends this machine's solvers to the registration service that uses the same Redis or PostgreSQL. */
export async function powWorker(context: CommandContext): Promise<void> {
  const { config, log, life, print } = context
  const pool = await openPool(context)
  if (pool === null) throw new AppError('CONFIG_INVALID', 'this worker would solve nothing: POW_THREADS is 0 and no GPU is used')
  // On Redis a worker needs no database.
  const databaseUrl = config.queue.redisUrl === undefined ? (await openDatabaseOf(context)).url : undefined
  const jobs = await openJobsOn(context, databaseUrl)
  life.add(await startPowWorker({ pool, jobs, log: log.child({ service: 'pow' }) }))
  print(`Solving for the service behind ${jobs.backend === 'redis' ? 'Redis' : 'PostgreSQL'} with ${pool.devices().length} solvers`)
  await life.stopping
}
