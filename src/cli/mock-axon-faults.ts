/** Faults of mock axons as text: `hang`, `delay:500`, `status:502:Bad Gateway`. */
import { AppError } from '../core/errors.js'
import type { GrpcAxonFault, HttpAxonFault } from '../prompt-proxy/mock-axon/index.js'

/** Makes the fault of what stands after the kind; undefined when that is not what the kind takes. */
type Maker<F> = (argument: string) => F | undefined
interface Kind<F> {
  /** What it takes, for messages. */
  takes?: string
  make: Maker<F>
}
type Kinds<F extends { kind: string }> = { [K in F['kind']]: Kind<F> }

const MAX_MS = 3_600_000
/** Answers are made as one text, and a text of Node ends at 512 MiB. */
const MAX_BYTES = 268_435_456
const MAX_CODE = 2 ** 31 - 1

const GRPC: Kinds<GrpcAxonFault> = {
  delay: { takes: 'MS', make: withNumber(0, MAX_MS, (ms) => ({ kind: 'delay', ms })) },
  hang: bare({ kind: 'hang' }),
  die: bare({ kind: 'die' }),
  drop: bare({ kind: 'drop' }),
  refuse: bare({ kind: 'refuse' }),
  'wrong-hotkey': bare({ kind: 'wrong-hotkey' }),
  garbage: bare({ kind: 'garbage' }),
  empty: bare({ kind: 'empty' }),
  huge: { takes: 'BYTES', make: withNumber(0, MAX_BYTES, (bytes) => ({ kind: 'huge', bytes })) },
  code: { takes: 'CODE[:MESSAGE]', make: withMessage(0, MAX_CODE, (code, message) => ({ kind: 'code', code, message })) },
}

const HTTP: Kinds<HttpAxonFault> = {
  delay: { takes: 'MS', make: withNumber(0, MAX_MS, (ms) => ({ kind: 'delay', ms })) },
  hang: bare({ kind: 'hang' }),
  die: { takes: 'PIECES', make: withNumber(0, MAX_CODE, (afterPieces) => ({ kind: 'die', afterPieces })) },
  drop: bare({ kind: 'drop' }),
  refuse: bare({ kind: 'refuse' }),
  forge: bare({ kind: 'forge' }),
  replay: bare({ kind: 'replay' }),
  'wrong-hotkey': bare({ kind: 'wrong-hotkey' }),
  'wrong-name': bare({ kind: 'wrong-name' }),
  garbage: bare({ kind: 'garbage' }),
  empty: bare({ kind: 'empty' }),
  huge: { takes: 'BYTES', make: withNumber(0, MAX_BYTES, (bytes) => ({ kind: 'huge', bytes })) },
  'huge-header': { takes: 'BYTES', make: withNumber(0, MAX_BYTES, (bytes) => ({ kind: 'huge-header', bytes })) },
  redirect: { takes: 'URL', make: (to) => (isWebAddress(to) ? { kind: 'redirect', to } : undefined) },
  drip: { takes: 'MS', make: withNumber(0, MAX_MS, (ms) => ({ kind: 'drip', ms })) },
  status: { takes: 'STATUS[:MESSAGE]', make: withMessage(200, 599, (status, message) => ({ kind: 'status', status, message })) },
}

/** A fault of an axon of 5.x. Throws CONFIG_INVALID with the kinds that there are. */
export function parseGrpcFault(text: string): GrpcAxonFault {
  return parse(text, 'grpc', GRPC)
}

/** A fault of an HTTP axon. Throws CONFIG_INVALID with the kinds that there are. */
export function parseHttpFault(text: string): HttpAxonFault {
  return parse(text, 'http', HTTP)
}

function parse<F extends { kind: string }>(text: string, protocol: string, kinds: Kinds<F>): F {
  const [, kind = '', colon, argument = ''] = /^([^:]*)(:?)([^]*)$/.exec(text) ?? []
  const found: Kind<F> | undefined = Object.hasOwn(kinds, kind) ? kinds[kind as F['kind']] : undefined
  const isComplete = found !== undefined && (found.takes !== undefined) === (colon === ':')
  const fault = isComplete ? found.make(argument) : undefined
  if (fault !== undefined) return fault
  const all = Object.entries<Kind<F>>(kinds).map(([name, { takes }]) => (takes === undefined ? name : `${name}:${takes}`))
  throw new AppError('CONFIG_INVALID', `--fault ${text.slice(0, 80)} is no fault of ${protocol} axons; wanted ${all.join(', ')}`)
}

function bare<F>(fault: F): Kind<F> {
  return { make: () => fault }
}

function withNumber<F>(least: number, most: number, make: (value: number) => F): Maker<F> {
  return (argument) => {
    const value = /^\d{1,10}$/.test(argument) ? Number(argument) : NaN
    return value >= least && value <= most ? make(value) : undefined
  }
}

function withMessage<F>(least: number, most: number, make: (value: number, message: string) => F): Maker<F> {
  return (argument) => {
    const [, digits = '', message = ''] = /^(\d+)(?::([^]*))?$/.exec(argument) ?? []
    return withNumber(least, most, (value) => make(value, message))(digits)
  }
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
