import { prepareKeys, type KeyPair } from '../../../core/wallet/keys.js'
import type { AxonAddress } from '../../targets/address.js'
import { createNonceLanes, oneLane, type NonceSource } from '../nonce.js'
import { DendriteError, type AxonTarget, type Dendrite, type PromptCall } from '../types.js'
import { checkHead, completionOf, emptyAnswer } from './answer.js'
import { createAxonNonces } from './axon-nonces.js'
import { startClock, type CallClock } from './clock.js'
import { endingEarly } from './ending-early.js'
import type { HttpAnswer } from './exchange.js'
import { buildRequest } from './request.js'
import { claimedVersion, type HttpSynapses, PING, promptFields, SUBNET_1, type SynapseField, type SynapseSpec } from './synapse.js'
import { createTransport, headerOf, HTTP_LIMITS, readPieces, readText, type HttpLimits } from './transport.js'

export interface HttpDendriteOptions {
  /** Signs the requests. A registered hotkey with stake: stock miners refuse others. */
  pair: Pick<KeyPair, 'address' | 'sign'>
  /** Our address as others see it; axons are told. */
  ownIp?: string
  limits?: Partial<HttpLimits>
  /** Also loopback and private networks may be dialled. */
  allowPrivate?: boolean
  /** The synapses of a subnet: what is asked for plain answers, and for streams where the subnet has one. Those of subnet 1 when absent. */
  synapsesOf?: (netuid: number) => HttpSynapses
  /** One sequence for all requests; when absent, those that are under way to one axon have one each. */
  nonces?: NonceSource
  /** Told of each answer that passed, and whether the axon signed it. */
  onAnswer?: (target: AxonTarget, seen: { signed: boolean }) => void
}

export interface HttpDendrite extends Dendrite {
  readonly protocol: 'http'
  /** Asks the route that every axon has, and that costs it nothing. Throws DendriteError when there is no answer in order. */
  ping(target: AxonTarget, call: Pick<PromptCall, 'timeoutMs' | 'signal'>): Promise<void>
}

/** Axons answer with the whole object: the request's fields come back, and the text is escaped. */
const ENVELOPE_BYTES = 16_384
const ESCAPED = 2
/** Calls of one sequence may overtake each other on their connections; the slower one is then refused for its nonce, and may try again. */
const ATTEMPTS = 4
const OVERTAKEN = /Nonce is too (small|old)/

/** A dendrite that speaks to axons of SDK 6 to 10. */
export function createHttpDendrite(options: HttpDendriteOptions): HttpDendrite {
  const { pair, ownIp = '0.0.0.0', allowPrivate = false, nonces, synapsesOf = () => SUBNET_1 } = options
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const transport = createTransport(limits, { allowPrivate })
  const axonNonces = createAxonNonces()
  const lanes = nonces === undefined ? createNonceLanes() : oneLane(nonces)

  /** One request. Resolves when the head of the answer is in order. */
  async function send(sending: Sending): Promise<Sent> {
    const { target, clock } = sending
    await prepareKeys()
    for (let attempt = 1; ; attempt++) {
      if (clock.ended !== null) throw clock.ended
      const lane = lanes.take(target.hotkey)
      try {
        return await sendOnce(sending, lane)
      } catch (error) {
        if (attempt >= ATTEMPTS || !isOvertaken(error)) throw error
      } finally {
        lanes.giveBack(target.hotkey, lane)
      }
    }
  }

  async function sendOnce({ target, spec, fields, timeoutMs, clock }: Sending, lane: NonceSource): Promise<Sent> {
    // The nonce as late as can be: what is signed first should arrive first.
    const [nonce, uuid, version] = [lane.next(), lane.uuid, claimedVersion(target.version)]
    const request = buildRequest({ signer: pair, target, spec, fields, nonce, uuid, version, ownIp, timeoutMs })
    const headers = [...request.headers, 'content-type', 'application/json', 'accept', '*/*']
    const sentAt = axonNonces.mark()
    const answer = await transport.post(dialled(target), { path: request.path, headers, body: request.body }, clock)
    const expected = { name: spec.name, axonHotkey: target.hotkey, callerHotkey: pair.address, nonces: axonNonces, sentAt }
    const seen = await checkHead(answer, expected)
    return { answer, seen, requestBytes: Buffer.byteLength(request.body) }
  }

  /** As the SDK does: an axon behind the same address as we is on this machine. Only where this machine may be dialled. */
  function dialled({ ip, port }: AxonTarget): AxonAddress {
    return allowPrivate && ip === ownIp ? { ip: '127.0.0.1', port } : { ip, port }
  }

  async function* run(target: AxonTarget, call: PromptCall, clock: CallClock): AsyncGenerator<string, void> {
    if (call.messages.length === 0) throw new DendriteError('EMPTY_REQUEST', 'there are no messages to send')
    const { plain, stream } = synapsesOf(target.netuid)
    const spec = (call.stream ? stream : undefined) ?? plain
    const { answer, seen, requestBytes } = await send({
      target,
      spec,
      fields: promptFields(call.messages),
      timeoutMs: call.timeoutMs,
      clock,
    })
    if (spec.streams && !isJson(answer)) {
      let isEmpty = true
      for await (const piece of readPieces(answer.body, call.maxBytes)) {
        if (isEmpty) options.onAnswer?.(target, seen)
        isEmpty = false
        yield piece
      }
      if (isEmpty) throw emptyAnswer()
      return
    }
    const completion = completionOf(await readText(answer, ENVELOPE_BYTES + requestBytes + ESCAPED * call.maxBytes), call.maxBytes)
    options.onAnswer?.(target, seen)
    yield completion
  }

  return {
    protocol: 'http',
    prompt: (target, call) =>
      endingEarly(
        (clock) => run(target, call, clock),
        () => startClock(call, call.stream ? limits.firstByteMs : null),
      ),
    async ping(target, call) {
      const clock = startClock(call, null)
      try {
        const { answer, requestBytes } = await send({ target, spec: PING, fields: [], timeoutMs: call.timeoutMs, clock })
        await readText(answer, ENVELOPE_BYTES + requestBytes)
        clock.done()
      } catch (error) {
        clock.end()
        throw error
      }
    },
    close: () => transport.close(),
  }
}

interface Sending {
  target: AxonTarget
  spec: SynapseSpec
  fields: SynapseField[]
  timeoutMs: number
  clock: CallClock
}

interface Sent {
  answer: HttpAnswer
  seen: { signed: boolean }
  requestBytes: number
}

function isJson({ headers }: HttpAnswer): boolean {
  return (headerOf(headers, 'content-type') ?? '').toLowerCase().startsWith('application/json')
}

function isOvertaken(error: unknown): boolean {
  return error instanceof DendriteError && error.returnCode === 'UNAUTHENTICATED' && OVERTAKEN.test(error.message)
}
