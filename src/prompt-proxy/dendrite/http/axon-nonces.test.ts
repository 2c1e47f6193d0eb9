import { expect, test } from 'vitest'
import { createAxonNonces } from './axon-nonces.js'

const axon = { hotkey: 'h', uuid: 'u' }

test('answers may overtake each other, but nothing comes twice or from before', () => {
  const nonces = createAxonNonces()
  const first = nonces.mark()
  expect(nonces.take({ ...axon, nonce: 20n, sentAt: first })).toBe(true)
  // Sent before the other had come: its nonce may be lower.
  expect(nonces.take({ ...axon, nonce: 10n, sentAt: first })).toBe(true)
  expect(nonces.take({ ...axon, nonce: 10n, sentAt: first })).toBe(false)
  const later = nonces.mark()
  expect(nonces.take({ ...axon, nonce: 15n, sentAt: later })).toBe(false)
  expect(nonces.take({ ...axon, nonce: 20n, sentAt: later })).toBe(false)
  expect(nonces.take({ ...axon, nonce: 21n, sentAt: later })).toBe(true)
})

test('an axon that started again has another uuid, and counts anew', () => {
  const nonces = createAxonNonces()
  expect(nonces.take({ ...axon, nonce: 20n, sentAt: nonces.mark() })).toBe(true)
  expect(nonces.take({ ...axon, uuid: 'v', nonce: 1n, sentAt: nonces.mark() })).toBe(true)
  expect(nonces.take({ ...axon, nonce: 19n, sentAt: nonces.mark() })).toBe(false)
})

test('the axons that answered last are kept, and of each the last nonces', () => {
  const nonces = createAxonNonces(2)
  for (const uuid of ['a', 'b', 'c']) expect(nonces.take({ hotkey: 'h', uuid, nonce: 5n, sentAt: nonces.mark() })).toBe(true)
  expect(nonces.take({ hotkey: 'h', uuid: 'c', nonce: 5n, sentAt: nonces.mark() })).toBe(false)
  expect(nonces.take({ hotkey: 'h', uuid: 'a', nonce: 5n, sentAt: nonces.mark() })).toBe(true)
  for (let nonce = 6n; nonce < 2_000n; nonce++) expect(nonces.take({ hotkey: 'h', uuid: 'a', nonce, sentAt: nonces.mark() })).toBe(true)
  expect(nonces.take({ hotkey: 'h', uuid: 'a', nonce: 7n, sentAt: nonces.mark() })).toBe(false)
})
