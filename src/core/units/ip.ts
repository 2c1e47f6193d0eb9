/** Axon and prometheus addresses: a chain stores an IP as a u128 with a type (4 or 6) beside it. */
import { isIPv4, isIPv6 } from 'node:net'
import { AppError } from '../errors.js'

export type IpType = 4 | 6

const V4_END = 1n << 32n
const V6_END = 1n << 128n

/** The text of a stored address, v6 in its canonical short form; null when the number is no address of that type. */
export function formatIp(ip: bigint, ipType: number): string | null {
  if (ip < 0n) return null
  if (ipType === 4) return ip < V4_END ? formatV4(Number(ip)) : null
  if (ipType === 6) return ip < V6_END ? formatV6(ip) : null
  return null
}

/** The number and type that an axon would store for `1.2.3.4` or `2001:db8::1`. Throws BAD_INPUT for anything else. */
export function parseIp(text: string): { ip: bigint; ipType: IpType } {
  if (isIPv4(text)) return { ip: BigInt(parseV4(text)), ipType: 4 }
  // A zone such as fe80::1%eth0 names an interface of one machine; it has no number.
  if (isIPv6(text) && !text.includes('%')) return { ip: parseV6(text), ipType: 6 }
  throw new AppError('BAD_INPUT', `"${text.slice(0, 80)}" is not an IPv4 or IPv6 address`)
}

function formatV4(ip: number): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatV6(ip: bigint): string {
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((ip >> shift) & 0xffffn))
  // v4-mapped addresses are written with their v4 part, as the RFC recommends.
  if (ip >> 32n === 0xffffn) return `::ffff:${formatV4(Number(ip & 0xffff_ffffn))}`
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (groups[i + run] === 0) run++
    if (run > length) [start, length] = [i, run]
  }
  const hex = groups.map((group) => group.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

function parseV4(text: string): number {
  return text.split('.').reduce((ip, part) => ip * 256 + Number(part), 0)
}

function parseV6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted !== null) {
    const v4 = parseV4(dotted[2] as string)
    return parseV6(`${dotted[1]}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`)
  }
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return groups.reduce((ip, group) => (ip << 16n) | BigInt(parseInt(group, 16)), 0n)
}
