/** A mock axon of any release: gRPC for 5.x, HTTP for those after it. */
import { AppError } from '../../core/errors.js'
import type { Service } from '../../core/lifecycle.js'
import { parseIp, type IpType } from '../../core/units/ip.js'
import type { KeyPair } from '../../core/wallet/keys.js'
import { PING } from '../dendrite/http/synapse.js'
import type { Answer } from './echo.js'
import { startGrpcMockAxon, type GrpcMockAxon } from './grpc/axon.js'
import { startHttpMockAxon, type HttpMockAxon } from './http/axon.js'
import { joined } from './http/answer-text.js'

export interface MockAxonOptions {
  /** The axon's hotkey. */
  pair: Pick<KeyPair, 'address' | 'sign'>
  /** The release of the SDK that is imitated: 5.0.0 to 5.3.x speak gRPC, 6.0.0 to 10.x.y HTTP, with Epistula v2 beside it. */
  release: string
  /** An IP address. */
  host: string
  /** 0 picks a free one. */
  port: number
  answer: Answer
  /** Whose prompts are answered, by ss58 address; everybody's when absent. */
  knows?: (hotkey: string) => boolean
}

interface Common extends Service {
  /** ss58. */
  readonly hotkey: string
  readonly release: string
  readonly host: string
  readonly port: number
  /** What such an axon gives to the chain's `serve_axon`. */
  readonly served: ServedNumbers
}

export type MockAxon =
  | (Common & { readonly protocol: 'grpc' } & Pick<GrpcMockAxon, 'setFault'>)
  | (Common & { readonly protocol: 'http' } & Pick<HttpMockAxon, 'setFault'>)

export interface ServedNumbers {
  version: number
  ip: bigint
  ipType: IpType
  port: number
  protocol: number
}

/** What all releases of the SDK publish. */
const PROTOCOL_NUMBER = 4
const NOT_KNOWN = 'its hotkey is not one that is answered'

/** How an axon of a release is spoken to. Throws BAD_INPUT for a text that is no release from 5.0.0 to 10.x.y. */
export function protocolOfRelease(release: string): 'grpc' | 'http' {
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d{1,3})\.(\d{1,3})$/.exec(release) ?? []).map(Number)
  if (major === 5 && minor <= 3) return 'grpc'
  if (major >= 6 && major <= 10) return 'http'
  throw new AppError('BAD_INPUT', `"${release.slice(0, 40)}" is no release that is imitated; wanted 5.0.0 to 5.3.x, or 6.0.0 to 10.x.y`)
}

/** Throws BAD_INPUT for an unknown release or a host that is no IP address, and PORT_IN_USE. */
export async function startMockAxon(options: MockAxonOptions): Promise<MockAxon> {
  const { pair, release, host } = options
  const protocol = protocolOfRelease(release)
  const address = parseIp(host)
  const { axon, version } = await (protocol === 'grpc' ? startGrpc(options) : startHttp(options))
  const { name, port } = axon
  const common = {
    ...{ name, hotkey: pair.address, release, protocol, host, port },
    served: { version, ...address, port, protocol: PROTOCOL_NUMBER },
    ...{ ready: () => axon.ready(), setFault: axon.setFault.bind(axon), close: () => axon.close() },
  }
  // The protocol follows from the release, and so does the kind of faults.
  return common as MockAxon
}

async function startGrpc({ pair, release, host, port, answer, knows }: MockAxonOptions): Promise<{ axon: GrpcMockAxon; version: number }> {
  const [, minor = 0, patch = 0] = release.split('.').map(Number)
  const version = 500 + 10 * minor + patch
  const axon = await startGrpcMockAxon({
    ...{ pair, host, port, version },
    answer: (question) => joined(answer(question)),
    blacklist: ({ hotkey }) => (knows === undefined || knows(hotkey) ? false : NOT_KNOWN),
  })
  return { axon, version }
}

async function startHttp({ pair, release, host, port, answer, knows }: MockAxonOptions): Promise<{ axon: HttpMockAxon; version: number }> {
  const axon = await startHttpMockAxon({
    ...{ pair, host, port, version: release, answer, isKnown: knows },
    // Axons answer a ping to anybody.
    blacklist: (hotkey, synapse) => (synapse === PING.name || knows === undefined || knows(hotkey) ? false : NOT_KNOWN),
  })
  return { axon, version: axon.versionInteger }
}
