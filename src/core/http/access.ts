/** Who may come in, and how often: the same for HTTP, gRPC and whatever else asks. */
import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { NO_LIMITS, type ApiKeyReader, type Caller, type Scope } from '../api-keys.js'
import { AppError, isAppError } from '../errors.js'
import type { Limits, Quota } from '../limits.js'
import { createLocalLimits } from '../local-limits.js'

export interface AccessOptions {
  keys: ApiKeyReader
  /** Whether no key is needed; `loopback`: not by callers of the same machine. */
  open: boolean | 'loopback'
  /** Where the key does not say, and of each address that comes without a key. */
  requestsPerMinute: number
  /** Keys that one address may get wrong in a minute before it is kept waiting. */
  wrongKeysPerMinute?: number
  /** Counts both; by default for this process alone. */
  limits?: Limits
}

export interface Credentials {
  /** As it came; absent or empty: none did. */
  key?: string | undefined
  /** Address of the peer, without a port. */
  remoteAddress: string
  /** The peer passes on what others ask, or may be made to: it is not taken for a caller of the same machine. */
  forwarded?: boolean | undefined
}

export interface Admission {
  caller: Caller
  /** `ok: false`: one request too many. */
  quota: Quota
}

export interface Access {
  /**
   * The caller, one request of whom is counted. UNAUTHORIZED without a good key where one is needed, FORBIDDEN when it lacks the scope, RATE_LIMITED
   * with `retryAfterSeconds` in its detail after too many requests, or too many wrong keys from that address.
   */
  authenticate(credentials: Credentials, scope: Scope): Promise<Caller>
  /** The same, for who tells callers how much they have left: too many requests are not thrown but `quota.ok: false`. */
  admit(credentials: Credentials, scope: Scope): Promise<Admission>
}

/** What customers are called where no key is needed. */
const OPEN_CUSTOMER = 'open'
const WRONG_KEYS_PER_MINUTE = 20
/** Keys that were good lately are not held up by others behind the same address, who keep trying wrong ones. */
const PROVEN_LIMIT = 10_000

export function createAccess(options: AccessOptions): Access {
  const { keys, open, requestsPerMinute, wrongKeysPerMinute = WRONG_KEYS_PER_MINUTE, limits = createLocalLimits() } = options
  const proven = new Set<string>()
  const checks = new Map<string, Promise<Caller>>()

  /** One that is checked already is not checked, and not counted, twice. */
  function callerOf(key: string, address: string, scope: Scope): Promise<Caller> {
    const id = hash('sha256', key, 'base64')
    const name = `${scope} ${id}`
    const running = checks.get(name)
    if (running !== undefined) return running
    const check = checked(key, id, address, scope).finally(() => checks.delete(name))
    checks.set(name, check)
    return check
  }

  async function checked(key: string, id: string, address: string, scope: Scope): Promise<Caller> {
    const counts = !proven.has(id)
    const wrongKeys = counts ? `wrong ${networkOf(address)}` : ''
    // Taken before it is known to be wrong: many at once must not get by.
    if (counts) refuse(await limits.take(wrongKeys, wrongKeysPerMinute), 'too many wrong API keys came from this address')
    let wrong = false
    try {
      const caller = await keys.caller(key, scope)
      if (proven.size >= PROVEN_LIMIT) proven.clear()
      proven.add(id)
      return caller
    } catch (error) {
      wrong = isAppError(error) && error.code === 'UNAUTHORIZED'
      throw error
    } finally {
      if (wrong) proven.delete(id)
      else if (counts) limits.spend(wrongKeys, wrongKeysPerMinute, -1)
    }
  }

  function admission(caller: Caller, customer: string): Admission | Promise<Admission> {
    const quota = limits.take(`requests ${customer}`, caller.limits.requestsPerMinute ?? requestsPerMinute)
    return quota instanceof Promise ? quota.then((quota) => ({ caller, quota })) : { caller, quota }
  }

  async function admit(credentials: Credentials, scope: Scope): Promise<Admission> {
    const { key = '', remoteAddress } = credentials
    const isOpen = open === true || (open === 'loopback' && isLoopback(remoteAddress) && credentials.forwarded !== true)
    // Programs that insist on sending some key send anything where none is needed; one of ours has to be good everywhere.
    if (key !== '' && (!isOpen || keys.isKey(key))) {
      const caller = await callerOf(key, remoteAddress, scope)
      return admission(caller, caller.customer)
    }
    if (!isOpen) throw new AppError('UNAUTHORIZED', 'an API key is needed: send it as "Authorization: Bearer KEY" or "x-api-key: KEY"')
    const party = `${OPEN_CUSTOMER} ${networkOf(remoteAddress)}`
    return admission({ customer: OPEN_CUSTOMER, party, limits: NO_LIMITS }, party)
  }

  return {
    admit,
    async authenticate(credentials, scope) {
      const { caller, quota } = await admit(credentials, scope)
      refuse(quota, TOO_MANY)
      return caller
    },
  }
}

export const TOO_MANY = 'too many requests'

/** Throws RATE_LIMITED, with the time to wait, where nothing was left to take. */
export function refuse({ ok, limit, retrySeconds }: Quota, what: string): void {
  if (ok) return
  const retryAfterSeconds = Math.max(Math.ceil(retrySeconds), 1)
  throw new AppError('RATE_LIMITED', `${what}: ${limit} a minute are taken; try again in ${retryAfterSeconds} s`, {
    limit,
    retryAfterSeconds,
  })
}

/** Addresses that one caller has at will count as one: an IPv4 address, the first half of an IPv6 one. */
export function networkOf(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) !== 6) return plain
  const [head = '', tail] = plain.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(8 - front.length - back.length, 0)).fill('0')
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}

function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

/** IPv4 addresses reach a socket of both families as `::ffff:127.0.0.1`; zones (`%eth0`) are left out. */
function plainAddress(address: string): string {
  const plain = (address.split('%')[0] ?? '').toLowerCase()
  return plain.startsWith('::ffff:') && isIP(plain.slice(7)) === 4 ? plain.slice(7) : plain
}
