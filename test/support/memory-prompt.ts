import { once } from 'node:events'
import { NO_LIMITS, type ApiKeyLimits, type ApiKeyReader, type Caller } from '../../src/core/api-keys.js'
import { AppError } from '../../src/core/errors.js'
import { type Access, createAccess, createHttpServer } from '../../src/core/http/index.js'
import { createLocalLimits } from '../../src/core/local-limits.js'
import { type Logger, silentLog } from '../../src/core/log.js'
import { createMetrics } from '../../src/core/metrics.js'
import type { CallerStanding, CreditLedger, PromptUsageRow } from '../../src/core/prompting.js'
import { createHotkeyProofs, type HotkeyProofs } from '../../src/prompt-proxy/admission/hotkey-proof.js'
import type {
  AnsweringTarget,
  FailedAttempt,
  PromptEngine,
  PromptModel,
  PromptRequest,
  PromptResult,
  TargetState,
} from '../../src/prompt-proxy/contract.js'
import { promptRoutes, type PromptRoutesDeps } from '../../src/prompt-proxy/http/index.js'

export const TARGETS: readonly AnsweringTarget[] = [
  { netuid: 1, uid: 7, hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', protocol: 'grpc' },
  { netuid: 1, uid: 3, hotkey: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty', protocol: 'http' },
  { netuid: 1, uid: 9, hotkey: '5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y', protocol: 'epistula' },
]

export const MODELS: readonly PromptModel[] = [
  { id: 'bittensor/sn1', netuid: 1, strategy: 'fastest', created: 1_683_000_000, ownedBy: 'bittensor' },
  { id: 'bittensor/sn1:best_of', netuid: 1, strategy: 'best_of', created: 1_683_000_000, ownedBy: 'bittensor' },
  { id: 'bittensor/sn1:all', netuid: 1, strategy: 'all', created: 1_683_000_000, ownedBy: 'bittensor' },
]

/** What becomes of a question. */
export interface Script {
  /** Thrown in place of an answer. */
  error?: Error
  /** No answer until the signal aborts. */
  hangs?: boolean
  /** Pieces of the answer; an Error is thrown when its turn comes, a promise waited for. A function makes them as they are pulled. */
  pieces?: readonly (string | Error | Promise<string>)[] | ((signal: AbortSignal) => AsyncIterable<string>)
  target?: AnsweringTarget
  failed?: FailedAttempt[]
  /** For those who want every answer. */
  results?: PromptResult[]
}

export interface Asked {
  caller: Caller
  request: PromptRequest
  signal: AbortSignal
  all: boolean
}

export interface MemoryPrompt extends PromptEngine {
  /** What was asked so far. */
  readonly asked: Asked[]
  /** How the next questions are answered, one each; later ones are answered with what was asked. */
  plan(...scripts: Script[]): void
  /** Questions whose answer is neither given nor given up. */
  running(): number
  /** What `targets` says. */
  states: TargetState[]
}

/** The engine without targets: it answers as it is told, `echo: ` and the last message otherwise. */
export function memoryPrompt(): MemoryPrompt {
  const asked: Asked[] = []
  const plans: Script[] = []
  let running = 0

  async function begin(question: Asked): Promise<Script> {
    asked.push(question)
    const { request, signal } = question
    if (!MODELS.some(({ id }) => id === request.model)) throw new AppError('NOT_FOUND', 'no such model')
    const script = plans.shift() ?? {}
    if (script.hangs === true) {
      running++
      try {
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        running--
      }
      signal.throwIfAborted()
    }
    if (script.error !== undefined) throw script.error
    return script
  }

  async function* piecesOf({ pieces }: Script, { request, signal }: Asked): AsyncGenerator<string> {
    running++
    try {
      if (typeof pieces === 'function') yield* pieces(signal)
      else
        for (const piece of pieces ?? echoOf(request)) {
          signal.throwIfAborted()
          if (piece instanceof Error) throw piece
          yield typeof piece === 'string' ? piece : await orAborted(piece, signal)
        }
    } finally {
      running--
    }
  }

  return {
    asked,
    states: [],
    plan: (...scripts) => void plans.push(...scripts),
    running: () => running,
    models: () => [...MODELS],
    async prompt(caller, request, signal) {
      const question = { caller, request, signal, all: false }
      const script = await begin(question)
      const { target = targetAt(0), failed = [] } = script
      return { target, firstPieceMs: 12.4, failed, pieces: piecesOf(script, question) }
    },
    async promptAll(caller, request, signal) {
      const { results, failed = [] } = await begin({ caller, request, signal, all: true })
      const some = TARGETS.slice(0, request.topN ?? 2)
      return {
        results: results ?? some.map((target, n) => ({ target, text: `${n}: ${echoOf(request).join('')}`, ms: 10 * (n + 1) })),
        failed,
      }
    },
    targets() {
      return this.states
    },
  }
}

export function targetAt(index: number): AnsweringTarget {
  const target = TARGETS[index]
  if (target === undefined) throw new Error(`there are ${TARGETS.length} targets`)
  return target
}

/** Whatever engine there is when it is asked: so that tests with an engine each can share a server. */
export function promptOf(current: () => PromptEngine): PromptEngine {
  return {
    models: () => current().models(),
    prompt: (caller, request, signal) => current().prompt(caller, request, signal),
    promptAll: (caller, request, signal) => current().promptAll(caller, request, signal),
    targets: () => current().targets(),
  }
}

export const PROMPT_LIMITS = { maxBodyBytes: 16_384, timeoutMs: 10_000, maxTimeoutMs: 60_000, firstTokenMs: 4_000, maxTargets: 8 }

export interface PromptServer {
  url: string
  /** Of the requests that are over. */
  used: PromptUsageRow[]
  close(): Promise<void>
}

/** A server with the routes of the prompt API. */
export async function startPromptServer({
  engine,
  open,
  log = silentLog,
  ...options
}: { engine: PromptEngine; open?: boolean; log?: Logger } & Partial<PromptRoutesDeps>): Promise<PromptServer> {
  const used: PromptUsageRow[] = []
  const server = await createHttpServer({
    ...{ name: 'prompt', host: '127.0.0.1', port: 0, maxBodyBytes: 1_048_576, log, metrics: createMetrics() },
    ready: () => Promise.resolve({ ok: true }),
  })
  const usage = { add: (row: PromptUsageRow): void => void used.push(row) }
  const deps = { engine, access: promptAccess({ open }), log, limits: PROMPT_LIMITS, usage, hotkeys: memoryProofs(), ...options }
  for (const plugin of promptRoutes(deps)) await server.mount(plugin)
  const { url } = await server.listen()
  return { url, used, close: () => server.close() }
}

/** Proofs of hotkeys, none of which is registered unless `standing` says so. */
export function memoryProofs({
  standing = async () => ({ isRegistered: false, stake: 0n }),
  now,
}: { standing?: (hotkey: string) => Promise<CallerStanding>; now?: () => number } = {}): HotkeyProofs {
  const secret = Buffer.alloc(32, 7)
  return createHotkeyProofs({ secret, gateway: 'http://gateway.test', limits: createLocalLimits({ now }), standing, now })
}

export interface MemoryCredits extends CreditLedger {
  /** Of all customers together. */
  used(): number
  held(): number
  /** Holds that were settled more than once. */
  twice(): number
}

/** A ledger of one month. */
export function memoryCredits(): MemoryCredits {
  const used = new Map<string, number>()
  const held = new Map<string, number>()
  let twice = 0
  const add = (all: Map<string, number>, customer: string, credits: number): void =>
    void all.set(customer, (all.get(customer) ?? 0) + credits)
  const sum = (all: Map<string, number>): number => [...all.values()].reduce((total, one) => total + one, 0)
  return {
    async hold(customer, limit, credits) {
      const left = limit - (used.get(customer) ?? 0) - (held.get(customer) ?? 0)
      if (credits > left)
        throw new AppError('RATE_LIMITED', 'the credits of this month are used', {
          ...{ reason: 'insufficient_quota', limit, retryAfterSeconds: 86_400 },
        })
      add(held, customer, credits)
      let isSettled = false
      return {
        remaining: left - credits,
        async settle(charged) {
          if (isSettled) twice++
          isSettled = true
          add(held, customer, -credits)
          add(used, customer, charged)
        },
      }
    },
    used: () => sum(used),
    held: () => sum(held),
    twice: () => twice,
  }
}

/** Access with the keys `alice`, `few` (two requests a minute), `broke` (its credits are used), `works` (the wrong scope), `gone` (expired), and others with limits of their own. */
export function promptAccess({
  open = false,
  keys: others = {},
}: { open?: boolean; keys?: Record<string, Partial<ApiKeyLimits>> } = {}): Access {
  const callers = new Map<string, Caller>()
  for (const [customer, limits] of Object.entries({ alice: {}, few: { requestsPerMinute: 2 }, ...others }))
    callers.set(customer, { customer, limits: { ...NO_LIMITS, ...limits } })
  const keys: ApiKeyReader = {
    isKey: () => true,
    async caller(key, scope) {
      if (key === 'gone') throw new AppError('UNAUTHORIZED', 'the API key has expired')
      if (key === 'broke') throw new AppError('RATE_LIMITED', 'the credits of this month are used', { reason: 'insufficient_quota' })
      if (key === 'works' && scope === 'prompt') throw new AppError('FORBIDDEN', 'the API key does not open prompt')
      // The same object for all requests, as a cache would give it.
      const caller = callers.get(key)
      if (caller === undefined) throw new AppError('UNAUTHORIZED', 'the API key is not known')
      return caller
    },
  }
  return createAccess({ keys, open, requestsPerMinute: 100_000, wrongKeysPerMinute: 1_000_000 })
}

function echoOf({ messages }: PromptRequest): string[] {
  return `echo: ${messages.at(-1)?.content ?? ''}`.split(/(?<= )/)
}

async function orAborted<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const aborted = once(signal, 'abort', { signal: stop.signal }).then(() => Promise.reject<T>(signal.reason as Error))
  try {
    return await Promise.race([wanted, aborted])
  } finally {
    stop.abort()
    aborted.catch(() => undefined)
  }
}
