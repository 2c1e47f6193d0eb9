/** Reads the settings once, from four places: flags win over the environment, that over `.env`, that over the file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { AppError, errorMessage } from '../errors.js'
import { MASK } from '../mask.js'
import { listSettings, sectionNames, type Setting } from './list.js'
import { defaultHeadMode, defaultStart } from './networks.js'
import { configSchema, type ParsedConfig } from './schema.js'
import { showValue } from './print.js'
import type { Config } from './types.js'

export interface ConfigSources {
  /** Values from the command line by setting path (`api.port`). */
  flags?: Readonly<Record<string, string | undefined>>
  env?: Readonly<Record<string, string | undefined>>
  /** Path of a JSON file of sections: `{ "api": { "port": 4100 } }`. */
  file?: string | undefined
  /** Folder whose `.env` is read, if there is one. */
  cwd?: string
}

/** A value as it came, and how to name the place it came from. */
interface Given {
  value: unknown
  from: string
}

/** The whole configuration, frozen. Throws one CONFIG_INVALID that lists every problem. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const { flags = {}, env = process.env, cwd = process.cwd() } = sources
  const settings = listSettings()
  const problems: string[] = []
  const file = sources.file === undefined ? {} : readConfigFile(sources.file, settings, problems)
  const dotEnv = readDotEnv(join(cwd, '.env'), problems)

  const given = new Map<string, Given>()
  for (const setting of settings) {
    const value = pick(setting, flags, env, dotEnv, file, sources.file)
    if (value !== undefined) given.set(setting.path, value)
  }
  const parsed = configSchema.safeParse(nest(given))
  if (!parsed.success) {
    const badPaths = new Set(parsed.error.issues.map((issue) => issue.path.slice(0, 2).join('.')))
    for (const setting of settings) {
      const bad = given.get(setting.path)
      if (bad !== undefined && badPaths.has(setting.path))
        problems.push(`${bad.from} is ${shown(setting, bad.value)}; wanted ${setting.wanted}`)
    }
  }
  if (parsed.success) problems.push(...contradictions(parsed.data, given))
  if (!parsed.success || problems.length > 0) {
    throw new AppError('CONFIG_INVALID', `the configuration is wrong:\n${problems.map((p) => `  - ${p}`).join('\n')}`, { problems })
  }
  return freeze(resolve(parsed.data))
}

function pick(
  setting: Setting,
  flags: NonNullable<ConfigSources['flags']>,
  env: NonNullable<ConfigSources['env']>,
  dotEnv: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, unknown>>,
  fileName: string | undefined,
): Given | undefined {
  const flag = flags[setting.path]
  if (flag !== undefined) return { value: flag, from: `--${setting.flag}` }
  // An empty variable is how shells and compose files say "not set".
  if (env[setting.env]) return { value: env[setting.env], from: setting.env }
  if (dotEnv[setting.env]) return { value: dotEnv[setting.env], from: `${setting.env} (in .env)` }
  if (file[setting.path] !== undefined) return { value: file[setting.path], from: `${setting.path} (in ${fileName})` }
  return undefined
}

function nest(given: ReadonlyMap<string, Given>): Record<string, Record<string, unknown>> {
  const nested = Object.fromEntries(sectionNames().map((name) => [name, {}]))
  for (const [path, { value }] of given) {
    const [section = '', key = ''] = path.split('.')
    ;(nested[section] as Record<string, unknown>)[key] = value
  }
  return nested
}

/** What depends on more than one setting. */
function contradictions(config: ParsedConfig, given: ReadonlyMap<string, Given>): string[] {
  const problems: string[] = []
  const { maxPageSize, defaultPageSize } = config.api
  const pageSize = given.get('api.defaultPageSize')
  if (pageSize !== undefined && defaultPageSize > maxPageSize) {
    problems.push(`${pageSize.from} is ${defaultPageSize}; wanted at most MAX_PAGE_SIZE, which is ${maxPageSize}`)
  }
  const { timeoutMs, maxTimeoutMs, netuids } = config.prompt
  const timeout = given.get('prompt.timeoutMs') ?? given.get('prompt.maxTimeoutMs')
  if (timeout !== undefined && timeoutMs > maxTimeoutMs)
    problems.push(`${timeout.from}: PROMPT_TIMEOUT_MS is ${timeoutMs}; wanted at most PROMPT_MAX_TIMEOUT_MS, which is ${maxTimeoutMs}`)
  if (netuids.length === 0) problems.push(`${given.get('prompt.netuids')?.from ?? 'PROMPT_NETUIDS'} names no subnet; wanted one at least`)
  const { start, to } = config.indexer
  const end = given.get('indexer.to')
  if (typeof start === 'number' && to !== undefined && end !== undefined && to < start) {
    problems.push(`${end.from} is ${to}; wanted START (${start}) or a later block`)
  }
  return problems
}

function resolve(parsed: ParsedConfig): Config {
  const { network } = parsed.chain
  return {
    ...parsed,
    indexer: {
      ...parsed.indexer,
      headMode: parsed.indexer.headMode ?? defaultHeadMode(network),
      start: parsed.indexer.start ?? defaultStart(network),
    },
    grpc: { port: parsed.grpc.port ?? besides(parsed.api.port), chosen: parsed.grpc.port !== undefined },
    prompt: { ...parsed.prompt, allowPrivate: parsed.prompt.allowPrivate ?? (network.name === 'devnet' || network.name === 'local') },
    api: { ...parsed.api, defaultPageSize: Math.min(parsed.api.defaultPageSize, parsed.api.maxPageSize) },
  }
}

/** The gRPC port that goes with an HTTP port, so that two copies on one machine need one choice. */
function besides(httpPort: number): number {
  if (httpPort === 0) return 0
  return httpPort + GRPC_OFFSET <= 65_535 ? httpPort + GRPC_OFFSET : httpPort - GRPC_OFFSET
}
const GRPC_OFFSET = 51

function readConfigFile(path: string, settings: readonly Setting[], problems: string[]): Record<string, unknown> {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    problems.push(`--config ${path} cannot be read: ${errorMessage(error)}`)
    return {}
  }
  if (!isObject(content)) {
    problems.push(`--config ${path} holds ${JSON.stringify(content)?.slice(0, 60)}; wanted an object of sections`)
    return {}
  }
  const known = new Set(settings.map((setting) => setting.path))
  const values: Record<string, unknown> = {}
  for (const [section, entries] of Object.entries(content)) {
    if (!isObject(entries)) {
      problems.push(`${section} (in ${path}) is not a section; wanted one of ${sectionNames().join(', ')}, each an object`)
      continue
    }
    for (const [key, value] of Object.entries(entries)) {
      if (known.has(`${section}.${key}`)) values[`${section}.${key}`] = value
      else problems.push(`${section}.${key} (in ${path}) is not a setting; docs/reference/config.md lists them`)
    }
  }
  return values
}

function readDotEnv(path: string, problems: string[]): NodeJS.Dict<string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(`.env cannot be read: ${errorMessage(error)}`)
    return {}
  }
  return parseEnv(text)
}

function shown(setting: Setting, value: unknown): string {
  if (setting.secret !== undefined && typeof value !== 'string') return MASK
  return JSON.stringify(showValue(setting, value))?.slice(0, 200) ?? typeof value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner)
  return Object.freeze(value)
}
