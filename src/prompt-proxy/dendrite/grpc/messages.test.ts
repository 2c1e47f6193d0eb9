import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { v5Vectors } from '../../../../test/support/v5-client.js'
import { messageFromJson, messageToJson, V5_CODECS, type V5Method, type V5Request, type V5Response } from './messages.js'

const vectors = v5Vectors()

function methodOf(name: string): V5Method {
  return /(MultiForward|Forward|Backward)/.exec(name)?.[1] as V5Method
}

describe('vectors', () => {
  test.each(vectors.valid)('$name: the request has these bytes', (vector) => {
    const codec = V5_CODECS[methodOf(vector.http2_path)]
    expect(codec.path).toBe(vector.http2_path)
    expect(codec.encodeRequest(vector.request_fields).toString('hex')).toBe(vector.request_protobuf_hex)
    const none: V5Request = { version: 0, hotkey: '', messages: [], timeout: 0, rewards: [], response: '' }
    expect(codec.decodeRequest(Buffer.from(vector.request_protobuf_hex, 'hex'))).toEqual({ ...none, ...vector.request_fields })
    const messages = vector.request_fields.messages.map(messageFromJson)
    expect(messages.map(messageToJson)).toEqual(vector.request_fields.messages)
  })

  test.each(vectors.responses)('$type $protobuf_hex', ({ type, fields, protobuf_hex: hex }) => {
    const codec = V5_CODECS[methodOf(type)]
    const camel = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
    ) as Partial<V5Response>
    expect(codec.encodeResponse(camel).toString('hex')).toBe(hex)
    const none: V5Response = { version: 0, hotkey: '', response: '', multiCompletions: [], returnMessage: '', returnCode: 0 }
    expect(codec.decodeResponse(Buffer.from(hex, 'hex'))).toEqual({ ...none, ...camel })
  })
})

test('fields that only some methods have are left out of the others', () => {
  const request = { version: 1, messages: ['a'], timeout: 1, rewards: [1], response: 'b' }
  expect(V5_CODECS.Forward.encodeRequest(request)).toEqual(V5_CODECS.Forward.encodeRequest({ version: 1, messages: ['a'], timeout: 1 }))
})

test('an axon may send a code that has no name', () => {
  expect(V5_CODECS.Forward.decodeResponse(Buffer.from('2863', 'hex')).returnCode).toBe(99)
})

test.each(['1aff07', 'ff', '1a05616263', '00', '0001', '08', '0b', '2d0000', '290000', '1affffffffffffffffffff01'])(
  '%s are no bytes of a message',
  (hex) => {
    expect(() => V5_CODECS.Forward.decodeResponse(Buffer.from(hex, 'hex'))).toThrow()
    expect(() => V5_CODECS.Forward.decodeRequest(Buffer.from(hex, 'hex'))).toThrow()
  },
)

test('fields that are not known are passed over', () => {
  const hex = '08fe03' + '3a03616263' + '45000000ff' + '410102030405060708' + '4880ffffffffffffffff01' + '1a0134' + '2801'
  expect(V5_CODECS.Forward.decodeResponse(Buffer.from(hex, 'hex'))).toMatchObject({ version: 510, response: '4', returnCode: 1 })
})

test('no part of a message is taken for the whole, but where a field ends', () => {
  const bytes = V5_CODECS.Forward.encodeResponse({ version: 510, response: 'four', returnMessage: 'Success', returnCode: 1 })
  const whole = Array.from({ length: bytes.length + 1 }, (_, end) => end).filter((end) => {
    try {
      V5_CODECS.Forward.decodeResponse(bytes.subarray(0, end))
      return true
    } catch {
      return false
    }
  })
  expect(whole).toEqual([0, 3, 9, 18, 20])
})

describe('messages as JSON', () => {
  /** Any UTF-16, half surrogates included; weighted towards what is escaped. */
  const unit = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 }))
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(unit, { maxLength: 30 }).map((units) => String.fromCharCode(...units)),
  )

  test('come back as they were, through JSON and through protobuf', () => {
    fc.assert(
      fc.property(text, text, (role, content) => {
        const json = messageToJson({ role, content })
        expect(json).toMatch(/^[ -~]*$/)
        expect(messageFromJson(json)).toEqual({ role, content })
        const bytes = V5_CODECS.Forward.encodeRequest({ version: 1, messages: [json, json], timeout: 1 })
        expect(V5_CODECS.Forward.decodeRequest(bytes).messages).toEqual([json, json])
      }),
      { numRuns: 500 },
    )
  })

  test('are written as Python writes them', () => {
    expect(messageToJson({ role: 'user', content: 'a/b "q" \\ \b\f\n\r\t\u0000\u001f\u007f é ÿ 語 😀 \ud800' })).toBe(
      String.raw`{"role": "user", "content": "a/b \"q\" \\ \b\f\n\r\t\u0000\u001f\u007f \u00e9 \u00ff \u8a9e \ud83d\ude00 \ud800"}`,
    )
  })

  test('completions of any characters come through protobuf', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (response) => {
        const bytes = V5_CODECS.Forward.encodeResponse({ response, returnCode: 1 })
        expect(V5_CODECS.Forward.decodeResponse(bytes)).toMatchObject({ response, returnCode: 1 })
      }),
      { numRuns: 300 },
    )
  })

  test.each(['', '{', '[]', 'null', '"a"', '{"role": 1, "content": "a"}', '{"role": "user"}'])('%j is none', (json) => {
    expect(() => messageFromJson(json)).toThrow()
  })
})
