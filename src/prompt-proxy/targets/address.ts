/**
 * Which addresses may be dialled. Anybody may publish any address as an axon's, so an axon can point at a host behind us: what is not plainly a host of the
 * public internet is refused.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { formatIp, parseIp } from '../../core/units/ip.js'

export interface DialPolicy {
  /** Also this machine and private networks, for a devnet. Never multicast, metadata services and addresses in disguise. */
  allowPrivate?: boolean
}

/** An address with which an axon can be served. */
export interface AxonAddress {
  /** As in `AxonTarget`: no brackets. */
  ip: string
  port: number
}

/** The address of stored axon info; null when the axon does not serve (no address, no port, or a number that is no address of its type). */
export function addressOfAxon(info: { ip: bigint; ipType: number; port: number }): AxonAddress | null {
  if (info.ip === 0n || !Number.isInteger(info.port) || info.port < 1 || info.port > 65_535) return null
  const ip = formatIp(info.ip, info.ipType)
  return ip === null ? null : { ip, port: info.port }
}

/** `1.2.3.4:8091`, `[2001:db8::1]:8091`: what URLs and gRPC take. */
export function hostPort({ ip, port }: AxonAddress): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** Whether a connection to an address is allowed. Anything but the plain text of an address is not. */
export function isDialable(ip: string, policy: DialPolicy = {}): boolean {
  return refusalOf(ip, policy) === null
}

/** Why an address may not be dialled, in words; null when it may. */
export function refusalOf(ip: string, policy: DialPolicy = {}): string | null {
  let address: { ip: bigint; ipType: number }
  try {
    address = parseIp(ip)
  } catch {
    return 'not an IP address'
  }
  const bits = address.ipType === 4 ? 32n : 128n
  for (const { prefix, length, why, isPrivate } of address.ipType === 4 ? V4_RULES : V6_RULES) {
    if (address.ip >> (bits - length) !== prefix >> (bits - length)) continue
    return isPrivate && policy.allowPrivate === true ? null : why
  }
  return address.ipType === 6 && address.ip >> 125n !== GLOBAL_UNICAST ? 'not a global unicast address' : null
}

/**
 * Name resolution for `net.connect`, and so for undici, that leaves out the addresses that may not be dialled: a name is judged by what it means at the
 * moment of connecting. Fails with `EACCES` when nothing is left.
 */
export function guardedLookup(policy: DialPolicy = {}, resolve: typeof dnsLookup = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    const all = { ...options, all: true as const }
    resolve(hostname, all, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      if (error !== null) return callback(error, '', 4)
      const allowed = found.filter(({ address }) => isDialable(address, policy))
      const first = allowed[0]
      if (first === undefined) return callback(refused(hostname, found[0]?.address ?? '', policy), '', 4)
      if (options.all === true) return callback(null, allowed)
      callback(null, first.address, first.family)
    })
  }
}

/** The error of a refused dial, with the `code` EACCES. */
export function dialRefused(host: string, policy: DialPolicy = {}): NodeJS.ErrnoException {
  return refused(host, host, policy)
}

function refused(host: string, ip: string, policy: DialPolicy): NodeJS.ErrnoException {
  const error = new Error(`${host.slice(0, 80)} is not dialled: ${refusalOf(ip, policy) ?? 'no address is left'}`)
  return Object.assign(error, { code: 'EACCES' })
}

interface Rule {
  prefix: bigint
  length: bigint
  why: string
  /** Opened by `allowPrivate`. */
  isPrivate: boolean
}

/** IPv6 addresses of hosts are in 2000::/3. */
const GLOBAL_UNICAST = 0b001n

function rules(list: readonly (readonly [cidr: string, why: string, isPrivate?: boolean])[]): Rule[] {
  return list.map(([cidr, why, isPrivate = false]) => {
    const [base = '', length = ''] = cidr.split('/')
    return { prefix: parseIp(base).ip, length: BigInt(length), why, isPrivate }
  })
}

/** The first match counts: metadata services stand before the networks they are in. IANA's special-purpose registries, and the metadata services of clouds. */
const V4_RULES = rules([
  ['169.254.0.0/16', 'link-local, where clouds serve their metadata'],
  ['100.100.100.200/32', 'a cloud metadata service'],
  ['168.63.129.16/32', 'a cloud metadata service'],
  ['127.0.0.0/8', 'loopback', true],
  ['10.0.0.0/8', 'a private network', true],
  ['172.16.0.0/12', 'a private network', true],
  ['192.168.0.0/16', 'a private network', true],
  ['100.64.0.0/10', 'a carrier network', true],
  ['0.0.0.0/8', 'this network'],
  ['192.0.0.0/24', 'reserved for protocols'],
  ['192.0.2.0/24', 'for documentation'],
  ['192.31.196.0/24', 'reserved for protocols'],
  ['192.52.193.0/24', 'reserved for protocols'],
  ['192.88.99.0/24', 'a relay of 6to4'],
  ['192.175.48.0/24', 'reserved for protocols'],
  ['198.18.0.0/15', 'for benchmarks'],
  ['198.51.100.0/24', 'for documentation'],
  ['203.0.113.0/24', 'for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
])

/** An IPv4 address inside an IPv6 one is refused whatever it is: an axon with an IPv4 address publishes it as one. */
const V6_RULES = rules([
  ['fd00:ec2::/32', 'a cloud metadata service'],
  ['fd20:ce::/32', 'a cloud metadata service'],
  ['::1/128', 'loopback', true],
  ['fc00::/7', 'a private network', true],
  ['::/128', 'unspecified'],
  ['::ffff:0:0/96', 'an IPv4 address in disguise'],
  ['::ffff:0:0:0/96', 'an IPv4 address in disguise'],
  ['::/96', 'an IPv4 address in disguise'],
  ['64:ff9b::/96', 'an IPv4 address in disguise'],
  ['64:ff9b:1::/48', 'an IPv4 address in disguise'],
  ['2002::/16', 'an IPv4 address in disguise'],
  ['2001::/32', 'an IPv4 address in disguise'],
  ['2001::/23', 'reserved for protocols'],
  ['2001:db8::/32', 'for documentation'],
  ['2620:4f:8000::/48', 'reserved for protocols'],
  ['3fff::/20', 'for documentation'],
  ['5f00::/16', 'for segment routing'],
  ['100::/64', 'discarded'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
])
