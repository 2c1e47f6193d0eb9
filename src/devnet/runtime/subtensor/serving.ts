/** `serve_axon` and `serve_prometheus`. The subnet need not exist: the chain only asks that the hotkey is registered somewhere. */
import type { Context, Origin } from '../types.js'
import type { AxonInfo, PrometheusInfo } from './definition.js'
import { isRegisteredAnywhere } from './neurons.js'
import { ensure, ensureSigned } from './origin.js'
import { emit, get, now, put } from './storage.js'

const IPV4_LIMIT = 2n ** 32n - 1n
const IPV4_LOOPBACK = 0x7f000001n
const IPV6_LIMIT = 2n ** 128n - 1n

export function serveAxon(ctx: Context, origin: Origin, netuid: number, info: Omit<AxonInfo, 'block'>): void {
  const hotkey = ensureSigned(origin)
  ensure(isRegisteredAnywhere(ctx, hotkey), 'NotRegistered')
  ensureAddress(info)
  ensureServingRate(ctx, netuid, get(ctx, 'Axons', netuid, hotkey))
  ensure(info.port !== 0, 'InvalidPort')
  put(ctx, 'Axons', netuid, hotkey, { block: now(ctx), ...info })
  emit(ctx, 'AxonServed', netuid, hotkey)
}

export function servePrometheus(ctx: Context, origin: Origin, netuid: number, info: Omit<PrometheusInfo, 'block'>): void {
  const hotkey = ensureSigned(origin)
  ensure(isRegisteredAnywhere(ctx, hotkey), 'NotRegistered')
  ensureAddress(info)
  ensureServingRate(ctx, netuid, get(ctx, 'Prometheus', netuid, hotkey))
  ensure(info.port !== 0, 'InvalidPort')
  put(ctx, 'Prometheus', netuid, hotkey, { block: now(ctx), ...info })
  emit(ctx, 'PrometheusServed', netuid, hotkey)
}

function ensureAddress({ ip_type, ip }: { ip_type: number; ip: bigint }): void {
  ensure(ip_type === 4 || ip_type === 6, 'InvalidIpType')
  ensure(ip_type === 4 ? isIpv4(ip) : isIpv6(ip), 'InvalidIpAddress')
}

function isIpv4(ip: bigint): boolean {
  return ip !== 0n && ip < IPV4_LIMIT && ip !== IPV4_LOOPBACK
}

function isIpv6(ip: bigint): boolean {
  return ip > 1n && ip !== IPV6_LIMIT
}

function ensureServingRate(ctx: Context, netuid: number, last: { block: bigint } | undefined): void {
  const limit = get(ctx, 'ServingRateLimit', netuid)
  const block = last?.block ?? 0n
  ensure(limit === 0n || block === 0n || now(ctx) - block >= limit, 'ServingRateLimitExceeded')
}
