import { expect, test } from 'vitest'
import { echoAnswer, fixedAnswer, type Answer } from './echo.js'

const START = '[me, a stand-in without a model] '

async function pieces(answer: Answer, content: string, signal = new AbortController().signal): Promise<string[]> {
  const messages = [
    { role: 'system', content: 'Be terse.' },
    { role: 'user', content },
    { role: 'assistant', content: 'a beginning' },
  ]
  const all: string[] = []
  for await (const piece of answer({ messages, signal })) all.push(piece)
  return all
}

test.each([
  ['What is  2 + 2?', 'You said, in 5 words: What is  2 + 2?'],
  ['', 'You said, in 0 words:'],
  ['repeat this  text', 'this  text'],
  ['Repeat: this\ntext', 'this\ntext'],
  ['repeated text', 'You said, in 2 words: repeated text'],
  ['reverse abc 👩‍👩‍👧 né', 'én 👩‍👩‍👧 cba'],
  ['count words in: one two  three', '3'],
])('%j is answered with %j', async (question, wanted) => {
  expect((await pieces(echoAnswer('me', 0), question)).join('').trimEnd()).toBe(START + wanted)
})

test('an answer comes word by word, and the same one each time', async () => {
  const answer = echoAnswer('me', 0)
  const first = await pieces(answer, 'repeat a b c')
  expect(first.slice(-3)).toEqual(['a ', 'b ', 'c'])
  expect(await pieces(answer, 'repeat a b c')).toEqual(first)
})

test('a long question comes back cut short, with whole characters', async () => {
  const text = (await pieces(echoAnswer('me', 0), `repeat ${'😀'.repeat(2_000)}`)).join('').slice(START.length)
  expect(text.length).toBeLessThanOrEqual(1_001)
  expect(text.length).toBeGreaterThan(900)
  expect(text).toMatch(/^(😀)+…$/u)
})

test('a fixed text is what it is', async () => {
  expect((await pieces(fixedAnswer('  four\n', 0), 'anything')).join('')).toBe('  four\n')
})

test('a caller that hangs up ends the wait', async () => {
  const controller = new AbortController()
  const startedAt = Date.now()
  const reading = pieces(fixedAnswer('never', 60_000), 'anything', controller.signal)
  controller.abort(new Error('gone'))
  await expect(reading).rejects.toThrow('gone')
  expect(Date.now() - startedAt).toBeLessThan(5_000)
})
