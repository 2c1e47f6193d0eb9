import { AppError, errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { blake2b256 } from '../codec/hashing.js'
import type { ChainReader } from '../reader.js'
import { isOutcomeUnknown, rpcErrorOf } from '../rpc/errors.js'
import { followHeads } from '../rpc/heads.js'
import type { RpcClient } from '../rpc/types.js'
import type { Runtime } from '../runtime.js'
import type { ChainState } from '../state.js'
import { ensureWithinLimit } from './burn-limit.js'
import { ensureSignable, refused, type RegistrationCall } from './calls.js'
import { dryRun } from './dry-run.js'
import { createEncoder, periodFor, type ExtrinsicEncoder } from './extrinsic.js'
import type { KeyPair } from './keys.js'
import { lookUp, type Seen, type Submission, type SubmissionRef, type SubmissionState } from './look-up.js'

export interface SubmitterOptions {
  readonly rpc: RpcClient
  readonly reader: ChainReader
  readonly log: Logger
  /** How often the node is asked when it tells no heads. */
  readonly blockTimeMs?: number
}

export interface SendOptions {
  readonly pair: KeyPair
  readonly call: RegistrationCall
  /** Length of the era: 4, the shortest there is, leaves three blocks after the one it begins in. */
  readonly eraBlocks?: number
  /** The block the era begins in; the head when absent. Work belongs to its own block, so that a fork that loses the one loses the other. */
  readonly birthBlock?: number
  readonly nonce?: bigint
  /** rao. */
  readonly tip?: bigint
}

export interface FollowOptions {
  readonly until?: 'included' | 'finalised'
  readonly signal?: AbortSignal
  /** Every change, a fork that takes an inclusion back among them. */
  readonly onState?: (state: SubmissionState) => void
}

export interface Submitter {
  /** The best block, its state, and the runtime that executes the next one. */
  head(): Promise<{ state: ChainState; runtime: Runtime }>
  /**
   * Signs, and has the node check what was signed. Nothing is sent: keep the submission, and after a crash `lookUp` tells what became of it. Throws
   * REFUSED, with the cause in `detail.reason`. While an earlier submission for the same hotkey and subnet may still be included, that is IN_FLIGHT.
   */
  prepare(options: SendOptions): Promise<Submission>
  /**
   * Sends what was prepared, once. Throws REFUSED when the node did not take it. When the answer got lost it resolves all the same: whether it arrived
   * is what `follow` finds out, without sending it again.
   */
  send(submission: Submission): Promise<void>
  signAndSend(options: SendOptions): Promise<Submission>
  /** What became of a submission, by looking through the blocks of its era. Sends nothing. */
  lookUp(submission: SubmissionRef): Promise<SubmissionState>
  /** Watches the blocks until the submission is in one, or its era is over. */
  follow(submission: SubmissionRef, options?: FollowOptions): Promise<Exclude<SubmissionState, { state: 'pending' }>>
}

const DEFAULT_ERA = 4
const ALREADY_IMPORTED = 1013

export function createSubmitter({ rpc, reader, log, blockTimeMs = 12_000 }: SubmitterOptions): Submitter {
  const encoders = new WeakMap<Runtime, ExtrinsicEncoder>()
  const unresolved = new Map<string, Submission>()

  function encoderOf(runtime: Runtime): ExtrinsicEncoder {
    let encoder = encoders.get(runtime)
    if (!encoder) encoders.set(runtime, (encoder = createEncoder(runtime)))
    return encoder
  }

  async function head(): Promise<{ state: ChainState; runtime: Runtime }> {
    const hash = await rpc.request<Hex>('chain_getBlockHash', [])
    const header = await rpc.request<{ number: string }>('chain_getHeader', [hash])
    const height = Number.parseInt(header.number, 16)
    const [state, runtime] = await Promise.all([reader.reading().stateAt(height, hash), reader.runtimeOf(height + 1)])
    return { state, runtime }
  }

  async function prepare({ pair, call, eraBlocks = DEFAULT_ERA, birthBlock, nonce, tip = 0n }: SendOptions): Promise<Submission> {
    await ensureAlone(keyOf(call))
    const [{ state, runtime }, genesisHash] = await Promise.all([head(), reader.hashOf(0)])
    ensureSignable(call, pair.publicKey, runtime)
    const period = periodFor(eraBlocks)
    const birth = birthBlock ?? state.height
    if (birth > state.height || birth + period - 1 <= state.height) {
      throw refused('ERA_OVER', `an era of ${period} blocks from block ${birth} on does not hold the block after ${state.height}`)
    }
    const lastBlock = birth + period - 1
    if (call.kind === 'burnedRegister') await ensureWithinLimit(state, call.netuid, call.limitRao, lastBlock)
    const [birthHash, next] = await Promise.all([
      birth === state.height ? state.hash : reader.hashOf(birth),
      nonce ?? rpc.request<number>('system_accountNextIndex', [pair.address]),
    ])
    const bytes = encoderOf(runtime).sign(
      { call, nonce: BigInt(next), tip, mortality: { period, birthBlock: birth, birthHash } },
      pair,
      genesisHash,
    )
    const extrinsic = toHex(bytes)
    const verdict = await dryRun(rpc, extrinsic, state.hash)
    if (verdict.verdict === 'invalid') {
      throw refused('INVALID_TRANSACTION', `the chain would not take the extrinsic: ${verdict.reason}`, { invalid: verdict.reason })
    }
    if (verdict.verdict === 'unknown')
      log.debug({ endpoint: rpc.endpoint }, 'the node does not say beforehand whether it takes an extrinsic')
    return {
      kind: call.kind,
      netuid: call.netuid,
      hotkey: call.hotkey,
      signer: pair.publicKey,
      nonce: String(next),
      hash: toHex(blake2b256(bytes)),
      extrinsic,
      genesisHash,
      birthBlock: birth,
      lastBlock,
    }
  }

  async function send(submission: Submission): Promise<void> {
    const key = keyOf(submission)
    // Of two that were prepared side by side, one goes.
    const other = unresolved.get(key)
    if (other !== undefined) throw inFlight(other)
    unresolved.set(key, submission)
    try {
      await put(submission)
    } catch (error) {
      unresolved.delete(key)
      throw error
    }
    const { hash, kind, netuid, lastBlock } = submission
    log.info({ hash, kind, netuid, lastBlock }, 'extrinsic sent')
  }

  async function put({ extrinsic, hash }: Submission): Promise<void> {
    try {
      await rpc.request('author_submitExtrinsic', [extrinsic])
    } catch (error) {
      if (isOutcomeUnknown(error)) {
        log.warn({ hash, reason: errorMessage(error) }, 'whether the extrinsic arrived is not known: looking for it in the blocks')
        return
      }
      const answer = rpcErrorOf(error)
      if (answer?.code === ALREADY_IMPORTED) return
      if (answer === null) throw error
      throw refused('POOL_REFUSED', errorMessage(error), { rpcCode: answer.code })
    }
  }

  /** One registration of a hotkey on a subnet at a time: what was sent is looked for before another one is. */
  async function ensureAlone(key: string): Promise<void> {
    const before = unresolved.get(key)
    if (before === undefined) return
    const found = await lookUp(rpc, reader, before)
    if (found.state === 'pending' || (found.state === 'included' && found.error === null)) {
      throw inFlight(before)
    }
    unresolved.delete(key)
    if (found.state === 'finalised' && found.error === null) {
      throw refused('ALREADY_REGISTERED', `${before.hash} has registered this hotkey in block ${found.blockNumber}`)
    }
  }

  async function signAndSend(options: SendOptions): Promise<Submission> {
    const submission = await prepare(options)
    await send(submission)
    return submission
  }

  async function follow(submission: SubmissionRef, { until = 'finalised', signal, onState }: FollowOptions = {}) {
    const seen: Seen = new Map()
    const bell = createBell()
    const onAbort = (): void => bell.ring()
    signal?.addEventListener('abort', onAbort, { once: true })
    const heads = await followHeads(rpc, { mode: 'best', onHead: bell.ring, blockTimeMs, log, signal })
    // Finality moves without a new head, too.
    const timer = setInterval(bell.ring, blockTimeMs / 2)
    let told = ''
    try {
      for (;;) {
        if (signal?.aborted) throw new AppError('ABORTED', `stopped following ${submission.hash}`)
        const found = await lookUp(rpc, reader, submission, seen)
        const text = found.state === 'pending' ? 'pending' : JSON.stringify(found)
        if (text !== told) onState?.(found)
        told = text
        if (found.state === 'dropped' || found.state === 'finalised') unresolved.delete(keyOf(submission))
        if (found.state !== 'pending' && (found.state !== 'included' || until === 'included')) return found
        await bell.next()
      }
    } finally {
      clearInterval(timer)
      signal?.removeEventListener('abort', onAbort)
      await heads.close()
    }
  }

  return { head, prepare, send, signAndSend, follow, lookUp: (submission) => lookUp(rpc, reader, submission) }
}

function inFlight({ hash, lastBlock }: Submission): AppError {
  const message = `${hash} was sent for this hotkey and subnet and may be included until block ${lastBlock}`
  return refused('IN_FLIGHT', message, { kind: 'wait', retryAt: lastBlock + 1 })
}

function keyOf({ netuid, hotkey }: { netuid: number; hotkey: Hex }): string {
  return `${netuid}/${hotkey}`
}

/** Rung once or many times, it wakes the next waiter once. */
function createBell(): { ring: () => void; next: () => Promise<void> } {
  let rung = false
  let wake: (() => void) | null = null
  return {
    ring() {
      rung = true
      wake?.()
    },
    async next() {
      if (!rung) await new Promise<void>((resolve) => (wake = resolve))
      rung = false
      wake = null
    },
  }
}
