/** What the commands of the prompt service have in common. */
import { environment } from '../core/config/index.js'
import { errorMessage } from '../core/errors.js'
import type { HttpPlugin } from '../core/http/index.js'
import type { Logger } from '../core/log.js'
import type { KeyPair } from '../core/wallet/keys.js'
import { passwordFromFile, passwordSource, terminalPassword } from '../core/wallet/password.js'
import { openWallet } from '../core/wallet/wallet.js'
import { startPrompts } from '../prompt-proxy/index.js'
import { createCreditLedger, createPromptUsageLog, sharedSecret, type Database } from '../store/index.js'
import { createPromptReads } from '../store/read/prompting.js'
import type { Gateway, GrpcPart } from './gateway.js'
import type { CommandContext } from './run.js'

export interface StartedPrompts {
  plugins: HttpPlugin[]
  grpc: GrpcPart[]
}

/** The prompt service over a database that an indexer fills. */
export async function startPromptsOn(
  context: CommandContext,
  database: Database,
  pair: KeyPair,
  { access, limits }: Gateway,
): Promise<StartedPrompts> {
  const { config, metrics, life } = context
  const log = context.log.child({ service: 'prompts' })
  const { pool } = database
  const usage = life.add(createPromptUsageLog({ pool, log, metrics, keepDays: config.prompt.usageDays }))
  const { maxWaitMs, maxTimeoutMs } = config.prompt
  const credits = life.add(createCreditLedger({ pool, log, holdMs: maxWaitMs + maxTimeoutMs + SPARE_MS }))
  keepTidy([usage, credits], log, life.signal)
  const service = life.add(
    await startPrompts({
      ...{ config: config.prompt, pair, access, limits, isShared: config.queue.redisUrl !== undefined, usage, metrics, log },
      reads: createPromptReads({ pool }),
      credits,
      secret: await sharedSecret(pool, 'hotkey-proofs'),
      ...{ open: config.access.open === true, requestsPerMinute: config.access.requestsPerMinute },
    }),
  )
  log.info({ hotkey: pair.address, netuids: config.prompt.netuids }, 'prompts are signed with this hotkey')
  const { grpc } = service
  return { plugins: service.plugins, grpc: grpc === null ? [] : [{ service: grpc, ready: () => service.ready() }] }
}

const TIDY_MS = 3_600_000
/** Beyond the longest that a request may take. */
const SPARE_MS = 60_000

/** What is old goes once an hour. */
function keepTidy(stores: readonly { prune(): Promise<unknown> }[], log: Logger, signal: AbortSignal): void {
  const tidy = (): void => {
    for (const store of stores)
      store.prune().catch((error: unknown) => log.warn({ err: errorMessage(error) }, 'old records were not dropped'))
  }
  const timer = setInterval(tidy, TIDY_MS)
  timer.unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  tidy()
}

/** The hotkey of the settings; null where they name no wallet. */
export async function openPromptWallet({ config, log, life }: CommandContext): Promise<KeyPair | null> {
  const { walletName: name, walletHotkey: hotkey, walletPath: path, passwordFile } = config.prompt
  if (name === undefined) return null
  const otherwise = passwordFile === undefined ? terminalPassword() : () => passwordFromFile(passwordFile)
  const password = passwordSource({ env: environment(), otherwise })
  const wallet = await openWallet({ path, name, hotkey, password, signal: life.signal })
  for (const warning of wallet.warnings) log.warn(warning)
  return wallet.hotkey
}
