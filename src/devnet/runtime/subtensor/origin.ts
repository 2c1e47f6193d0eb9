/** Who may call, and the way to say no. */
import type { Hex } from '../../../core/records.js'
import { DispatchError, type Context, moduleError, type Origin } from '../types.js'
import type { SubtensorError } from './definition.js'
import { get, PALLET } from './storage.js'

export function refusal(error: SubtensorError): DispatchError {
  return moduleError(PALLET, error)
}

export function ensure(condition: boolean, error: SubtensorError): void {
  if (!condition) throw refusal(error)
}

export function badOrigin(): DispatchError {
  return new DispatchError({ type: 'BadOrigin' })
}

export function ensureSigned(origin: Origin): Hex {
  if (origin.type !== 'Signed') throw badOrigin()
  return origin.who
}

export function ensureRoot(origin: Origin): void {
  if (origin.type !== 'Root') throw badOrigin()
}

export function ensureSubnetOwnerOrRoot(ctx: Context, origin: Origin, netuid: number): void {
  if (origin.type === 'Root') return
  if (ensureSigned(origin) !== get(ctx, 'SubnetOwner', netuid)) throw badOrigin()
}
