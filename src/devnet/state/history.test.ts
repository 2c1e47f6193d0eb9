import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { createHistory, type History } from './history.js'
import type { StateBlock } from './block-tree.js'

const bytes = (...list: number[]) => Uint8Array.from(list)
const A: Hex = '0xaa01'
const B: Hex = '0xaa02'
const C: Hex = '0xbb01'

function withBlocks(): { history: History; genesis: StateBlock; one: StateBlock; two: StateBlock } {
  const history = createHistory()
  const genesis = history.add(null, new Map([[A, bytes(1)]]))
  const one = history.add(
    genesis,
    new Map<Hex, Uint8Array | null>([
      [A, bytes(2)],
      [B, bytes(3)],
    ]),
  )
  const two = history.add(one, new Map<Hex, Uint8Array | null>([[A, null]]))
  return { history, genesis, one, two }
}

describe('history', () => {
  test('every block keeps its own state', () => {
    const { history, genesis, one, two } = withBlocks()
    expect([genesis, one, two].map((block) => history.get(block, A))).toEqual([bytes(1), bytes(2), undefined])
    expect(history.keys(genesis, '0xaa')).toEqual([A])
    expect(history.keys(one, '0xaa')).toEqual([A, B])
    expect(history.keys(two, '0xaa')).toEqual([B])
  })

  test('branches do not see each other', () => {
    const { history, genesis, one, two } = withBlocks()
    const rival = history.add(genesis, new Map([[C, bytes(9)]]))
    const onRival = history.add(rival, new Map([[A, bytes(7)]]))
    const three = history.add(two, new Map([[B, bytes(4)]]))
    expect(history.get(onRival, A)).toEqual(bytes(7))
    expect(history.get(rival, A)).toEqual(bytes(1))
    expect(history.get(onRival, B)).toBeUndefined()
    expect(history.get(three, C)).toBeUndefined()
    expect(history.get(three, A)).toBeUndefined()
    expect(history.get(one, A)).toEqual(bytes(2))
  })

  test('keys come in order, in pages', () => {
    const { history, genesis } = withBlocks()
    const keys: Hex[] = Array.from({ length: 25 }, (_, i): Hex => `0xcc${(((i * 7) % 25) + 16).toString(16)}`)
    const block = history.add(genesis, new Map(keys.map((key) => [key, bytes(1)])))
    const pages: Hex[] = []
    for (let after: Hex | undefined; ; after = pages.at(-1)) {
      const page = history.keys(block, '0xcc', after, 10)
      pages.push(...page)
      if (page.length < 10) break
    }
    expect(pages).toEqual([...keys].sort())
  })

  test('the root tells states apart and does not care how they came about', () => {
    const { history, genesis, two } = withBlocks()
    const none = new Map<Hex, null>()
    expect(history.rootWith(genesis, none).root).not.toBe(history.rootWith(two, none).root)
    const backAgain = history.add(
      two,
      new Map<Hex, Uint8Array | null>([
        [A, bytes(1)],
        [B, null],
      ]),
    )
    expect(history.rootWith(backAgain, none).root).toBe(history.rootWith(genesis, none).root)
  })

  test('a patch changes a block and what is built on it, and no ancestor or rival', () => {
    const { history, genesis, one, two } = withBlocks()
    const rival = history.add(genesis, new Map())
    history.patch(one, new Map([[B, bytes(42)]]))
    expect([genesis, one, two, rival].map((block) => history.get(block, B))).toEqual([undefined, bytes(42), bytes(42), undefined])
  })
})
