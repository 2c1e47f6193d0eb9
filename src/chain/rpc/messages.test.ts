import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRequest, readMessage } from './messages.js'

test('a request is JSON-RPC 2.0', () => {
  expect(JSON.parse(encodeRequest(7, 'state_getStorage', '["0x01",null]'))).toEqual({
    jsonrpc: '2.0',
    id: 7,
    method: 'state_getStorage',
    params: ['0x01', null],
  })
})

describe('a message', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":3,"result":null}', { kind: 'answer', id: 3, result: null }],
    ['{"id":3,"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}', { kind: 'refusal', id: 3, error: { code: -32000, message: 'no' } }],
    ['{"id":3,"jsonrpc":"2.0","error":{"message":"no"}}', { kind: 'refusal', id: 3, error: { code: null, message: 'no' } }],
    [
      '{"jsonrpc":"2.0","method":"chain_newHead","params":{"subscription":"a","result":{}}}',
      { kind: 'notice', subscription: 'a', value: {} },
    ],
    ['{"jsonrpc":"2.0","method":"hello","params":[]}', { kind: 'other' }],
    ['{"jsonrpc":"2.0","method":"hello"}', { kind: 'other' }],
    ['{"jsonrpc":"2.0","method":"hello","params":null}', { kind: 'other' }],
  ])('%s', (text, wanted) => {
    expect(readMessage(text)).toEqual(wanted)
  })

  test.each([
    ['', null],
    ['<html>', null],
    ['[]', null],
    ['5', null],
    ['null', null],
    ['{}', null],
    ['{"id":"3","result":1}', null],
    ['{"id":3}', 3],
    ['{"id":3,"error":"no"}', 3],
    ['{"jsonrpc":"2.0","id":12,"result":"0x', 12],
    ['{"jsonrpc":"2.0","id":12', null],
  ])('%j is garbage of request %s', (text, id) => {
    expect(readMessage(text)).toMatchObject({ kind: 'garbage', id })
  })

  test('of any kind is read without throwing, and its excerpt is one short line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const message = readMessage(text)
        if (message.kind !== 'garbage') return
        expect(message.what.length).toBeLessThan(260)
        expect(message.what).not.toMatch(/[\n\r]/)
      }),
    )
  })
})
