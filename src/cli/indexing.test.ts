import { expect, test } from 'vitest'
import { AppError } from '../core/errors.js'
import { nodeReadiness } from './indexing.js'

const endpoint = 'ws://node.example:9944'

test('a connected node is ready, and one that was lost for a moment too', async () => {
  expect(await nodeReadiness({ endpoint, ready: () => Promise.resolve() })).toEqual({ ok: true })
  const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 20))
  expect(await nodeReadiness({ endpoint, ready: soon })).toEqual({ ok: true })
})

test('a node that stays away is a reason, without waiting for it', async () => {
  const reasons = [`chain: not connected to ${endpoint}`]
  expect(await nodeReadiness({ endpoint, ready: () => new Promise(() => undefined) })).toEqual({ ok: false, reasons })
})

test('a node that cannot be used is a reason that says why', async () => {
  const down = new AppError('UPSTREAM_DOWN', `cannot use the node ${endpoint}: nothing listens there`)
  expect(await nodeReadiness({ endpoint, ready: () => Promise.reject(down) })).toEqual({ ok: false, reasons: [`chain: ${down.message}`] })
})
