import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createStopper } from './stop-signal.js'

test('listeners run once, in their order, before abort returns; the first reason stays', () => {
  const { signal, abort } = createStopper()
  const seen: string[] = []
  const first = (): void => void seen.push('first')
  signal.addEventListener('abort', first)
  signal.addEventListener('abort', first, { once: true })
  signal.addEventListener('abort', () => void seen.push('second'))
  expect(signal).toMatchObject({ aborted: false, reason: undefined })
  abort('why')
  abort('again')
  expect(seen).toEqual(['first', 'second'])
  expect(signal).toMatchObject({ aborted: true, reason: 'why' })
})

test('who is taken back does not run, also when that happens on the way; nobody is told late', () => {
  const { signal, abort } = createStopper()
  const seen: string[] = []
  const gone = (): void => void seen.push('gone')
  const later = (): void => void seen.push('later')
  signal.addEventListener('abort', gone)
  signal.removeEventListener('abort', gone)
  signal.addEventListener('abort', () => signal.removeEventListener('abort', later))
  signal.addEventListener('abort', later)
  abort(null)
  signal.addEventListener('abort', () => void seen.push('late'))
  expect(seen).toEqual([])
})

test('it can be waited for as a signal of Node', async () => {
  const { signal, abort } = createStopper()
  const told = once(signal as AbortSignal, 'abort')
  abort('why')
  await told
})
