/** `register` (by work) and `burned_register` (by payment). The order of the checks decides which error a caller sees. */
import type { Hex } from '../../../core/records.js'
import type { Context, Origin } from '../types.js'
import type { SubtensorConfig } from './config.js'
import { increaseRecycled } from './hyperparameters.js'
import { placeNeuron } from './neurons.js'
import { ensure, ensureSigned } from './origin.js'
import { createSeal, meetsDifficulty } from './proof-of-work.js'
import { burn, canPay, createAccountIfMissing, ownsHotkey } from './stake-ledger.js'
import { emit, get, has, now, type PerSubnet, put, ROOT_NETUID, U16_MAX } from './storage.js'

/** Blocks for which work stays good. */
const WORK_LIFETIME = 3n

export interface Registration {
  netuid: number
  block_number: bigint
  nonce: bigint
  work: Uint8Array
  hotkey: Hex
  coldkey: Hex
}

export function register(ctx: Context, config: SubtensorConfig, origin: Origin, args: Registration): void {
  const { netuid, work, hotkey, coldkey } = args
  ensure(ensureSigned(origin) === hotkey, 'HotkeyOriginMismatch')
  ensureOpen(ctx, netuid, 'NetworkPowRegistrationAllowed')
  ensure(!has(ctx, 'Uids', netuid, hotkey), 'AlreadyRegistered')
  const age = now(ctx) - args.block_number
  ensure(age >= 0n && age < WORK_LIFETIME, 'InvalidWorkBlock')
  // The runtime panics on this one, and an extrinsic that panics is in no block.
  if (work.length !== 32) throw new RangeError(`work must be 32 bytes, not ${work.length}`)
  ensure(meetsDifficulty(work, get(ctx, 'Difficulty', netuid)), 'InvalidDifficulty')
  const seal = createSeal(ctx.blockHash(Number(args.block_number)), hotkey, args.nonce)
  ensure(Buffer.compare(seal, work) === 0, 'InvalidSeal')
  put(ctx, 'UsedWork', work, now(ctx))
  const uid = admit(ctx, config, netuid, coldkey, hotkey)
  countRegistration(ctx, netuid, 'POWRegistrationsThisInterval')
  emit(ctx, 'NeuronRegistered', netuid, uid, hotkey)
}

export function burnedRegister(ctx: Context, config: SubtensorConfig, origin: Origin, netuid: number, hotkey: Hex): void {
  const coldkey = ensureSigned(origin)
  ensureOpen(ctx, netuid, 'NetworkRegistrationAllowed')
  const { uid, price } = admitPaid(ctx, config, netuid, coldkey, hotkey)
  countRegistration(ctx, netuid, 'BurnRegistrationsThisInterval')
  increaseRecycled(ctx, netuid, price)
  emit(ctx, 'NeuronRegistered', netuid, uid, hotkey)
}

function ensureOpen(ctx: Context, netuid: number, gate: PerSubnet<boolean>): void {
  ensure(netuid !== ROOT_NETUID, 'OperationNotPermittedonRootSubnet')
  ensure(get(ctx, 'NetworksAdded', netuid), 'NetworkDoesNotExist')
  ensure(get(ctx, gate, netuid), 'RegistrationDisabled')
  ensureRoomForRegistration(ctx, netuid)
}

export function ensureRoomForRegistration(ctx: Context, netuid: number): void {
  ensure(get(ctx, 'RegistrationsThisBlock', netuid) < get(ctx, 'MaxRegistrationsPerBlock', netuid), 'TooManyRegistrationsThisBlock')
  ensure(get(ctx, 'RegistrationsThisInterval', netuid) < registrationLimit(ctx, netuid), 'TooManyRegistrationsThisInterval')
}

/** Three times the target, in the chain's 16 bits: a target above 21,845 wraps round. */
function registrationLimit(ctx: Context, netuid: number): number {
  return (get(ctx, 'TargetRegistrationsPerInterval', netuid) * 3) & U16_MAX
}

/** Takes the price of a slot from the coldkey, out of existence, and gives the slot to the hotkey. */
export function admitPaid(
  ctx: Context,
  config: SubtensorConfig,
  netuid: number,
  coldkey: Hex,
  hotkey: Hex,
): { uid: number; price: bigint } {
  ensure(!has(ctx, 'Uids', netuid, hotkey), 'AlreadyRegistered')
  const price = get(ctx, 'Burn', netuid)
  ensure(canPay(ctx, config.currency, coldkey, price), 'NotEnoughBalanceToStake')
  ensure(config.currency.withdraw(ctx, coldkey, price), 'BalanceWithdrawalError')
  burn(ctx, price)
  return { uid: admit(ctx, config, netuid, coldkey, hotkey), price }
}

export function admit(ctx: Context, config: SubtensorConfig, netuid: number, coldkey: Hex, hotkey: Hex): number {
  createAccountIfMissing(ctx, coldkey, hotkey)
  ensure(ownsHotkey(ctx, coldkey, hotkey), 'NonAssociatedColdKey')
  ensure(get(ctx, 'MaxAllowedUids', netuid) !== 0, 'NetworkDoesNotExist')
  return placeNeuron(ctx, config.currency, netuid, hotkey)
}

function countRegistration(ctx: Context, netuid: number, kind: 'POWRegistrationsThisInterval' | 'BurnRegistrationsThisInterval'): void {
  for (const item of [kind, 'RegistrationsThisInterval', 'RegistrationsThisBlock'] as const) increment(ctx, item, netuid)
}

export function increment(ctx: Context, item: PerSubnet<number>, netuid: number): void {
  put(ctx, item, netuid, (get(ctx, item, netuid) + 1) & U16_MAX)
}
