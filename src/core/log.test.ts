import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { AppError } from './errors.js'
import { createLogger, type LogOptions } from './log.js'
import { maskUrl } from './mask.js'

function capture(options: LogOptions = {}) {
  const stream = new PassThrough()
  const log = createLogger({ ...options, stream })
  return { log, text: () => String(stream.read() ?? '') }
}

test('secrets are hidden at the top and inside, whatever the service', () => {
  const { log, text } = capture()
  const secret = 'hunter2'
  log.child({ service: 'api' }).info(
    {
      password: secret,
      apiKey: secret,
      req: { headers: { authorization: secret, 'x-api-key': secret, cookie: secret }, url: '/x' },
      wallet: { coldkey: { mnemonic: secret } },
    },
    'request',
  )
  const line = text()
  expect(line).not.toContain(secret)
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    service: 'api',
    msg: 'request',
    password: '[hidden]',
    req: { headers: { authorization: '[hidden]' }, url: '/x' },
  })
})

test('an error is logged with its code, detail and cause', () => {
  const { log, text } = capture()
  log.error({ err: new AppError('DATABASE_DOWN', 'no database', { port: 5432 }, new Error('refused')) }, 'failed')
  expect(JSON.parse(text()).err).toMatchObject({
    type: 'AppError',
    code: 'DATABASE_DOWN',
    detail: { port: 5432 },
    cause: { message: 'refused' },
  })
})

test('lines under the level are not written', () => {
  const { log, text } = capture({ level: 'warn' })
  log.info('no')
  log.warn('yes')
  expect(text().trim().split('\n')).toHaveLength(1)
})

test('the readable form puts the service before the text', () => {
  const { log, text } = capture({ format: 'pretty' })
  log.child({ service: 'indexer' }).info({ blockNumber: 5 }, 'batch applied')
  expect(text()).toMatch(/INFO: indexer: batch applied \{"blockNumber":5\}/)
})

test('the url field is masked', () => {
  const { log, text } = capture()
  log.info({ url: 'wss://node.example/?apikey=hunter2' }, 'connected')
  expect(text()).not.toContain('hunter2')
})

test.each([
  ['postgres://user:secret@host:5432/db', 'postgres://user:***@host:5432/db'],
  ['wss://node.example/ws?apikey=secret&x=1', 'wss://node.example/ws?apikey=***&x=***'],
  ['wss://node.example/0123456789abcdef0123456789abcdef', 'wss://node.example/***'],
  ['wss://entrypoint-finney.opentensor.ai:443', 'wss://entrypoint-finney.opentensor.ai:443'],
  ['ws://127.0.0.1:9944', 'ws://127.0.0.1:9944'],
  ['ws://127.0.0.1:9944/', 'ws://127.0.0.1:9944/'],
  ['not a url with user:pw@host', '***'],
  ['nonsense', 'nonsense'],
])('%s is shown as %s', (url, shown) => {
  expect(maskUrl(url)).toBe(shown)
})
