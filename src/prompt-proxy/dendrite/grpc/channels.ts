import { Client, connectivityState, credentials } from '@grpc/grpc-js'
import { isIPv4, isIPv6 } from 'node:net'
import { dialRefused, isDialable, type DialPolicy } from '../../targets/address.js'
import { DendriteError, type AxonTarget } from '../types.js'

export interface ChannelLimits {
  /** Connections at once, one to an address. */
  maxChannels: number
  /** A connection without calls is closed after this. */
  idleMs: number
  /** A quiet connection with calls is pinged this often, and cut when no answer came for so long. */
  keepaliveMs: number
  keepaliveTimeoutMs: number
  /** Largest message that is taken, in bytes. */
  maxReceiveBytes: number
  /** Longest pause before a connection that failed is tried again. Calls in between fail at once. */
  maxBackoffMs: number
}

/** Connections to axons, shared by the calls to each address. */
export interface ChannelPool {
  /** Lends the connection to an address. Throws BAD_ENDPOINT for one that is not dialled, and UNAVAILABLE when all connections are taken by calls. */
  acquire(target: Pick<AxonTarget, 'ip' | 'port'>): Lease
  readonly size: number
  close(): void
}

export interface Lease {
  readonly client: Client
  /** To be called once. A connection that could not be made is not kept, unless others still wait for it: it would be tried again and again. */
  release(): void
}

/** States in which the library goes on trying. */
const UNCONNECTED = new Set([connectivityState.CONNECTING, connectivityState.TRANSIENT_FAILURE])

interface Entry {
  client: Client
  calls: number
  timer: NodeJS.Timeout | undefined
}

/** `policy` says what may be dialled; it is looked at again for each connection. */
export function createChannelPool(limits: ChannelLimits, policy: DialPolicy): ChannelPool {
  /** In the order of their last use. */
  const entries = new Map<string, Entry>()

  function drop(address: string, entry: Entry): void {
    clearTimeout(entry.timer)
    entries.delete(address)
    entry.client.close()
  }

  function makeRoom(): void {
    if (entries.size < limits.maxChannels) return
    for (const [address, entry] of entries) {
      if (entry.calls === 0) return drop(address, entry)
    }
    throw new DendriteError('UNAVAILABLE', `all ${limits.maxChannels} connections have calls under way`)
  }

  function open(address: string, ip: string): Entry {
    if (!isDialable(ip, policy)) throw new DendriteError('BAD_ENDPOINT', dialRefused(ip, policy).message)
    makeRoom()
    const client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': limits.maxReceiveBytes,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': Math.min(1000, limits.maxBackoffMs),
      'grpc.max_reconnect_backoff_ms': limits.maxBackoffMs,
      // Closing a client then closes its connection, not some time later.
      'grpc.use_local_subchannel_pool': 1,
      // A proxy of the environment, or a name server, has no say in where a call goes.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      // A second try would carry a nonce that is used up.
      'grpc.enable_retries': 0,
      'grpc.enable_channelz': 0,
    })
    return { client, calls: 0, timer: undefined }
  }

  return {
    get size() {
      return entries.size
    },
    acquire(target) {
      const address = addressOf(target)
      const entry = entries.get(address) ?? open(address, target.ip)
      entries.delete(address)
      entries.set(address, entry)
      clearTimeout(entry.timer)
      entry.calls++
      return {
        client: entry.client,
        release() {
          entry.calls--
          if (entry.calls > 0 || entries.get(address) !== entry) return
          if (UNCONNECTED.has(entry.client.getChannel().getConnectivityState(false))) return drop(address, entry)
          entry.timer = setTimeout(() => drop(address, entry), limits.idleMs).unref()
        },
      }
    },
    close() {
      for (const [address, entry] of entries) drop(address, entry)
    },
  }
}

/** An address that is dialled as it is, without any look-up of names. */
function addressOf({ ip, port }: Pick<AxonTarget, 'ip' | 'port'>): string {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new DendriteError('BAD_ENDPOINT', `${port} is no port`)
  if (isIPv4(ip)) return `ipv4:${ip}:${port}`
  if (isIPv6(ip) && !ip.includes('%')) return `ipv6:[${ip}]:${port}`
  throw new DendriteError('BAD_ENDPOINT', `"${ip.slice(0, 80)}" is no IP address`)
}
