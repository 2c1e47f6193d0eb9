import { errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Hex } from '../../core/records.js'
import { invalidError, isMethodNotFound } from './errors.js'
import type { RpcClient, RpcSubscription } from './types.js'

export type HeadMode = 'finalized' | 'best'

export interface FollowHeadsOptions {
  mode: HeadMode
  /**
   * Called for each new head of the mode. The hash is null when the node did not say it (a subscription tells headers only).
   * `finalized` gives rising heights; `best` gives each head as it comes, after a fork also lower ones. Heights may be skipped.
   */
  onHead(height: number, hash: Hex | null, parentHash: Hex | null): void
  signal?: AbortSignal
  /** After twice this long without a head, the node is asked. */
  blockTimeMs?: number
  log?: Logger
}

export interface HeadFollower {
  /** The last heights heard of; null before the first. */
  heads(): { best: number | null; finalized: number | null }
  close(): Promise<void>
}

interface Header {
  height: number
  parentHash: Hex | null
  /** What two notices of one head have in common. */
  identity: string
}

const SUBSCRIPTIONS = {
  best: ['chain_subscribeNewHeads', 'chain_unsubscribeNewHeads'],
  finalized: ['chain_subscribeFinalizedHeads', 'chain_unsubscribeFinalizedHeads'],
} as const

/**
 * Follows both heads of a chain by subscription, and by asking when the subscription is silent or not offered. Resolves once
 * both heads are known.
 */
export async function followHeads(rpc: RpcClient, options: FollowHeadsOptions): Promise<HeadFollower> {
  const { mode, onHead, signal, log, blockTimeMs = 12_000 } = options
  const heights: Record<HeadMode, number | null> = { best: null, finalized: null }
  const identities: Record<HeadMode, string | null> = { best: null, finalized: null }
  const subscriptions: RpcSubscription[] = []
  let heardAt = performance.now()
  let polling = false
  let saidSilent = false
  let closed = false

  function hear(kind: HeadMode, value: unknown, hash: Hex | null): void {
    if (closed) return
    const header = readHeader(value)
    if (header === null) return void log?.warn({ kind }, 'the node told a head without a number')
    if (header.identity === identities[kind]) return
    const known = heights[kind]
    // What is final stays: a lower height comes from a node that lags, as after a failover.
    if (kind === 'finalized' && known !== null && header.height <= known) return
    identities[kind] = header.identity
    heights[kind] = header.height
    // A head that is final was best before; nodes may tell it on one subscription earlier than on the other.
    if (kind === 'finalized' && (heights.best ?? -1) < header.height) heights.best = header.height
    if (kind === mode) onHead(header.height, hash, header.parentHash)
  }

  async function poll(): Promise<void> {
    const [best, finalizedHash] = await Promise.all([ask('chain_getHeader', []), ask('chain_getFinalizedHead', [])])
    const finalized = await ask('chain_getHeader', [finalizedHash])
    if (readHeader(best) === null || readHeader(finalized) === null) {
      throw invalidError('chain_getHeader', rpc.endpoint, 'gave a header without a number')
    }
    hear('finalized', finalized, finalizedHash as Hex)
    hear('best', best, null)
  }

  function ask(method: string, params: readonly unknown[]): Promise<unknown> {
    return rpc.request(method, params, signal === undefined ? {} : { signal })
  }

  async function pollWhenSilent(): Promise<void> {
    const silentMs = performance.now() - heardAt
    if (silentMs < blockTimeMs * 2 || polling || closed) return
    if (!saidSilent) log?.info({ silentMs: Math.round(silentMs) }, 'no head was told for a while: asking for it')
    saidSilent = true
    polling = true
    try {
      await poll()
    } catch (error) {
      if (!closed) log?.warn({ reason: errorMessage(error) }, 'could not ask for the head')
    } finally {
      polling = false
    }
  }

  async function subscribe(kind: HeadMode): Promise<void> {
    const [method, unsubscribeMethod] = SUBSCRIPTIONS[kind]
    const onMessage = (value: unknown): void => {
      if (kind === mode) {
        heardAt = performance.now()
        saidSilent = false
      }
      hear(kind, value, null)
    }
    try {
      subscriptions.push(await rpc.subscribe(method, [], unsubscribeMethod, onMessage))
    } catch (error) {
      if (!isMethodNotFound(error)) throw error
      log?.info({ method }, 'the node offers no such subscription: asking for heads instead')
      if (kind === mode) heardAt = -Infinity
    }
  }

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    clearInterval(timer)
    signal?.removeEventListener('abort', onAbort)
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()))
  }

  function onAbort(): void {
    void close()
  }

  const timer = setInterval(() => void pollWhenSilent(), Math.max(10, blockTimeMs / 2))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    await poll()
    await Promise.all([subscribe('best'), subscribe('finalized')])
  } catch (error) {
    await close()
    throw error
  }
  if (closed) await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()))
  return { heads: () => ({ ...heights }), close }
}

function readHeader(value: unknown): Header | null {
  if (typeof value !== 'object' || value === null) return null
  const { number, parentHash, stateRoot, extrinsicsRoot } = value as Record<string, unknown>
  const height = readNumber(number)
  if (height === null) return null
  return {
    height,
    parentHash: typeof parentHash === 'string' && parentHash.startsWith('0x') ? (parentHash as Hex) : null,
    identity: [height, parentHash, stateRoot, extrinsicsRoot].join(),
  }
}

/** A header's number: hex, with leading zeros on some nodes. */
function readNumber(number: unknown): number | null {
  if (typeof number === 'number') return Number.isSafeInteger(number) && number >= 0 ? number : null
  if (typeof number !== 'string' || !/^0x[0-9a-f]+$/i.test(number)) return null
  const height = Number.parseInt(number, 16)
  return Number.isSafeInteger(height) ? height : null
}
