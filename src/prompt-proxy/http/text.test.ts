import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCutter, type CutOptions, cutText, type FinishReason } from './text.js'
import { estimateTokens } from '../tokens.js'

/** The definition: the whole text, cut at the first stop sequence, then to its length. */
function plainly(text: string, { stop, maxTokens }: CutOptions): { text: string; finishReason: FinishReason } {
  const places = stop.map((one) => text.indexOf(one)).filter((at) => at >= 0)
  const before = text.slice(0, Math.min(text.length, ...places))
  if (maxTokens === undefined || Buffer.byteLength(before) <= 4 * maxTokens) return { text: before, finishReason: 'stop' }
  let kept = ''
  for (const character of before) {
    if (Buffer.byteLength(kept + character) > 4 * maxTokens) break
    kept += character
  }
  return { text: kept, finishReason: 'length' }
}

function inPieces(pieces: readonly string[], options: CutOptions): { text: string; finishReason: FinishReason; tokens: number } {
  const cutter = createCutter(options)
  let text = ''
  for (const piece of pieces) {
    text += cutter.push(piece)
    if (cutter.cut !== null) break
  }
  text += cutter.end()
  return { text, finishReason: cutter.cut ?? 'stop', tokens: cutter.tokens }
}

/** Few letters, so that stop sequences are met, begun, overlapped and left; some of several bytes. */
const letters = fc.constantFrom('a', 'b', 'c', '\n', 'é', '語', '🙂')
const someText = (maxLength: number): fc.Arbitrary<string> => fc.array(letters, { maxLength }).map((all) => all.join(''))
const stops = fc.array(
  someText(6).filter((text) => text !== ''),
  { maxLength: 4 },
)
const options = fc.record({ stop: stops, maxTokens: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }) })

describe('cutting', () => {
  test('a text in any pieces is cut as the whole text is', () => {
    fc.assert(
      fc.property(fc.array(someText(8), { maxLength: 12 }), options, (pieces, wanted) => {
        const whole = pieces.join('')
        const kept = plainly(whole, wanted)
        const result = { ...kept, tokens: estimateTokens(kept.text) }
        expect(inPieces(pieces, wanted)).toEqual(result)
        expect(inPieces([...whole], wanted)).toEqual(result)
        expect(cutText(whole, wanted)).toEqual(result)
      }),
      { numRuns: 3000 },
    )
  })

  test('nothing is held back but what may be the beginning of a stop sequence', () => {
    fc.assert(
      fc.property(someText(30), stops, (text, stop) => {
        const cutter = createCutter({ stop })
        let [came, given] = ['', '']
        for (const character of text) {
          came += character
          given += cutter.push(character)
          if (cutter.cut !== null) return
          const held = came.slice(given.length)
          expect(held === '' || stop.some((one) => one.length > held.length && one.startsWith(held))).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    [['ST', 'OP now'], ['STOP'], '', 'stop'],
    [['a ST', 'OX', ' and STO'], ['STOP'], 'a STOX and STO', 'stop'],
    [['xab', 'c'], ['abcd', 'bc'], 'xa', 'stop'],
    [['xab', 'cd'], ['abcd', 'bc'], 'x', 'stop'],
    [['aaa', 'ab'], ['aab'], 'aa', 'stop'],
  ])('%j with %j', (pieces, stop, text, finishReason) => {
    expect(inPieces(pieces, { stop })).toMatchObject({ text, finishReason })
  })

  test('a limit keeps whole characters, and a text that just fits is not cut', () => {
    expect(cutText('abcdefgh', { stop: [], maxTokens: 2 })).toEqual({ text: 'abcdefgh', finishReason: 'stop', tokens: 2 })
    expect(cutText('abcdefghi', { stop: [], maxTokens: 2 })).toEqual({ text: 'abcdefgh', finishReason: 'length', tokens: 2 })
    expect(cutText('abc🙂', { stop: [], maxTokens: 1 })).toEqual({ text: 'abc', finishReason: 'length', tokens: 1 })
    expect(cutText('abcdX', { stop: ['X'], maxTokens: 1 })).toEqual({ text: 'abcd', finishReason: 'stop', tokens: 1 })
    expect(cutText('abcdeX', { stop: ['X'], maxTokens: 1 })).toEqual({ text: 'abcd', finishReason: 'length', tokens: 1 })
  })
})

test('tokens are bytes by four', () => {
  expect(['', 'a', 'abcd', 'abcde', '語語', '🙂🙂'].map(estimateTokens)).toEqual([0, 1, 1, 2, 2, 2])
})
