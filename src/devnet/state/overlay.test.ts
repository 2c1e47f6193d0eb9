import { expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { createRandom } from '../cast/random.js'
import { createOverlay } from './overlay.js'

const value = (byte: number): Uint8Array => Uint8Array.of(byte)
const keys = Array.from({ length: 24 }, (_, i): Hex => `0x${(i % 3).toString(16)}${i.toString(16).padStart(3, '0')}`)
const prefixes = ['0x', '0x0', '0x1', '0x2', '0x3']

test('an overlay is a copy of what lies below with its own writes, whatever was taken back', () => {
  const random = createRandom('overlay')
  const below = new Map(keys.slice(0, 12).map((key, i) => [key, value(i)] as const))
  const inOrder = (state: ReadonlyMap<Hex, Uint8Array>, prefix: string) => [...state.keys()].filter((key) => key.startsWith(prefix)).sort()
  const overlay = createOverlay({ get: (key) => below.get(key), keys: (prefix) => inOrder(below, prefix) })
  let model = new Map(below)
  const marks: { mark: number; model: Map<Hex, Uint8Array> }[] = []
  for (let step = 0; step < 1000; step++) {
    const action = random.below(10)
    if (action === 0) marks.push({ mark: overlay.mark(), model: new Map(model) })
    else if (action === 1 && marks.length > 0) {
      const at = random.below(marks.length)
      const [back] = marks.splice(at)
      overlay.rollback(back!.mark)
      model = new Map(back!.model)
    } else {
      const key = random.pick(keys)
      const written = action < 5 ? null : value(step % 256)
      overlay.set(key, written)
      if (written === null) model.delete(key)
      else model.set(key, written)
    }
    expect(prefixes.map(overlay.keys)).toEqual(prefixes.map((prefix) => inOrder(model, prefix)))
    expect(keys.map(overlay.get)).toEqual(keys.map((key) => model.get(key)))
  }
})
