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
 * Flattens a call and its nested calls, depth first, and finds how each ended. Wrapping calls leave an event for each call inside, after that call's own
 * events; so the extrinsic's events are read from the last to the first, where the end of a call is met before anything that happened in it. Events
 * of a call that failed are rolled back, and with them what would tell about the calls inside it.
 */
export function callOutcomes(
  runtime: Runtime,
  outer: DecodedCall,
  outcome: CallOutcome,
  signer: Hex | null,
  events: DecodedEvent[],
): FlatCall[] {
  const root: FlatCall = { index: 0, parentIndex: 0, call: outer, outcome, origin: signer }
  const flat = [root]
  if (outer.inner.length === 0) return flat
  const tree = flatten(root, flat)
  const trail: EventTrail = { events, position: events.length }
  settle(tree, trail, runtime)
  return flat
}

interface CallNode {
  entry: FlatCall
  children: CallNode[]
}

function flatten(entry: FlatCall, flat: FlatCall[]): CallNode {
  const children = entry.call.inner.map((call) => {
    const child: FlatCall = { index: flat.length, parentIndex: entry.index, call, outcome: UNKNOWN, origin: childOrigin(entry) }
    flat.push(child)
    return flatten(child, flat)
  })
  return { entry, children }
}

/** A position in the events that moves towards the first. */
interface EventTrail {
  events: DecodedEvent[]
  position: number
}

/** The nearest event of a kind before the position, which moves there; undefined, and the position stays, when there is none. */
function back(trail: EventTrail, names: ReadonlySet<string>): DecodedEvent | undefined {
  for (let i = trail.position - 1; i >= 0; i--) {
    const event = trail.events[i] as DecodedEvent
    if (!names.has(`${event.pallet}.${event.name}`)) continue
    trail.position = i
    return event
  }
  return undefined
}

/** Sets the outcomes of the calls inside one that was done. */
function settle(node: CallNode, trail: EventTrail, runtime: Runtime): void {
  if (node.children.length === 0 || node.entry.outcome.success !== true) return
  const { pallet, call } = node.entry.call
  if (BATCHES.has(`${pallet}.${call}`)) return settleBatch(node, trail, runtime)
  const wrapper = WRAPPERS[`${pallet}.${call}`] ?? WRAPPERS[pallet]
  for (const child of node.children.toReversed()) {
    if (wrapper === undefined) continue
    if (wrapper === PASSES_ON) child.entry.outcome = DONE
    else {
      const marker = back(trail, wrapper.markers)
      if (marker) child.entry.outcome = outcomeOf(runtime, wrapper.error(marker))
    }
    settle(child, trail, runtime)
  }
}

const BATCH_END = new Set(['Utility.BatchCompleted', 'Utility.BatchCompletedWithErrors', 'Utility.BatchInterrupted'])
const BATCH_ITEM = new Set(['Utility.ItemCompleted', 'Utility.ItemFailed'])

function settleBatch(node: CallNode, trail: EventTrail, runtime: Runtime): void {
  const end = back(trail, BATCH_END)
  if (!end) return
  const interrupted = end.name === 'BatchInterrupted'
  const [stoppedAt, error] = interrupted ? end.values() : [node.children.length, null]
  for (let i = node.children.length - 1; i >= 0; i--) {
    const child = node.children[i] as CallNode
    if (interrupted && i >= Number(stoppedAt)) {
      if (i === Number(stoppedAt)) child.entry.outcome = outcomeOf(runtime, error)
      continue
    }
    const item = back(trail, BATCH_ITEM)
    if (!item) return
    child.entry.outcome = outcomeOf(runtime, item.name === 'ItemFailed' ? item.values()[0] : null)
    settle(child, trail, runtime)
  }
}

function outcomeOf(runtime: Runtime, error: unknown): CallOutcome {
  return error === null ? DONE : { success: false, error: runtime.errorName(error) }
}

interface Wrapper {
  /** Events that close a call inside this one. */
  markers: ReadonlySet<string>
  /** The error that a marker tells of, null for none. */
  error: (marker: DecodedEvent) => unknown
}

const resultOf =
  (position: number) =>
  (marker: DecodedEvent): unknown => {
    const result = marker.values()[position] as EnumValue | undefined
    return result?.type === 'Err' ? result.value : null
  }
const SUDO: Wrapper = { markers: new Set(['Sudo.Sudid', 'Sudo.SudoAsDone', 'SubtensorModule.Sudid']), error: resultOf(0) }
/** Calls that pass the result of the call inside on as their own. */
const PASSES_ON: Wrapper = { markers: new Set(), error: () => null }

const BATCHES = new Set(['Utility.batch', 'Utility.batch_all', 'Utility.force_batch'])
/** Calls that execute the calls in their arguments, and the events that tell how those ended. */
const WRAPPERS: Record<string, Wrapper | undefined> = {
  'Utility.as_derivative': PASSES_ON,
  'Utility.with_weight': PASSES_ON,
  'Utility.dispatch_as': { markers: new Set(['Utility.DispatchedAs']), error: resultOf(0) },
  Sudo: SUDO,
  'SubtensorModule.sudo': SUDO,
  'SubtensorModule.sudo_unchecked_weight': SUDO,
  Proxy: { markers: new Set(['Proxy.ProxyExecuted']), error: resultOf(0) },
  'Multisig.as_multi_threshold_1': PASSES_ON,
  'Multisig.as_multi': { markers: new Set(['Multisig.MultisigExecuted']), error: resultOf(4) },
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
