export { openDatabase, createPool, type Database, type DatabaseOptions } from './database.js'
export { migrate } from './migrate.js'
export * from './write/index.js'
