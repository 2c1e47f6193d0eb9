/** The commands and their flags. Each command's wiring is loaded only when it runs, so that help and errors come at once. */
import { Command, CommanderError, Option } from 'commander'
import { SCOPES } from '../core/api-keys.js'
import { AppError } from '../core/errors.js'
import { addSettings, readFlags, settingsOf, type SettingNames } from './flags.js'
import { EXIT_OK, EXIT_USAGE, reportFailure, runCommand, type CommandContext } from './run.js'
import { readVersion } from './version.js'

const DATABASE = ['database.url', 'database.dataDir', 'database.poolSize']
const LOG = ['log.level', 'log.format']
const CHAIN = settingsOf('chain')
const INDEXER = settingsOf('indexer').filter((path) => path !== 'indexer.healthPort')
const HISTORY = ['batchBlocks', 'fetchConcurrency', 'statsEvery', 'balanceSampleEvery'].map((key) => `indexer.${key}`)
const API = settingsOf('api')
/** The built-in chain's own command needs no prefix to its flags. */
const SOLVERS = ['pow.solver', 'pow.threads', 'pow.nice']
const QUEUE = settingsOf('queue')
/** What the services that customers use have beside an HTTP server. */
const GATEWAY = [...QUEUE, ...settingsOf('access'), ...settingsOf('grpc')]
const POW = settingsOf('pow')
const PROMPT = settingsOf('prompt')
const SERVER = ['api.host', 'api.port', 'api.maxBodyBytes']
/** The customer's commands keep what they sent in the data folder. */
const CUSTOMER = [...settingsOf('client'), ...CHAIN, 'database.dataDir', ...LOG]
/** What decides the accounts of the built-in chain. */
const CAST = ['devnet.seed', 'devnet.subnets', 'devnet.neurons']
const DEVNET_SHORT: SettingNames = Object.fromEntries(settingsOf('devnet').map((path) => [path, (flag) => flag.replace(/^devnet-/, '')]))

/** Runs one command line to its end and tells the exit status: 0, 1 for a failure, 2 for wrong usage or settings. */
export async function runCli(args: readonly string[]): Promise<number> {
  let status = EXIT_OK
  const program = createProgram((code) => (status = code))
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // Commander has printed its own message; help and version end this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    return reportFailure(error)
  }
}

/** The program with all commands; `setStatus` receives the exit status of the command that ran. */
export function createProgram(setStatus: (code: number) => void = () => {}): Command {
  const program = new Command('taogate')
    .description(
      'Reads a subtensor chain into PostgreSQL and serves it as GraphQL; registers neurons, and passes prompts to validators, as a service.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpCommand(false)
    .showHelpAfterError('(--help lists the flags)')
    .exitOverride()
  // Commands copy these settings from the program, so they come first.
  const add = (definition: CommandDefinition): Command => addCommand(program, definition, setStatus)

  add({
    name: 'up',
    about: 'run everything in one process, with a database and a chain of its own where none is given (the default)',
    settings: [...DATABASE, ...CHAIN, ...INDEXER, ...API, ...GATEWAY, ...POW, ...PROMPT, ...settingsOf('devnet'), ...LOG],
    isDefault: true,
    run: async (context) => (await import('./up.js')).up(context),
  })
  add({
    name: 'indexer',
    about: 'run the indexer alone',
    settings: [...DATABASE, ...CHAIN, ...INDEXER, 'indexer.healthPort', ...LOG],
    run: async (context) => (await import('./indexer.js')).indexer(context),
  })
  add({
    name: 'api',
    about: 'run the API alone, over a database that an indexer fills',
    settings: [...DATABASE, ...API, ...LOG],
    run: async (context) => (await import('./api.js')).api(context),
  })
  add({
    name: 'backfill',
    about: 'fill in blocks behind the live index, and exit; several can run at once, on any machines, each with a range of its own',
    settings: [...DATABASE, ...CHAIN, ...HISTORY, ...LOG],
    run: async (context, options) => {
      const blocks = range(options)
      await (await import('./backfill.js')).backfill(context, blocks)
    },
  })
    .option('--from <block>', 'first block', '0')
    .option('--to <block>', 'last block (default: the head of the live index)')
  add({
    name: 'audit',
    about: 'recompute the indexed epochs, say which are not exactly what the chain stored, and exit: with status 1 if there are such',
    settings: [...DATABASE, ...LOG],
    run: async (context, options) => {
      const scope = { netuid: netuidOf(options), ...range(options) }
      await (await import('./audit.js')).audit(context, scope, options['json'] === true)
    },
  })
    .option('--netuid <netuid>', 'only epochs of this subnet; 0 is the root network')
    .option('--from <block>', 'first block', '0')
    .option('--to <block>', 'last block (default: the head of the index)')
    .option('--json', 'print every epoch, and the summary, as a JSON object on a line of its own')
  add({
    name: 'pow-service',
    about: 'run the registration service alone: HTTP, gRPC and the solvers of this machine',
    settings: [...DATABASE, ...CHAIN, ...SERVER, ...GATEWAY, ...POW, ...LOG],
    run: async (context) => (await import('./pow-service.js')).powService(context),
  })
  add({
    name: 'pow-worker',
    about: "lend this machine's solvers to a registration service, through the same Redis or PostgreSQL",
    settings: [...DATABASE, ...QUEUE, ...SOLVERS, ...LOG],
    run: async (context) => (await import('./pow-worker.js')).powWorker(context),
  })
  add({
    name: 'pow-submit',
    about: 'register a hotkey by proof of work: take the work of a registration service, check it, and sign and send it here',
    settings: CUSTOMER,
    run: async (context, options) => (await import('./pow-submit.js')).powSubmit(context, options),
  })
    .requiredOption('--hotkey-file <file>', 'key file of the hotkey, which signs; - reads standard input')
    .requiredOption('--coldkey <address>', 'owner of the hotkey from then on; only its address is needed')
    .option('--netuid <netuids>', 'subnets to register on, separated by commas')
    .option('--registration <id>', 'a registration that was asked for already, in place of --netuid')
  add({
    name: 'register',
    about: 'register a hotkey by paying, once the price is within a limit: sign and send with the coldkey here',
    settings: CUSTOMER,
    run: async (context, options) => (await import('./register.js')).register(context, options),
  })
    .requiredOption('--netuid <netuid>', 'the subnet')
    .requiredOption('--hotkey <address>', 'the hotkey, as ss58 address')
    .requiredOption('--coldkey-file <file>', 'key file of the coldkey, which pays and signs; - reads standard input')
    .requiredOption('--max-cost <tao>', 'the most that the place may cost, in TAO; the fee of the extrinsic comes on top')
    .option('--direct', 'watch the chain here, without a registration service')
  add({
    name: 'prompt-proxy',
    about: 'run the prompt API alone, over a database that an indexer fills: HTTP, and gRPC for clients of SDK 5.x',
    settings: [...DATABASE, 'chain.network', ...SERVER, ...GATEWAY, ...PROMPT, ...CAST, ...LOG],
    run: async (context) => (await import('./prompt-proxy.js')).promptProxy(context),
  })
  add({
    name: 'mock-axon',
    about: 'run an axon without a model, which checks callers as strictly as real ones and echoes; for trying things out',
    settings: LOG,
    run: async (context, options) => (await import('./mock-axon.js')).mockAxon(context, options),
  })
    .option('--protocol <protocol>', 'grpc, or http, which serves Epistula too (default: by --sdk, else http)')
    .option('--sdk <release>', 'release of the SDK that is imitated: 5.0.0 to 5.3.x, 6.0.0 to 10.x.y (default: 5.3.4 or 10.2.0)')
    .option('--host <address>', 'IP address to listen on', '127.0.0.2')
    .option('--port <port>', 'port; 0 picks a free one', '0')
    .option('--hotkey-file <file>', 'key file of its hotkey; - reads standard input (default: a new key)')
    .option('--answer <text>', 'what it answers; echo repeats the question', 'echo')
    .option('--delay-ms <ms>', 'between two words of an answer, in milliseconds', '10')
    .option('--allow <addresses>', 'hotkeys that it knows, separated by commas; others are refused (default: all)')
    .option('--fault <fault>', 'what it does wrong, such as hang, delay:500 or status:503')
  add({
    name: 'devnet',
    about: 'run the built-in chain alone, with validators that answer prompts by echoing them',
    settings: [...settingsOf('devnet'), 'database.dataDir', ...LOG],
    names: DEVNET_SHORT,
    run: async (context) => (await import('./devnet.js')).devnet(context),
  })
  add({
    name: 'migrate',
    about: 'bring the database to this version, and exit',
    settings: [...DATABASE, ...LOG],
    run: async (context) => (await import('./migrate.js')).migrateDatabase(context),
  })
  add({
    name: 'status',
    about: 'print what is indexed, and exit',
    settings: [...DATABASE, ...LOG],
    run: async (context) => (await import('./status.js')).status(context),
  })
  const keys = program.command('keys').description('make, list and revoke the API keys that customers have')
  const addKeys = (definition: CommandDefinition): Command => addCommand(keys, definition, setStatus)
  addKeys({
    name: 'create',
    about: 'make an API key; it is printed once, alone on the last line',
    settings: [...DATABASE, ...LOG],
    run: async (context, options) => (await import('./keys.js')).createKey(context, options),
  })
    .requiredOption('--name <name>', 'whose key it is, or what for')
    .option('--scopes <scopes>', `what it opens: some of ${SCOPES.join(', ')}, separated by commas`, SCOPES.join(','))
    .option('--expires <when>', 'days from now, or a date of ISO 8601 (default: never)')
    .option('--requests-per-minute <count>', 'requests it may make in a minute (default: REQUESTS_PER_MINUTE)')
    .option('--active-jobs <count>', 'registrations it may have under way at once (default: POW_MAX_ACTIVE)')
    .option('--tokens-per-minute <count>', 'tokens of prompts and answers in a minute (default: PROMPT_TOKENS_PER_MINUTE)')
    .option('--concurrent-prompts <count>', 'prompts it may have under way at once (default: PROMPT_CONCURRENT)')
    .option('--monthly-credits <count>', 'credits for each month of UTC; an answer costs one (default: no limit)')
  addKeys({
    name: 'list',
    about: 'print all API keys, newest first, and exit; not the keys themselves, which nobody has stored',
    settings: [...DATABASE, ...LOG],
    run: async (context, options) => (await import('./keys.js')).listKeys(context, options['json'] === true),
  }).option('--json', 'print each as a JSON object on a line of its own')
  addKeys({
    name: 'revoke',
    about: 'end an API key at once, and exit; running services stop taking it within 10 seconds',
    settings: [...DATABASE, ...LOG],
    run: async (context, _options, [id = '']) => (await import('./keys.js')).revokeKey(context, id),
  }).argument('<id>', 'id of the key, or the key itself')
  const wallet = program.command('wallet').description('make wallet folders, and tell what is in them')
  const addWallet = (definition: CommandDefinition): Command =>
    addCommand(wallet, definition, setStatus)
      .option('--name <name>', 'name of the wallet', 'default')
      .option('--wallet-path <folder>', 'folder of all wallets (default: ~/.bittensor/wallets)')
  addWallet({
    name: 'new',
    about: 'make a coldkey, encrypted, and a hotkey; the phrase of each is printed once; nothing that exists is overwritten',
    settings: LOG,
    run: async (context, options) => (await import('./wallet.js')).newWallet(context, options),
  })
    .option('--hotkey <name>', 'name of the hotkey', 'default')
    .option('--words <count>', 'words of each phrase: 12 or 24', '12')
    .option('--password-file <file>', "file with the coldkey's password; - reads standard input (default: ask at the terminal)")
    .option('--no-password', 'store the coldkey in plain text')
    .option('--hotkey-only', 'add a hotkey to a wallet, and leave its coldkey alone')
    .option('--overwrite', 'replace files that exist: the keys in them are gone')
    .option('--quiet', 'print no phrases; those in encrypted files can be had back only with the password')
  addWallet({
    name: 'show',
    about: 'print the addresses of a wallet, what kind of file each key is in, and who else can read it; no secrets',
    settings: LOG,
    run: async (context, options) => (await import('./wallet.js')).showWallet(context, options),
  }).option('--json', 'print each file as a JSON object on a line of its own')
  program
    .command('docs')
    .description('write the reference pages that are made from the code')
    .option('--check', 'write nothing; fail when a page is out of date')
    .action(async (options: { check?: boolean }) => {
      const { writeDocs } = await import('./docs.js')
      setStatus(await writeDocs(createProgram(), options.check ?? false))
    })
  program
    .command('schema')
    .description('write schema.graphql, the GraphQL schema that the API serves')
    .option('--check', 'write nothing; fail when the file is out of date')
    .action(async (options: { check?: boolean }) => {
      const { writeSchema } = await import('./schema.js')
      setStatus(await writeSchema(options.check ?? false))
    })
  return program
}

interface CommandDefinition {
  name: string
  about: string
  settings: readonly string[]
  names?: SettingNames
  isDefault?: boolean
  /** `args`: what came without a flag. */
  run(context: CommandContext, options: Record<string, unknown>, args: readonly string[]): Promise<void>
}

function addCommand(parent: Command, definition: CommandDefinition, setStatus: (code: number) => void): Command {
  const { name, about, settings, names, isDefault = false, run } = definition
  const command = parent.command(name, { isDefault }).description(about)
  addSettings(command, settings, names)
  command
    .addOption(new Option('--config <file>', 'JSON file of settings'))
    .addOption(new Option('--print-config', 'print the settings with secrets masked, and exit'))
    .action(async () => {
      const options: Record<string, unknown> = command.opts()
      const file = options['config'] as string | undefined
      const printOnly = options['printConfig'] === true
      const flags = readFlags(options, settings, names)
      setStatus(await runCommand({ flags, file, printOnly }, (context) => run(context, options, command.args)))
    })
  return command
}

function range(options: Record<string, unknown>): { from: number; to: number | undefined } {
  const from = Number(options['from'])
  const to = options['to'] === undefined ? undefined : Number(options['to'])
  if (isHeight(from) && (to === undefined || (isHeight(to) && from <= to))) return { from, to }
  const given = `--from ${String(options['from'])}${to === undefined ? '' : ` --to ${String(options['to'])}`}`
  throw new AppError('CONFIG_INVALID', `${given} is no range; wanted two block numbers, the smaller first`)
}

function netuidOf(options: Record<string, unknown>): number | undefined {
  if (options['netuid'] === undefined) return undefined
  const text = options['netuid'] as string
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new AppError('CONFIG_INVALID', `--netuid ${text} is no subnet; wanted a whole number from 0 to 65535`)
}

function isHeight(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
