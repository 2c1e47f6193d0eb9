import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { Hex } from '../records.js'
import { fromHex } from '../units/bytes.js'
import { keyPairFromSeed, prepareKeys } from './keys.js'
import { signValidatorInfo, validatorInfoText, verifyValidatorInfo } from './validator-info.js'

const vector = JSON.parse(readFileSync(new URL('../../../test/fixtures/validator_info_signature.json', import.meta.url), 'utf8')) as {
  seed: Hex
  hotkey: string
  information: string
  signature_hex: string
  must_fail: { why: string; information: string }[]
}
const INFO = { name: 'Example Validator', url: 'www.example.org', description: 'Keeps "it" running \u2013 caf\u00e9' }

beforeAll(prepareKeys)

test('the signature of the vector is the hotkey’s', () => {
  expect(verifyValidatorInfo({ text: vector.information, signature: vector.signature_hex })).toEqual({ hotkey: vector.hotkey, info: INFO })
})

test.each(vector.must_fail)('is refused: $why', ({ information }) => {
  expect(verifyValidatorInfo({ text: information, signature: vector.signature_hex })).toBeNull()
})

test('the text is that of Python, character by character', () => {
  expect(validatorInfoText(vector.hotkey, INFO)).toBe(vector.information)
  const odd = { name: '\u007f\t\n\r\b\f\u0000', url: '/\\', description: '\u{1f600}\ud800' }
  expect(validatorInfoText('x', odd)).toBe(
    '{"x": {"name": "\\u007f\\t\\n\\r\\b\\f\\u0000", "url": "/\\\\", "description": "\\ud83d\\ude00\\ud800"}}',
  )
})

test('whatever is signed is verified, and only with its own text', async () => {
  const hotkey = await keyPairFromSeed(fromHex(vector.seed))
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(fc.record({ name: text, url: text, description: text }), (info) => {
      const signed = signValidatorInfo(info, hotkey)
      expect(signed.signature).toMatch(/^[0-9a-f]{128}$/)
      expect(verifyValidatorInfo(signed)).toEqual({ hotkey: hotkey.address, info })
      expect(verifyValidatorInfo({ ...signed, text: `${signed.text} ` })).toBeNull()
    }),
    { numRuns: 30 },
  )
})

test.each(['', '[]', 'null', '{}', '{"x": {}}', `{"${vector.hotkey}": null}`, `{"${vector.hotkey}": {"name": 1}}`])(
  'a text that is no validator information is refused: %j',
  (text) => expect(verifyValidatorInfo({ text, signature: vector.signature_hex })).toBeNull(),
)

test.each(['', 'zz', '00', `${vector.signature_hex}00`])('%j is no signature', (signature) => {
  expect(verifyValidatorInfo({ text: vector.information, signature })).toBeNull()
})
