import { randomBytes } from 'node:crypto'
import { loadKey } from '../chain/submit/index.js'
import { AppError } from '../core/errors.js'
import { parseIp } from '../core/units/ip.js'
import { isSs58 } from '../core/units/ss58.js'
import { keyPairFromSeed, type KeyPair } from '../core/wallet/keys.js'
import { echoAnswer, fixedAnswer, protocolOfRelease, startMockAxon, type MockAxon } from '../prompt-proxy/mock-axon/index.js'
import { parseGrpcFault, parseHttpFault } from './mock-axon-faults.js'
import type { CommandContext } from './run.js'

type Options = Readonly<Record<string, unknown>>
type Protocol = MockAxon['protocol']

const DEFAULT_RELEASES: Record<Protocol, string> = { grpc: '5.3.4', http: '10.2.0' }
const DEFAULT_HOST = '127.0.0.2'
const DEFAULT_DELAY_MS = 10
const MAX_DELAY_MS = 3_600_000
/** The chain takes none of these from `serve_axon`. */
const NOT_SERVED = [0n, 1n, 0x7f000001n]

/** `taogate mock-axon`: a strict axon without a model, until it is stopped. */
export async function mockAxon({ log, life, print }: Pick<CommandContext, 'log' | 'life' | 'print'>, options: Options): Promise<void> {
  const { protocol, release } = releaseOf(options)
  const host = hostOf(options)
  const port = numberOf(options, 'port', 65_535, 0)
  const delayMs = numberOf(options, 'delayMs', MAX_DELAY_MS, DEFAULT_DELAY_MS)
  const answer = textOf(options, 'answer') ?? 'echo'
  const allowed = allowedOf(options)
  const faultText = textOf(options, 'fault')
  const plant = faultText === undefined ? undefined : plantOf(protocol, faultText)

  const pair = await pairOf(options)
  const axon = await startMockAxon({
    ...{ pair, release, host, port },
    answer: answer === 'echo' ? echoAnswer(`${pair.address}, SDK ${release}`, delayMs) : fixedAnswer(answer, delayMs),
    knows: allowed === undefined ? undefined : (hotkey) => allowed.includes(hotkey),
  }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRNOTAVAIL') throw wrong(`--host ${host} is no address of this machine; wanted one that is`, error)
    if (code === 'EACCES') throw wrong(`--port ${port} needs more rights than this process has; wanted 0, or 1024 and above`, error)
    throw error
  })
  life.add(axon)
  await plant?.(axon)
  if (NOT_SERVED.includes(axon.served.ip))
    log.warn({ host }, 'the chain takes no such address from serve_axon; 127.0.0.2 is one that it takes')
  print(lineOf(axon))
  // One that refuses connections has nothing else that keeps the process from ending.
  const waiting = setInterval(() => {}, MAX_DELAY_MS)
  await life.stopping.finally(() => clearInterval(waiting))

  async function pairOf({ hotkeyFile }: Options): Promise<KeyPair> {
    if (typeof hotkeyFile !== 'string') return keyPairFromSeed(randomBytes(32))
    const { pair: loaded, warnings } = await loadKey({ path: hotkeyFile, signal: life.signal })
    for (const warning of warnings) log.warn(warning)
    return loaded
  }
}

function lineOf({ hotkey, protocol, release, host, port, served }: MockAxon): string {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const numbers = `version=${served.version} ip=${served.ip} port=${port} ip_type=${served.ipType} protocol=${served.protocol}`
  return `${hotkey} ${protocol} ${release} at ${address}; serve_axon ${numbers} placeholder1=0 placeholder2=0`
}

function plantOf(protocol: Protocol, text: string): (axon: MockAxon) => Promise<void> {
  if (protocol === 'grpc') {
    const fault = parseGrpcFault(text)
    return async (axon) => (axon.protocol === 'grpc' ? axon.setFault(fault) : undefined)
  }
  const fault = parseHttpFault(text)
  return async (axon) => (axon.protocol === 'http' ? axon.setFault(fault) : undefined)
}

/** Each of the two follows from the other; both must agree. */
function releaseOf(options: Options): { protocol: Protocol; release: string } {
  const asked = textOf(options, 'protocol')
  if (asked !== undefined && asked !== 'grpc' && asked !== 'http')
    throw wrong(`--protocol ${asked.slice(0, 80)}; wanted grpc, or http, which serves Epistula too`)
  const release = textOf(options, 'sdk') ?? DEFAULT_RELEASES[asked ?? 'http']
  const protocol = protocolOf(release)
  if (asked === undefined || asked === protocol) return { protocol, release }
  throw wrong(`--sdk ${release} speaks ${protocol}, not ${asked}; wanted 5.0.0 to 5.3.x for grpc, 6.0.0 to 10.x.y for http`)
}

function protocolOf(release: string): Protocol {
  try {
    return protocolOfRelease(release)
  } catch (error) {
    throw wrong(`--sdk ${release.slice(0, 80)}; wanted 5.0.0 to 5.3.x for gRPC, or 6.0.0 to 10.x.y for HTTP`, error)
  }
}

function hostOf(options: Options): string {
  const host = textOf(options, 'host') ?? DEFAULT_HOST
  try {
    parseIp(host)
    return host
  } catch (error) {
    throw wrong(`--host ${host.slice(0, 80)}; wanted an IP address, which is what axons publish`, error)
  }
}

function allowedOf(options: Options): string[] | undefined {
  const list = textOf(options, 'allow')
    ?.split(',')
    .map((address) => address.trim())
  const unknown = list?.find((address) => !isSs58(address))
  if (unknown === undefined) return list
  throw wrong(`--allow ${unknown.slice(0, 80)}; wanted ss58 addresses of hotkeys, separated by commas`)
}

function numberOf(options: Options, name: 'port' | 'delayMs', most: number, fallback: number): number {
  const text = textOf(options, name)
  if (text === undefined) return fallback
  const value = /^\d{1,8}$/.test(text) ? Number(text) : NaN
  if (value <= most) return value
  const flag = name === 'port' ? 'port' : 'delay-ms'
  throw wrong(`--${flag} ${text.slice(0, 80)}; wanted a whole number from 0 to ${most}`)
}

function textOf(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

function wrong(message: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', message, {}, cause)
}
