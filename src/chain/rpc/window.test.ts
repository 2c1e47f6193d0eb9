import { expect, test } from 'vitest'
import { createWindow } from './window.js'

test('a window starts at its bound and never grows beyond it', () => {
  const window = createWindow(64)
  for (let i = 0; i < 1000; i++) window.widen()
  expect(window.size()).toBe(64)
})

test('losses without an answer bring it down to a single request quickly, and it never closes', () => {
  const window = createWindow(256)
  const sizes = Array.from({ length: 6 }, () => {
    window.narrow(false)
    return window.size()
  })
  expect(sizes).toEqual([64, 16, 4, 1, 1, 1])
})

test('answers open it again', () => {
  const window = createWindow(256)
  for (let i = 0; i < 4; i++) window.narrow(false)
  for (let i = 0; i < 50; i++) window.widen()
  expect(window.size()).toBeGreaterThan(32)
  for (let i = 0; i < 5000; i++) window.widen()
  expect(window.size()).toBe(256)
})
