import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createDevnetRuntime } from '../../../src/devnet/runtime/compose.js'
import { chainLayout, type ChainLayout } from '../../support/chain-layout.js'

const real = JSON.parse(readFileSync(new URL('../../fixtures/devnet/layout-143.json', import.meta.url), 'utf8')) as ChainLayout

describe('the layout of the devnet is that of a real chain of spec 143', () => {
  const own = chainLayout(createDevnetRuntime().metadata)

  test('same pallets and signed extensions', () => {
    expect(Object.keys(own.pallets)).toEqual(Object.keys(real.pallets))
    expect(own.signedExtensions).toEqual(real.signedExtensions)
  })

  test.each(Object.keys(real.pallets))('%s: same calls, events, errors, storage, defaults and constants', (name) => {
    expect(own.pallets[name]).toEqual(real.pallets[name])
  })
})
