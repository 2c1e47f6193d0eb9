import { expect, it } from 'vitest'
import { createWatchers } from './watchers.js'

it('wakes everybody who waits for a registration, and nobody else', async () => {
  const watchers = createWatchers()
  const { signal } = new AbortController()
  const both = [watchers.wait('a', 5_000, signal), watchers.wait('a', 5_000, signal)]
  const other = watchers.wait('b', 30, signal)
  watchers.wake('a', 'state')
  watchers.wake('a', 'progress')
  expect(await Promise.all([...both, other])).toEqual(['state', 'state', 'nothing'])
})

it('lets go when the listener does, and when it is closed', async () => {
  const watchers = createWatchers()
  const controller = new AbortController()
  const gone = watchers.wait('a', 5_000, controller.signal)
  controller.abort()
  expect(await gone).toBe('nothing')
  expect(await watchers.wait('a', 5_000, controller.signal)).toBe('nothing')
  const closed = watchers.wait('a', 5_000, new AbortController().signal)
  watchers.close()
  expect(await closed).toBe('nothing')
})
