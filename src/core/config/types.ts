import type { HeadMode, StartAt } from './networks.js'
import type { ParsedConfig } from './schema.js'

export type DatabaseConfig = Readonly<ParsedConfig['database']>
export type ChainConfig = Readonly<ParsedConfig['chain']>
export type IndexerConfig = Readonly<Omit<ParsedConfig['indexer'], 'headMode' | 'start'> & { headMode: HeadMode; start: StartAt }>
export type ApiConfig = Readonly<ParsedConfig['api']>
export type DevnetConfig = Readonly<ParsedConfig['devnet']>
export type QueueConfig = Readonly<ParsedConfig['queue']>
export type AccessConfig = Readonly<ParsedConfig['access']>
export type GrpcConfig = Readonly<
  Omit<ParsedConfig['grpc'], 'port'> & { port: number; /** Whether the user chose the port. */ chosen: boolean }
>
export type PowConfig = Readonly<ParsedConfig['pow']>
export type PromptConfig = Readonly<Omit<ParsedConfig['prompt'], 'allowPrivate'> & { allowPrivate: boolean }>
export type LogConfig = Readonly<ParsedConfig['log']>

export interface Config {
  readonly database: DatabaseConfig
  readonly chain: ChainConfig
  readonly indexer: IndexerConfig
  readonly api: ApiConfig
  readonly devnet: DevnetConfig
  readonly queue: QueueConfig
  readonly access: AccessConfig
  readonly grpc: GrpcConfig
  readonly pow: PowConfig
  readonly prompt: PromptConfig
  readonly client: Readonly<ParsedConfig['client']>
  readonly log: LogConfig
}
