import { logVerbosity, Metadata, setLogVerbosity } from '@grpc/grpc-js'
import type { KeyPair } from '../../../core/wallet/keys.js'
import { signV5Call } from '../../grpc-auth.js'
import { processNonces, type NonceSource } from '../nonce.js'
import { DendriteError, type AxonTarget, type Dendrite, type PromptCall, type PromptMessage } from '../types.js'
import { createChannelPool, type ChannelLimits } from './channels.js'
import { FIRST_WITHOUT_HOTKEY, messageToJson, V5_CODECS, type V5Method, type V5Request, type V5Response } from './messages.js'
import { checkResponse, errorOfStatus } from './outcomes.js'
import { createStopper, type StopSignal } from '../../stop-signal.js'

export interface GrpcDendriteOptions {
  pair: Pick<KeyPair, 'address' | 'sign'>
  limits?: Partial<ChannelLimits>
  /** Also loopback and private networks may be dialled. */
  allowPrivate?: boolean
  /** For tests; all dendrites of a process share one sequence. */
  nonces?: NonceSource
}

/** A call that is about one completion of before: what it was worth. */
export interface RewardCall {
  messages: readonly PromptMessage[]
  completion: string
  rewards: readonly number[]
  timeoutMs: number
  signal: StopSignal
}

export interface GrpcDendrite extends Dendrite {
  readonly protocol: 'grpc'
  /** All completions that the axon has, empty ones left out. NOT_IMPLEMENTED on axons of 5.3. Throws DendriteError. */
  promptMany(target: AxonTarget, call: PromptCall): Promise<string[]>
  /** Tells an axon what a completion was worth. Stock axons take no notice. Throws DendriteError. */
  reward(target: AxonTarget, call: RewardCall): Promise<void>
  /** Connections that are kept now. */
  readonly connections: number
}

/** What callers of the older and of the newer releases say they are; axons of 5.3 refuse what is below 510. */
const CLAIMED_VERSION = { withHotkey: 520, withoutHotkey: 534 }

const LIMITS: ChannelLimits = {
  maxChannels: 1024,
  idleMs: 300_000,
  // As the SDK: axons tell those off who ping much more often.
  keepaliveMs: 100_000,
  keepaliveTimeoutMs: 20_000,
  maxReceiveBytes: 4_194_304,
  maxBackoffMs: 5_000,
}

/** A dendrite that speaks to axons of SDK 5.0 to 5.3. They have no streams: a completion comes as one piece. */
export function createGrpcDendrite({ pair, limits, allowPrivate = false, nonces = processNonces }: GrpcDendriteOptions): GrpcDendrite {
  // The library would write what goes wrong to standard error by itself; all of that arrives as errors, too.
  setLogVerbosity(logVerbosity.NONE)
  const pool = createChannelPool({ ...LIMITS, ...limits }, { allowPrivate })
  let closed = false

  function metadataFor(target: AxonTarget, version: number): Metadata {
    const metadata = new Metadata()
    const signed = signV5Call(pair, { axon: target.hotkey, nonce: nonces.next(), uuid: nonces.uuid, version })
    for (const [key, value] of signed) metadata.set(key, value)
    return metadata
  }

  /** Sends one request; rejects with DendriteError unless the axon says that all went well. */
  async function send(
    method: V5Method,
    target: AxonTarget,
    fields: Pick<V5Request, 'messages'> & Partial<V5Request>,
    { timeoutMs, signal }: Pick<PromptCall, 'timeoutMs' | 'signal'>,
  ): Promise<V5Response> {
    if (signal.aborted) throw ended(signal.reason)
    if (closed) throw new DendriteError('UNAVAILABLE', 'the dendrite is closed')
    if (timeoutMs <= 0) throw new DendriteError('TIMEOUT', 'there was no time left for the call')
    const startedAt = performance.now()
    const deadline = Date.now() + timeoutMs
    const hasHotkey = target.version < FIRST_WITHOUT_HOTKEY
    const version = hasHotkey ? CLAIMED_VERSION.withHotkey : CLAIMED_VERSION.withoutHotkey
    const request = { ...fields, version, hotkey: hasHotkey ? pair.address : '', timeout: timeoutMs / 1000 }
    const lease = pool.acquire(target)
    let onAbort: (() => void) | undefined
    try {
      const { path, encodeRequest, decodeResponse } = V5_CODECS[method]
      const metadata = metadataFor(target, version)
      const response = await new Promise<V5Response>((resolve, reject) => {
        const call = lease.client.makeUnaryRequest(
          path,
          encodeRequest,
          decodeResponse,
          request,
          metadata,
          { deadline },
          (error, answer) => {
            if (error === null && answer !== undefined) return resolve(answer)
            if (signal.aborted || error === null) return reject(ended(signal.reason))
            reject(errorOfStatus(error))
          },
        )
        onAbort = () => call.cancel()
        signal.addEventListener('abort', onAbort, { once: true })
      })
      checkResponse(response, { hotkey: target.hotkey, timeoutMs, elapsedMs: performance.now() - startedAt })
      return response
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
      lease.release()
    }
  }

  async function forward(target: AxonTarget, call: PromptCall): Promise<string> {
    const { response } = await send('Forward', target, { messages: call.messages.map(messageToJson) }, call)
    return checkText(response, call.maxBytes)
  }

  return {
    protocol: 'grpc',
    get connections() {
      return pool.size
    },
    prompt: (target, call) => onePiece((signal) => forward(target, { ...call, signal }), call.signal),
    async promptMany(target, call) {
      const { multiCompletions } = await send('MultiForward', target, { messages: call.messages.map(messageToJson) }, call)
      checkText(multiCompletions.join(''), call.maxBytes)
      return multiCompletions.filter((text) => text !== '')
    },
    async reward(target, { messages, completion, rewards, ...call }) {
      await send('Backward', target, { messages: messages.map(messageToJson), response: completion, rewards }, call)
    },
    async close() {
      closed = true
      pool.close()
    },
  }
}

function checkText(text: string, maxBytes: number): string {
  if (text === '') throw new DendriteError('EMPTY_RESPONSE', 'the axon answered well, with nothing')
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) throw new DendriteError('INVALID_RESPONSE', `the answer has ${bytes} bytes; ${maxBytes} are allowed`)
  return text
}

function ended(reason: unknown): DendriteError {
  return new DendriteError('NO_RETURN', 'the call was ended before there was an answer', reason)
}

/**
 * A call as a sequence of one piece, begun when that is asked for. Not a generator: those take note of an early end only after the piece they wait for.
 */
function onePiece(start: (signal: StopSignal) => Promise<string>, outer: StopSignal): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]() {
      const left = createStopper()
      const leave = (): void => left.abort(outer.reason)
      let isOver = false
      return {
        async next() {
          if (isOver) return { done: true, value: undefined }
          isOver = true
          if (outer.aborted) leave()
          else outer.addEventListener('abort', leave, { once: true })
          try {
            return { done: false, value: await start(left.signal) }
          } finally {
            outer.removeEventListener('abort', leave)
          }
        },
        async return() {
          isOver = true
          left.abort(new Error('nobody waits for the answer any longer'))
          return { done: true, value: undefined }
        },
      }
    },
  }
}
