import { migrate, openDatabase, type Database } from '../store/index.js'
import type { CommandContext } from './run.js'

/** The database of the settings, as it is. */
export async function openDatabaseOf({ config, log, life }: CommandContext): Promise<Database> {
  const { url, dataDir, poolSize } = config.database
  const database = await openDatabase({
    url,
    dataDir,
    maxConnections: poolSize,
    log: log.child({ service: 'database' }),
    signal: life.signal,
  })
  return life.add(database)
}

/** The database, brought to this version: for commands that write to it. */
export async function openMigratedDatabase(context: CommandContext): Promise<Database> {
  const database = await openDatabaseOf(context)
  await migrate(database.pool, context.log.child({ service: 'database' }))
  return database
}
