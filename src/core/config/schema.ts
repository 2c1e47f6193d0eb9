/**
 * Every setting there is: its name in the environment and on the command line, its type, default and meaning. The reference page,
 * `.env.example`, the flags of each command and the error texts are all made from this file.
 */
import { z } from 'zod'
import { LOG_LEVELS } from '../log.js'
import { NETWORK_WANTED, networkSchema } from './networks.js'
import { prompt } from './prompt-schema.js'
import { count, flag, integer, integerWanted, setting, urlOf } from './settings.js'

const MAX_INT = 2_147_483_647

const database = z.object({
  url: setting(urlOf('postgres', 'postgresql').optional(), {
    env: 'DATABASE_URL',
    flag: 'database-url',
    about: 'PostgreSQL 14 or later that holds the index. Absent: a PostgreSQL of its own, run from the data folder.',
    wanted: 'a postgres:// URL',
    defaultText: 'embedded PostgreSQL in the data folder',
    secret: 'url',
    example: 'postgres://taogate:secret@127.0.0.1:5432/taogate',
  }),
  dataDir: setting(z.string().min(1).default('.taogate'), {
    env: 'DATA_DIR',
    flag: 'data-dir',
    about: 'Folder for the embedded database and the devnet. Give each copy on one machine its own.',
    wanted: 'a path',
  }),
  poolSize: count(10, 1, 1000, {
    env: 'DATABASE_POOL_SIZE',
    flag: 'database-pool-size',
    about: 'Most connections to the database; indexer and API of one process have that many each.',
  }),
})

const chain = z.object({
  network: setting(networkSchema.prefault('devnet'), {
    env: 'CHAIN',
    flag: 'chain',
    about: 'The chain to read: a name or node URLs. Several URLs, separated by commas, are used in turn when one fails.',
    wanted: NETWORK_WANTED,
    secret: 'url',
    example: 'finney',
  }),
  rpcMaxInFlight: count(256, 1, 10_000, {
    env: 'RPC_MAX_IN_FLIGHT',
    flag: 'rpc-max-in-flight',
    about: 'Most requests that wait for an answer of one node at a time.',
  }),
  rpcTimeoutMs: count(30_000, 100, 600_000, {
    env: 'RPC_TIMEOUT_MS',
    flag: 'rpc-timeout-ms',
    about: 'How long one request to a node may take, in milliseconds.',
  }),
})

const indexer = z.object({
  headMode: setting(z.enum(['finalized', 'best']).optional(), {
    env: 'HEAD_MODE',
    flag: 'head-mode',
    about: '`finalized` stores only blocks that cannot be undone; `best` stores new blocks at once and undoes those that lose a fork.',
    wanted: 'finalized or best',
    defaultText: '`best` on devnet and local, `finalized` otherwise',
  }),
  start: setting(z.union([z.enum(['genesis', 'head']), integer(0, MAX_INT)]).optional(), {
    env: 'START',
    flag: 'start',
    about: 'Where an empty index begins. A number or `head` reads the whole state there first. Ignored once something is stored.',
    wanted: 'genesis, head or a block number',
    defaultText: '`head` on finney and test, `genesis` otherwise',
  }),
  to: setting(integer(0, MAX_INT).optional(), {
    env: 'TO',
    flag: 'to',
    about: 'Stop after this block and exit. For scripts.',
    wanted: 'a block number',
    defaultText: 'follow the head for ever',
  }),
  batchBlocks: count(64, 1, 4096, {
    env: 'BATCH_BLOCKS',
    flag: 'batch-blocks',
    about:
      'Most blocks written in one transaction while catching up. With 1 the sums of the index are taken at every block that has network totals, ' +
      'as they are near the head in any case.',
  }),
  fetchConcurrency: count(4, 1, 256, {
    env: 'FETCH_CONCURRENCY',
    flag: 'fetch-concurrency',
    about: 'Batches read side by side while catching up. More hides the latency of a far node and costs memory.',
  }),
  statsEvery: count(128, 1, 1_000_000, {
    env: 'STATS_EVERY',
    flag: 'stats-every',
    about:
      'Network totals are stored every this many blocks, besides those of every block with an epoch. The sums of the index that belong beside them ' +
      'are taken where such a block ends a batch: near the head everywhere, while catching up where this is a multiple of BATCH_BLOCKS.',
  }),
  healthPort: count(4001, 0, 65_535, {
    env: 'HEALTH_PORT',
    flag: 'health-port',
    about: 'Port of `/healthz`, `/readyz` and `/metrics` when the indexer runs alone. 0 picks a free one.',
  }),
  balanceSampleEvery: count(100, 1, 1_000_000, {
    env: 'BALANCE_SAMPLE_EVERY',
    flag: 'balance-sample-every',
    about: 'Balances that no event announces, such as those of accounts that only earn, get a point of history every this many blocks.',
  }),
})

const api = z.object({
  host: setting(z.string().min(1).default('127.0.0.1'), {
    env: 'HOST',
    flag: 'host',
    about: 'Interface the HTTP server listens on. 0.0.0.0 for all.',
    wanted: 'an IP address or host name',
  }),
  port: count(4000, 0, 65_535, { env: 'PORT', flag: 'port', about: 'Port of the HTTP server. 0 picks a free one.' }),
  maxDepth: count(11, 1, 100, { env: 'MAX_DEPTH', flag: 'max-depth', about: 'Deepest nesting a GraphQL query may have.' }),
  maxCost: count(50_000, 1, MAX_INT, {
    env: 'MAX_COST',
    flag: 'max-cost',
    about: 'Highest cost a GraphQL query may have; a list costs its page size times what it selects.',
  }),
  maxAliases: count(30, 0, 10_000, { env: 'MAX_ALIASES', flag: 'max-aliases', about: 'Most aliases in one GraphQL document.' }),
  maxRootFields: count(20, 1, 10_000, { env: 'MAX_ROOT_FIELDS', flag: 'max-root-fields', about: 'Most root fields in one operation.' }),
  maxTokens: count(2000, 10, 1_000_000, { env: 'MAX_TOKENS', flag: 'max-tokens', about: 'Most tokens in one GraphQL document.' }),
  maxBodyBytes: count(65_536, 1024, 16_777_216, {
    env: 'MAX_BODY_BYTES',
    flag: 'max-body-bytes',
    about: 'Largest request body, in bytes.',
  }),
  maxPageSize: count(100, 1, 10_000, { env: 'MAX_PAGE_SIZE', flag: 'max-page-size', about: 'Most rows of one list a query may ask for.' }),
  defaultPageSize: count(100, 1, 10_000, {
    env: 'DEFAULT_PAGE_SIZE',
    flag: 'default-page-size',
    about: 'Rows of a list whose size the query does not say. At most MAX_PAGE_SIZE.',
  }),
  maxOffset: count(10_000, 0, MAX_INT, {
    env: 'MAX_OFFSET',
    flag: 'max-offset',
    about: 'Largest `offset`; cursors go as far as one likes at the same price.',
  }),
  queryTimeoutMs: count(10_000, 10, 600_000, {
    env: 'QUERY_TIMEOUT_MS',
    flag: 'query-timeout-ms',
    about: 'How long one request may take, database included, in milliseconds.',
  }),
})

const devnet = z.object({
  host: setting(z.string().min(1).default('127.0.0.1'), {
    env: 'DEVNET_HOST',
    flag: 'devnet-host',
    about: 'Interface the built-in chain listens on.',
    wanted: 'an IP address or host name',
  }),
  port: setting(integer(0, 65_535).optional(), {
    env: 'DEVNET_PORT',
    flag: 'devnet-port',
    about: 'Port of the built-in chain. 0 picks a free one.',
    wanted: integerWanted(0, 65_535),
    defaultText: '9944 for `taogate devnet`, a free one for `taogate up`',
  }),
  blockMs: count(3000, 10, 3_600_000, {
    env: 'DEVNET_BLOCK_MS',
    flag: 'devnet-block-ms',
    about: 'Time between two blocks of the built-in chain, in milliseconds.',
  }),
  seed: setting(z.union([z.string().min(1), z.number().transform(String)]).default('taogate'), {
    env: 'DEVNET_SEED',
    flag: 'devnet-seed',
    about: 'The same seed gives the same cast of accounts and the same traffic.',
    wanted: 'some text',
  }),
  subnets: count(2, 1, 32, { env: 'DEVNET_SUBNETS', flag: 'devnet-subnets', about: 'Subnets of the built-in chain.' }),
  neurons: count(32, 1, 256, {
    env: 'DEVNET_NEURONS',
    flag: 'devnet-neurons',
    about: 'Places in each subnet of the built-in chain, which its cast fills.',
  }),
})

const queue = z.object({
  redisUrl: setting(urlOf('redis', 'rediss').optional(), {
    env: 'REDIS_URL',
    flag: 'redis-url',
    about:
      'Redis 6.2 or later, for the queue between services and workers on other machines, and for limits that several instances share. Absent: PostgreSQL ' +
      'carries the queue, and each instance counts for itself.',
    wanted: 'a redis:// or rediss:// URL',
    defaultText: 'none',
    secret: 'url',
    example: 'redis://:secret@127.0.0.1:6379',
  }),
  prefix: setting(
    z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,29}$/)
      .default('taogate'),
    {
      env: 'QUEUE_PREFIX',
      flag: 'queue-prefix',
      about: 'Keeps several programs on one Redis or PostgreSQL apart; the same for a service and its workers.',
      wanted: 'up to 30 lower-case letters, digits and underscores, a letter first',
    },
  ),
})

const access = z.object({
  open: setting(flag().optional(), {
    env: 'OPEN',
    flag: 'open',
    about: 'Whether the registration service and the prompt API answer without an API key.',
    wanted: 'true or false',
    isSwitch: true,
    defaultText: 'on the devnet, for callers of the same machine',
  }),
  requestsPerMinute: count(120, 1, 1_000_000, {
    env: 'REQUESTS_PER_MINUTE',
    flag: 'requests-per-minute',
    about: 'Requests of one API key in a minute, where the key itself does not say.',
  }),
})

const grpc = z.object({
  port: setting(integer(0, 65_535).optional(), {
    env: 'GRPC_PORT',
    flag: 'grpc-port',
    about: 'Port of the gRPC server. 0 picks a free one.',
    wanted: integerWanted(0, 65_535),
    defaultText: 'PORT + 51, or a free one where that is taken or PORT is 0',
  }),
})

const pow = z.object({
  solver: setting(z.enum(['auto', 'cuda', 'avx512', 'avx2', 'portable', 'wasm']).default('auto'), {
    env: 'POW_SOLVER',
    flag: 'solver',
    about: '`auto` takes every GPU, and on the CPU the fastest code it can run. Each is tested before it is used.',
    wanted: 'auto, cuda, avx512, avx2, portable or wasm',
  }),
  threads: setting(integer(0, 1024).optional(), {
    env: 'POW_THREADS',
    flag: 'pow-threads',
    about: 'CPU threads that solve. 0 leaves the solving to GPUs or to workers on other machines.',
    wanted: integerWanted(0, 1024),
    defaultText: 'one for each core',
  }),
  nice: count(10, 0, 19, {
    env: 'POW_NICE',
    flag: 'pow-nice',
    about: 'How much the solving threads stand back behind everything else on the machine.',
  }),
  maxActive: count(10, 1, 100_000, {
    env: 'POW_MAX_ACTIVE',
    flag: 'pow-max-active',
    about: 'Registrations one customer may have under way, where the API key does not say.',
  }),
  maxSolutions: count(20, 1, 10_000, {
    env: 'POW_MAX_SOLUTIONS',
    flag: 'pow-max-solutions',
    about: 'Solutions a registration gets without one being used, before it is given up.',
  }),
  maxDeadlineHours: count(48, 1, 8760, {
    env: 'POW_MAX_DEADLINE_HOURS',
    flag: 'pow-max-deadline-hours',
    about: 'How long a registration is pursued at most, in hours.',
  }),
  proxyKeyFile: setting(z.string().min(1).optional(), {
    env: 'POW_PROXY_KEY_FILE',
    flag: 'pow-proxy-key-file',
    about: 'Key file of the account that customers make their Registration proxy. Absent: no proxy mode.',
    wanted: 'a path',
    defaultText: 'none',
  }),
})

const client = z.object({
  serviceUrl: setting(urlOf('http', 'https').default('http://127.0.0.1:4000'), {
    env: 'SERVICE_URL',
    flag: 'service',
    about: 'The registration service that `pow-submit` and `register` ask.',
    wanted: 'an http:// or https:// URL',
  }),
  apiKey: setting(z.string().min(1).optional(), {
    env: 'API_KEY',
    flag: 'api-key',
    about: 'API key for that service. In the environment or the config file it is seen by fewer eyes than on the command line.',
    wanted: 'a key',
    defaultText: 'none',
    secret: 'whole',
  }),
})

const log = z.object({
  level: setting(z.enum(LOG_LEVELS).default('info'), {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    about: 'Least important lines that are written.',
    wanted: `one of ${LOG_LEVELS.join(', ')}`,
  }),
  format: setting(z.enum(['auto', 'json', 'pretty']).default('auto'), {
    env: 'LOG_FORMAT',
    flag: 'log-format',
    about: '`auto` writes readable lines on a terminal and JSON lines otherwise.',
    wanted: 'auto, json or pretty',
  }),
})

export const configSchema = z.object({ database, chain, indexer, api, devnet, queue, access, grpc, pow, prompt, client, log })

export const SECTION_TITLES: Record<SectionName, string> = {
  database: 'Database',
  chain: 'Chain',
  indexer: 'Indexer',
  api: 'API',
  devnet: 'Devnet',
  queue: 'Queue',
  access: 'Access',
  grpc: 'gRPC',
  pow: 'Proof of work',
  prompt: 'Prompts',
  client: 'Customer commands',
  log: 'Log',
}

export type ParsedConfig = z.output<typeof configSchema>
export type SectionName = keyof ParsedConfig
