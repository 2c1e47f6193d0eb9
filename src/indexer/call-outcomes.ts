import type { DecodedCall } from '../chain/codec/calls.js'
import type { DecodedEvent } from '../chain/codec/events.js'
import type { EnumValue } from '../chain/codec/decoders.js'
import type { ErrorName, Runtime } from '../chain/runtime.js'
import type { Hex } from '../core/records.js'
import type { FlatCall } from './decode-block.js'

export interface CallOutcome {
  /** null where the chain does not say: not executed, or undone together with the call around it. */
  success: boolean | null
  error: ErrorName | null
}

const UNKNOWN: CallOutcome = { success: null, error: null }
const DONE: CallOutcome = { success: true, error: null }

/**
 * Flattens a call and its nested calls, depth first, and finds how each ended. Wrapping calls leave one event for each call inside, in the order
 * of execution and after that call's own events, so one walk over the extrinsic's events with a cursor matches them.
 */
export function callOutcomes(
  runtime: Runtime,
  outer: DecodedCall,
  outcome: CallOutcome,
  signer: Hex | null,
  events: DecodedEvent[],
): FlatCall[] {
  const flat: FlatCall[] = [{ index: 0, parentIndex: 0, call: outer, outcome, origin: signer }]
  if (outer.inner.length === 0) return flat
  const walk = new OutcomeWalk(runtime, events, flat)
  walk.children(flat[0] as FlatCall)
  return flat
}

class OutcomeWalk {
  private cursor = 0

  constructor(
    private readonly runtime: Runtime,
    private readonly events: DecodedEvent[],
    private readonly flat: FlatCall[],
  ) {}

  children(parent: FlatCall): void {
    const { pallet, call, inner } = parent.call
    if (inner.length === 0) return
    // Events of a failed call are rolled back, and with them what would tell about its children.
    const told = parent.outcome.success === true
    const wrapper = told ? (WRAPPERS[`${pallet}.${call}`] ?? WRAPPERS[pallet]) : undefined
    let stopped = false
    for (const child of inner) {
      const entry: FlatCall = {
        index: this.flat.length,
        parentIndex: parent.index,
        call: child,
        outcome: UNKNOWN,
        origin: childOrigin(parent),
      }
      this.flat.push(entry)
      if (!wrapper || stopped) this.unknown(entry)
      else stopped = this.resolve(entry, wrapper)
    }
  }

  /** Descends first, because the events of inner wrappers come before the marker of this call. Says whether execution stopped here. */
  private resolve(entry: FlatCall, wrapper: Wrapper): boolean {
    const at = this.cursor
    const descended = this.flat.length
    entry.outcome = DONE
    this.children(entry)
    const marker = this.next(wrapper.markers)
    if (!marker) {
      if (!wrapper.silentSuccess) entry.outcome = UNKNOWN
      return false
    }
    const error = wrapper.error(marker)
    if (error === null) return false
    entry.outcome = { success: false, error: error === undefined ? null : this.runtime.errorName(error) }
    if (descended < this.flat.length) {
      // It failed after all: what was read as its children's events belongs to later calls.
      this.flat.length = descended
      this.cursor = at
      this.children(entry)
      this.next(wrapper.markers)
    }
    return marker.name === 'BatchInterrupted'
  }

  private unknown(entry: FlatCall): void {
    this.children({ ...entry, outcome: UNKNOWN })
  }

  private next(markers: ReadonlySet<string>): DecodedEvent | undefined {
    for (let i = this.cursor; i < this.events.length; i++) {
      const event = this.events[i] as DecodedEvent
      if (!markers.has(`${event.pallet}.${event.name}`)) continue
      this.cursor = i + 1
      return event
    }
    return undefined
  }
}

interface Wrapper {
  /** Events that close a call inside this one. */
  markers: ReadonlySet<string>
  /** The call succeeded when no marker is left: runtimes from before `ItemCompleted`. */
  silentSuccess: boolean
  /** The error that a marker tells of: null for none, undefined for one that is not told. */
  error: (marker: DecodedEvent) => unknown
}

const BATCH: Wrapper = {
  markers: new Set(['Utility.ItemCompleted', 'Utility.ItemFailed', 'Utility.BatchInterrupted']),
  silentSuccess: false,
  error: (marker) => (marker.name === 'ItemCompleted' ? null : marker.values().at(-1)),
}
const resultOf =
  (position: number) =>
  (marker: DecodedEvent): unknown => {
    const result = marker.values()[position] as EnumValue | undefined
    return result?.type === 'Err' ? result.value : null
  }
const SUDO: Wrapper = {
  markers: new Set(['Sudo.Sudid', 'Sudo.SudoAsDone', 'SubtensorModule.Sudid']),
  silentSuccess: false,
  error: resultOf(0),
}

/** Calls that execute the calls in their arguments, and the events that tell how those ended. */
const WRAPPERS: Record<string, Wrapper | undefined> = {
  'Utility.batch': BATCH,
  'Utility.batch_all': BATCH,
  'Utility.force_batch': BATCH,
  // These pass the result of their call on: done when they are done.
  'Utility.as_derivative': { markers: new Set(), silentSuccess: true, error: () => null },
  'Utility.dispatch_as': { markers: new Set(['Utility.DispatchedAs']), silentSuccess: false, error: resultOf(0) },
  'Utility.with_weight': { markers: new Set(), silentSuccess: true, error: () => null },
  Sudo: SUDO,
  'SubtensorModule.sudo': SUDO,
  'SubtensorModule.sudo_unchecked_weight': SUDO,
  Proxy: { markers: new Set(['Proxy.ProxyExecuted']), silentSuccess: false, error: resultOf(0) },
  'Multisig.as_multi_threshold_1': { markers: new Set(), silentSuccess: true, error: () => null },
  'Multisig.as_multi': { markers: new Set(['Multisig.MultisigExecuted']), silentSuccess: false, error: resultOf(4) },
}

/** Whom a nested call is made for, as far as the call around it tells. */
function childOrigin(parent: FlatCall): Hex | null {
  const { pallet, call } = parent.call
  if (pallet === 'Utility' && call !== 'as_derivative' && call !== 'dispatch_as') return parent.origin
  if (pallet === 'Proxy') return accountArgument(parent.call, 'real')
  if (pallet === 'Sudo' && call === 'sudo_as') return accountArgument(parent.call, 'who')
  // Root, a derived or a multisig account: not told by an argument.
  return null
}

function accountArgument(call: DecodedCall, name: string): Hex | null {
  const value = call.values()[name]
  if (typeof value === 'string') return value as Hex
  const { type, value: inner } = (value ?? {}) as Partial<EnumValue>
  return type === 'Id' && typeof inner === 'string' ? (inner as Hex) : null
}
