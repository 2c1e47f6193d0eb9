/** The `Context` that pallets see: typed storage and events over the bytes of the block being built. */
import { toHex } from '../../core/units/bytes.js'
import { decodeWith, encodeWith } from '../runtime/scale.js'
import type { Runtime } from '../runtime/runtime.js'
import { DispatchError, type CallValue, type Context, type DispatchOutcome, type Origin } from '../runtime/types.js'
import type { Overlay } from '../state/overlay.js'

export type EventPhase = { type: 'ApplyExtrinsic'; value: number } | { type: 'Initialization' | 'Finalization' }

export interface Execution {
  readonly ctx: Context
  /** Phase of the events that follow. */
  setPhase(phase: EventPhase): void
  /** Events so far, encoded. */
  readonly events: readonly Uint8Array[]
  /** Runs something whose writes and events are taken back if it throws. */
  transaction<T>(run: () => T): T
}

export function createExecution({ runtime, overlay, blockNumber }: { runtime: Runtime; overlay: Overlay; blockNumber: number }): Execution {
  const events: Uint8Array[] = []
  let phase: EventPhase = { type: 'Initialization' }
  const { storage, codecs } = runtime

  function transaction<T>(run: () => T): T {
    const mark = overlay.mark()
    const eventMark = events.length
    try {
      return run()
    } catch (error) {
      overlay.rollback(mark)
      events.length = eventMark
      throw error
    }
  }

  function read(pallet: string, name: string, keys: unknown[]): unknown {
    const { definition, key, value } = storage.item(pallet, name)
    if (keys.length !== (definition.keys?.length ?? 0)) throw new Error(`${pallet}.${name} wants ${definition.keys?.length ?? 0} keys`)
    const bytes = overlay.get(key(keys))
    if (bytes !== undefined) return decodeWith(value, bytes)
    if (definition.modifier === 'Optional') return undefined
    // A copy, so that nobody can change what the next reader finds.
    return typeof definition.fallback === 'object' ? structuredClone(definition.fallback) : definition.fallback
  }

  function dispatch(origin: Origin, call: CallValue): DispatchOutcome {
    try {
      return { ok: true, post: transaction(() => runtime.call(call).dispatch(ctx, origin, call.args)) }
    } catch (error) {
      if (error instanceof DispatchError) return { ok: false, error }
      throw error
    }
  }

  const ctx: Context = {
    blockNumber,
    now: () => Number(read('Timestamp', 'Now', [])),
    blockHash: (number) => {
      const bytes = overlay.get(storage.item('System', 'BlockHash').key([number]))
      return bytes === undefined ? null : toHex(bytes)
    },
    get: <T>(pallet: string, name: string, ...keys: unknown[]) => read(pallet, name, keys) as T,
    has: (pallet, name, ...keys) => overlay.get(storage.item(pallet, name).key(keys)) !== undefined,
    set: (pallet, name, keys, value) => {
      const item = storage.item(pallet, name)
      overlay.set(item.key(keys), encodeWith(item.value, value))
    },
    remove: (pallet, name, ...keys) => overlay.set(storage.item(pallet, name).key(keys), null),
    setRaw: (key, value) => overlay.set(toHex(key), value),
    entries: <T>(pallet: string, name: string, ...prefix: unknown[]) => {
      const item = storage.item(pallet, name)
      return overlay.keys(item.key(prefix)).map((key) => ({
        keys: item.keysOf(key),
        value: decodeWith(item.value, overlay.get(key) as Uint8Array) as T,
      }))
    },
    emit: (pallet, event, ...fields) => {
      events.push(codecs.encode('EventRecord', { phase, event: { pallet, event, fields }, topics: [] }))
    },
    dispatch,
    infoOf: runtime.infoOf,
    constant: <T>(pallet: string, name: string) => runtime.constant(pallet, name) as T,
  }

  return { ctx, events, transaction, setPhase: (next) => (phase = next) }
}
