import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../errors.js'
import { listSettings } from './list.js'
import { loadConfig, type ConfigSources } from './load.js'
import { printConfig } from './print.js'
import { renderConfigReference, renderEnvExample } from './render.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'taogate-config-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function load(sources: ConfigSources = {}) {
  return loadConfig({ env: {}, cwd: dir, ...sources })
}

function problemsOf(sources: ConfigSources): string[] {
  try {
    load(sources)
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') return error.detail['problems'] as string[]
    throw error
  }
  throw new Error('the configuration was accepted')
}

function file(name: string, content: unknown): string {
  const path = join(dir, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('nothing needs to be set', () => {
  const config = load()
  expect(config.database.url).toBeUndefined()
  expect(config).toMatchObject({
    database: { dataDir: '.taogate' },
    chain: { network: { name: 'devnet', endpoints: [] } },
    indexer: { headMode: 'best', start: 'genesis', batchBlocks: 64 },
    api: { host: '127.0.0.1', port: 4000, maxDepth: 11, maxPageSize: 100 },
    devnet: { blockMs: 3000, subnets: 2, neurons: 32 },
    log: { level: 'info' },
  })
})

test('flags win over the environment, that over .env, that over the file, that over the defaults', () => {
  const path = file('config.json', { api: { port: 1, maxDepth: 2, maxTokens: 30, maxAliases: 4 } })
  file('.env', 'PORT=10\nMAX_DEPTH=20\nMAX_TOKENS=300\n')
  const config = load({ file: path, env: { PORT: '100', MAX_DEPTH: '50' }, flags: { 'api.port': '1000' } })
  expect(config.api).toMatchObject({ port: 1000, maxDepth: 50, maxTokens: 300, maxAliases: 4, maxRootFields: 20 })
})

test('an empty variable counts as not set', () => {
  const config = load({ env: { PORT: '', DATABASE_URL: '' } })
  expect(config.api.port).toBe(4000)
  expect(config.database.url).toBeUndefined()
})

test('all problems are told at once: the name, what came and what was wanted', () => {
  const path = file('config.json', { api: { maxDepth: 'deep', prot: 1 }, apy: 3, log: { level: 'loud' } })
  const problems = problemsOf({
    file: path,
    env: { PORT: 'abc', CHAIN: 'kusama', START: 'soon', DATABASE_URL: 'mysql://u:hunter2@h/d' },
    flags: { 'indexer.to': '-1' },
  })
  expect(problems).toEqual([
    `api.prot (in ${path}) is not a setting; docs/reference/config.md lists them`,
    `apy (in ${path}) is not a section; wanted one of database, chain, indexer, api, devnet, queue, access, grpc, pow, prompt, client, log, each an object`,
    'DATABASE_URL is "mysql://u:***@h/d"; wanted a postgres:// URL',
    'CHAIN is "kusama"; wanted devnet, finney, test, local, or one or more ws:// or wss:// URLs separated by commas',
    'START is "soon"; wanted genesis, head or a block number',
    '--to is "-1"; wanted a block number',
    'PORT is "abc"; wanted a whole number from 0 to 65535',
    `api.maxDepth (in ${path}) is "deep"; wanted a whole number from 1 to 100`,
    `log.level (in ${path}) is "loud"; wanted one of trace, debug, info, warn, error, fatal, silent`,
  ])
})

test.each(['1e3', '0x10', ' ', '1.5', 'NaN', '-0.1', '65536', 'true'])('PORT=%j is refused', (text) => {
  expect(problemsOf({ env: { PORT: text } })).toHaveLength(1)
})

test('booleans and null in a file are not taken for numbers', () => {
  expect(problemsOf({ file: file('a.json', { api: { port: true, maxDepth: null } }) })).toHaveLength(2)
})

test.each([
  ['missing.json', undefined, 'cannot be read'],
  ['broken.json', '{"api":', 'cannot be read'],
  ['list.json', '[1]', 'wanted an object of sections'],
])('%s is a problem, not a crash', (name, content, problem) => {
  const path = content === undefined ? join(dir, name) : file(name, content)
  expect(problemsOf({ file: path })).toEqual([expect.stringContaining(problem)])
})

test('settings that contradict each other are problems', () => {
  expect(problemsOf({ env: { START: '100', TO: '99', DEFAULT_PAGE_SIZE: '50', MAX_PAGE_SIZE: '20' } })).toEqual([
    'DEFAULT_PAGE_SIZE is 50; wanted at most MAX_PAGE_SIZE, which is 20',
    'TO is 99; wanted START (100) or a later block',
  ])
})

test('a smaller MAX_PAGE_SIZE alone lowers the default page with it', () => {
  expect(load({ env: { MAX_PAGE_SIZE: '20' } }).api).toMatchObject({ maxPageSize: 20, defaultPageSize: 20 })
})

test.each([
  ['devnet', 'devnet', 'best', 'genesis'],
  ['local', 'local', 'best', 'genesis'],
  ['finney', 'finney', 'finalized', 'head'],
  ['test', 'test', 'finalized', 'head'],
  ['ws://127.0.0.1:9000', 'custom', 'finalized', 'genesis'],
])('CHAIN=%s means %s with head mode %s from %s', (chain, name, headMode, start) => {
  const config = load({ env: { CHAIN: chain } })
  expect(config.chain.network.name).toBe(name)
  expect(config.indexer).toMatchObject({ headMode, start })
})

test('several node URLs are kept in order', () => {
  expect(load({ env: { CHAIN: 'wss://a.example, ws://b.example:9944' } }).chain.network.endpoints).toEqual([
    'wss://a.example',
    'ws://b.example:9944',
  ])
  expect(problemsOf({ env: { CHAIN: 'wss://a.example,finney' } })).toHaveLength(1)
})

test('the result is frozen all the way down', () => {
  const config = load()
  expect(() => Object.assign(config.api, { port: 1 })).toThrow(TypeError)
  expect(() => Object.assign(config.chain.network, { name: 'finney' })).toThrow(TypeError)
})

test('what is printed masks every secret and can be loaded again', () => {
  const config = load({
    env: { DATABASE_URL: 'postgres://u:hunter2@h/d', REDIS_URL: 'redis://:hunter2@h', CHAIN: 'wss://a.example/?key=hunter2' },
  })
  const printed = printConfig(config)
  expect(printed).not.toContain('hunter2')
  expect(printed).toContain('postgres://u:***@h/d')
  const plain = printConfig(load({ env: { CHAIN: 'ws://127.0.0.1:9000', PORT: '4100' } }))
  const again = load({ file: file('printed.json', withoutNulls(plain)) })
  expect(printConfig(again)).toBe(plain)
})

test('names of flags and variables are unique, and every setting has a sentence', () => {
  const settings = listSettings()
  expect(new Set(settings.map((s) => s.env)).size).toBe(settings.length)
  expect(new Set(settings.map((s) => s.flag)).size).toBe(settings.length)
  for (const { about } of settings) expect(about).toMatch(/\.$/)
})

test('docs/reference/config.md and .env.example are what the schema says; `npm run docs` renews them', () => {
  const root = new URL('../../../', import.meta.url)
  expect(readFileSync(new URL('docs/reference/config.md', root), 'utf8')).toBe(renderConfigReference())
  expect(readFileSync(new URL('.env.example', root), 'utf8')).toBe(renderEnvExample())
})

test('.env.example, uncommented, is a configuration', () => {
  const text = renderEnvExample().replace(/^#(?=[A-Z_]+=)/gm, '')
  file('.env', text)
  expect(load()).toMatchObject({ chain: { network: { name: 'finney' } }, api: { port: 4000 } })
})

function withoutNulls(json: string): unknown {
  return JSON.parse(json, (_key, value: unknown) => value ?? undefined)
}

test('lists are read from text and from the arrays of a file, and shown in a form that can be read again', () => {
  const env = { PROMPT_NETUIDS: ' 1, 18', PROMPT_PROTOCOLS: '4=epistula,18=http', PROMPT_SYNAPSES: '18=Chat:roles+messages/StreamChat' }
  const { prompt } = load({ env })
  expect(prompt.netuids).toEqual([1, 18])
  expect(prompt.protocols).toEqual([
    { netuid: 4, value: 'epistula' },
    { netuid: 18, value: 'http' },
  ])
  const shown = JSON.parse(printConfig(load({ env }))) as { prompt: Record<string, unknown> }
  const { netuids, protocols, synapses } = shown.prompt
  expect(load({ file: file('lists.json', { prompt: { netuids, protocols, synapses } }) }).prompt).toEqual(prompt)
  expect(problemsOf({ env: { PROMPT_NETUIDS: '1,x' } })[0]).toBe(
    'PROMPT_NETUIDS is "1,x"; wanted netuids from 0 to 65535, separated by commas',
  )
  for (const bad of ['4=telnet', '65536=http', '4', '=http'])
    expect(problemsOf({ env: { PROMPT_PROTOCOLS: bad } })[0], bad).toMatch(/^PROMPT_PROTOCOLS is .*wanted netuid=protocol pairs/)
  expect(problemsOf({ env: { PROMPT_SYNAPSES: '18=../x' } })[0]).toMatch(/^PROMPT_SYNAPSES is/)
  expect(problemsOf({ env: { PROMPT_NETUIDS: ',' } })[0]).toBe('PROMPT_NETUIDS names no subnet; wanted one at least')
})

test('private addresses are dialled on chains of this machine only, unless the settings say so', () => {
  expect(load().prompt.allowPrivate).toBe(true)
  expect(load({ env: { CHAIN: 'finney' } }).prompt.allowPrivate).toBe(false)
  expect(load({ env: { CHAIN: 'wss://node.example:443' } }).prompt.allowPrivate).toBe(false)
  expect(load({ env: { CHAIN: 'finney', PROMPT_ALLOW_PRIVATE: 'yes' } }).prompt.allowPrivate).toBe(true)
})
