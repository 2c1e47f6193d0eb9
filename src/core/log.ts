import { pino, destination, type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'
import { maskUrl } from './mask.js'

export type Logger = PinoLogger

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  level?: LogLevel
  /** `auto`: coloured lines on a terminal, JSON otherwise. */
  format?: 'auto' | 'json' | 'pretty'
  /** Where lines go; the default is standard error, so that standard output stays for answers a command prints. */
  stream?: NodeJS.WritableStream
}

const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'cookie',
  'apiKey',
  'api_key',
  'x-api-key',
  'password',
  'secret',
  'token',
  'mnemonic',
  'seed',
  'suri',
  'privateKey',
  'secretKey',
]

/** pino redacts by path: a secret is looked for at the top and up to three objects deep. */
const SECRET_PATHS = SECRET_FIELDS.flatMap((field) => {
  const last = /^\w+$/.test(field) ? `.${field}` : `["${field}"]`
  const first = /^\w+$/.test(field) ? field : `["${field}"]`
  return [first, `*${last}`, `*.*${last}`, `*.*.*${last}`]
})

/** The root logger; services take `log.child({ service })`. Made in main only. */
export function createLogger(options: LogOptions = {}): Logger {
  const { level = 'info', format = 'auto', stream } = options
  const terminal = stream === undefined && process.stderr.isTTY
  const usePretty = format === 'pretty' || (format === 'auto' && terminal)
  const target = usePretty
    ? pretty({
        colorize: terminal,
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname,service',
        messageFormat: '{if service}{service}: {end}{msg}',
        singleLine: true,
        sync: true,
        ...(stream === undefined ? { destination: 2 } : { destination: stream }),
      })
    : (stream ?? destination({ dest: 2, sync: true }))
  return pino(
    {
      level,
      base: undefined,
      redact: { paths: SECRET_PATHS, censor: '[hidden]' },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError, url: (url: unknown) => (typeof url === 'string' ? maskUrl(url) : url) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    target,
  )
}

/** For tests and for code that is told to be quiet. */
export const silentLog: Logger = pino({ level: 'silent' })

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code, detail } = error as Error & { code?: unknown; detail?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  }
}
