import { migrate } from '../store/index.js'
import { openDatabaseOf } from './database.js'
import type { CommandContext } from './run.js'

/** `taogate migrate`: brings the database to this version and ends. */
export async function migrateDatabase(context: CommandContext): Promise<void> {
  const database = await openDatabaseOf(context)
  const { applied } = await migrate(database.pool, context.log.child({ service: 'database' }))
  context.print(applied.length === 0 ? 'the database is up to date' : `applied ${applied.join(', ')}`)
}
