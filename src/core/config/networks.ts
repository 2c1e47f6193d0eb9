/** Chains by name, and what is sensible for each when the user does not say. */
import { z } from 'zod'

export const NETWORKS = {
  finney: ['wss://entrypoint-finney.opentensor.ai:443'],
  test: ['wss://test.finney.opentensor.ai:443'],
  local: ['ws://127.0.0.1:9944'],
} as const satisfies Record<string, readonly string[]>

export type NetworkName = keyof typeof NETWORKS | 'devnet' | 'custom'

export interface Network {
  name: NetworkName
  /** In order of preference; empty for the devnet, whose URL is known only once it runs. */
  endpoints: readonly string[]
}

export type HeadMode = 'finalized' | 'best'
export type StartAt = 'genesis' | 'head' | number

export const NETWORK_WANTED = 'devnet, finney, test, local, or one or more ws:// or wss:// URLs separated by commas'

/** `finney`, `ws://a:9944`, or `ws://a:9944,ws://b:9944`. */
export const networkSchema = z.string().transform((text, context): Network => {
  const name = text.trim()
  if (name === 'devnet') return { name, endpoints: [] }
  if (isNamed(name)) return { name, endpoints: NETWORKS[name] }
  const endpoints = name.split(',').map((url) => url.trim())
  if (endpoints.every(isWebSocketUrl)) return { name: 'custom', endpoints }
  context.addIssue({ code: 'custom', message: NETWORK_WANTED })
  return z.NEVER
})

/** Public chains finalise on their own and fork now and then; a local node may never finalise. */
export function defaultHeadMode(network: Network): HeadMode {
  return network.name === 'devnet' || network.name === 'local' ? 'best' : 'finalized'
}

/** Public chains have millions of blocks: a fresh index of one starts at the head, and history is filled in on request. */
export function defaultStart(network: Network): StartAt {
  return network.name === 'finney' || network.name === 'test' ? 'head' : 'genesis'
}

function isNamed(name: string): name is keyof typeof NETWORKS {
  return Object.hasOwn(NETWORKS, name)
}

function isWebSocketUrl(text: string): boolean {
  return URL.canParse(text) && ['ws:', 'wss:'].includes(new URL(text).protocol)
}
