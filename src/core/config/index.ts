export { environment } from './environment.js'
export { listSettings, type Setting } from './list.js'
export { loadConfig, type ConfigSources } from './load.js'
export { type HeadMode, type Network, type NetworkName, type StartAt } from './networks.js'
export { printConfig } from './print.js'
export { renderConfigReference, renderEnvExample } from './render.js'
export type {
  AccessConfig,
  ApiConfig,
  ChainConfig,
  Config,
  DatabaseConfig,
  DevnetConfig,
  GrpcConfig,
  IndexerConfig,
  LogConfig,
  PowConfig,
  PromptConfig,
  QueueConfig,
} from './types.js'
