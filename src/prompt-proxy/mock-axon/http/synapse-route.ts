/** One request to a synapse of an HTTP axon, from its headers to its answer, in the order and with the words of the SDK. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { errorMessage } from '../../../core/errors.js'
import { toHex } from '../../../core/units/bytes.js'
import { NO_TERMINAL } from '../../dendrite/http/request.js'
import type { SynapseSpec } from '../../dendrite/http/synapse.js'
import { bodyHash, PyFloat, pythonFloat, pythonJson, pythonRepr, type PyValue } from '../../dendrite/python-text.js'
import type { PriorityPool } from '../grpc/priority-pool.js'
import { joined, piecesOf, untilDone } from './answer-text.js'
import type { HttpAxonHandlers } from './axon.js'
import type { HttpAxonFault } from './faults.js'
import { parseCaller, type CallerHeaders } from './headers.js'
import type { Release } from './release.js'
import { DROP, type Reply } from './reply.js'
import { Dropped, Failure, hashOrder, parseBody, Unprocessable } from './synapse-body.js'
import type { CallerChecker } from './verifying.js'

export interface RouteDeps {
  release: Release
  self: { address: string; sign(message: Uint8Array): Uint8Array }
  uuid: string
  checker: CallerChecker
  pool: PriorityPool
  handlers: HttpAxonHandlers
  synapses: readonly SynapseSpec[]
  nextNonce(): bigint
  nowNs(): bigint
}

export interface RouteRequest {
  /** Of the path. */
  name: string
  headers: IncomingHttpHeaders
  body: Buffer
  signal: AbortSignal
  fault: HttpAxonFault | undefined
}

/** Another than every axon's: Alice's. */
const ANOTHER = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'

export function createSynapseRoute(deps: RouteDeps): (request: RouteRequest) => Promise<Reply | typeof DROP> {
  const { release, self, handlers } = deps
  let replayed: Record<string, string> | undefined

  /** What the axon says of itself in headers. Its signature names the hotkey of the request, whatever its own is. */
  function signedHeaders(caller: CallerHeaders, fault: HttpAxonFault | undefined): Record<string, string> {
    const nonce = deps.nextNonce()
    const message = `${nonce}.${caller.hotkey ?? 'None'}.${caller.axonHotkey ?? 'None'}.${deps.uuid}`
    const signature = fault?.kind === 'forge' ? randomBytes(64) : self.sign(Buffer.from(message))
    const fresh = {
      bt_header_axon_nonce: nonce.toString(),
      bt_header_axon_uuid: deps.uuid,
      bt_header_axon_version: String(release.integer),
      bt_header_axon_signature: toHex(signature),
    }
    if (fault?.kind === 'replay' && replayed !== undefined) return replayed
    return (replayed = fresh)
  }

  function headersOf(
    name: string,
    caller: CallerHeaders | null,
    status: number,
    message: string,
    fault?: HttpAxonFault,
  ): Record<string, string> {
    const headers: Record<string, string> = {
      name: fault?.kind === 'wrong-name' ? 'Another' : name,
      bt_header_axon_status_code: String(status),
      bt_header_axon_status_message: message.replace(/[^\x20-\x7e]/g, '?'),
      bt_header_axon_process_time: '0.001',
    }
    if (caller === null) return headers
    const { timeoutS, ip, version, nonce, uuid, hotkey, signature, axonIp, axonPort, axonHotkey, bodyHash: hash } = caller
    const known: Record<string, string | number | bigint | null> = {
      timeout: timeoutS === null ? null : pythonFloat(timeoutS),
      bt_header_axon_ip: axonIp,
      bt_header_axon_port: axonPort,
      bt_header_axon_hotkey: fault?.kind === 'wrong-hotkey' ? ANOTHER : axonHotkey,
      bt_header_dendrite_ip: ip,
      bt_header_dendrite_version: version,
      bt_header_dendrite_nonce: nonce,
      bt_header_dendrite_uuid: uuid,
      bt_header_dendrite_hotkey: hotkey,
      bt_header_dendrite_signature: signature,
      computed_body_hash: hash,
    }
    for (const [key, value] of Object.entries(known)) if (value !== null) headers[key] = String(value)
    const lies = fault?.kind === 'forge' || fault?.kind === 'replay'
    return release.signsAnswers || status !== 200 || lies ? { ...headers, ...signedHeaders(caller, fault) } : headers
  }

  function failed(name: string, caller: CallerHeaders | null, status: number, text: string): Reply {
    const message = release.failures === 'hidden' && status === 500 ? `Internal Server Error #${randomUUID()}` : text
    const headers = { ...headersOf(name, caller, status, message), 'content-type': 'application/json' }
    if (release.failures === 'header') return { status: 500, headers, body: '{}' }
    return { status, headers, body: pythonJson({ message }) }
  }

  function unknownRoute(name: string): Reply {
    if (release.unknownRoute === 'crash') return CRASH
    if (release.unknownRoute === 'empty') return { status: 404, headers: { 'content-type': 'application/json' }, body: '{}' }
    const names = pythonRepr(deps.synapses.map((spec) => spec.name))
    return failed('Synapse', null, 404, `Synapse name '${name}' not found. Available synapses ${names}`)
  }

  function badHeaders(spec: SynapseSpec, headers: IncomingHttpHeaders): Reply {
    if (release.failures === 'header') return CRASH
    const all = pythonRepr(Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, String(value)])))
    const text = `Improperly formatted request. Could not parse headers ${all} into synapse of type ${spec.name}.`
    return failed('Synapse', null, release.failures === 'hidden' ? 500 : 400, text)
  }

  /** Resolves when a worker is free for the call; `done` gives it back. */
  async function inLine(caller: CallerHeaders, signal: AbortSignal): Promise<() => void> {
    const timeout = caller.timeoutS ?? 12
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Failure(release.lateStatus, `Response timeout after: ${pythonFloat(timeout)}s`))
      const timer = setTimeout(late, Math.max(timeout, 0) * 1000)
      const begin = (): Promise<void> =>
        new Promise((done) => {
          clearTimeout(timer)
          if (signal.aborted) done()
          resolve(done)
        })
      try {
        deps.pool.submit(handlers.priority?.(caller.hotkey ?? '') ?? 0, begin)
      } catch (error) {
        clearTimeout(timer)
        reject(new Failure(500, `Internal server error with error: ${errorMessage(error)}`))
      }
    })
  }

  async function answered(spec: SynapseSpec, caller: CallerHeaders, request: RouteRequest): Promise<Reply> {
    const { fault } = request
    const reason = handlers.blacklist?.(caller.hotkey ?? '', spec.name) ?? false
    if (reason !== false) throw new Failure(403, `Forbidden. Key is blacklisted: ${reason}.`)
    const wrong = deps.checker.refusal(caller, deps.nowNs())
    if (wrong !== null) throw new Failure(401, `Not Verified with error: ${wrong}`)
    const done = await inLine(caller, request.signal)
    let isHanded = false
    try {
      const fields = parseBody(release, spec, request.body)
      const parsedHash = bodyHash(hashOrder(release, spec).map((name) => fields[name] ?? null))
      if (parsedHash !== caller.bodyHash)
        throw new Failure(
          500,
          `Internal server error with error: Hash mismatch between header body hash ${caller.bodyHash} and parsed body hash ${parsedHash}`,
        )
      const headers = headersOf(spec.name, caller, 200, 'Success', fault)
      if (spec.name === 'Synapse') return { status: 200, headers: asJson(headers), body: synapseText(spec, caller, headers, {}) }
      const { roles = [], messages = [] } = fields as Record<string, string[]>
      const text = handlers.answer({
        caller: { hotkey: caller.hotkey as string },
        messages: messages.map((content, at) => ({ role: roles[at] ?? 'user', content })),
        stream: spec.streams,
        signal: request.signal,
      })
      if (!spec.streams) {
        const completion = await joined(text)
        return { status: 200, headers: asJson(headers), body: synapseText(spec, caller, headers, { roles, messages, completion }) }
      }
      isHanded = true
      return { status: 200, headers: { ...headers, 'content-type': 'text/event-stream' }, body: untilDone(piecesOf(text), done) }
    } catch (error) {
      if (error instanceof Failure || error instanceof Unprocessable || error instanceof Dropped) throw error
      throw new Failure(500, `Internal server error with error: ${errorMessage(error)}`)
    } finally {
      if (!isHanded) done()
    }
  }

  /** The object of the request, with what the axon filled in. From 7.2 on the axon's end has no more than the request named. */
  function synapseText(spec: SynapseSpec, caller: CallerHeaders, headers: Record<string, string>, fields: Record<string, PyValue>): string {
    const { ip, version, nonce, uuid, hotkey, signature, axonIp, axonPort, axonHotkey } = caller
    const state: Record<string, PyValue> = { status_code: 200, status_message: 'Success', process_time: 0.001 }
    const own: Record<string, PyValue> = release.signsAnswers
      ? {
          version: release.integer,
          nonce: BigInt(headers['bt_header_axon_nonce'] ?? 0),
          uuid: deps.uuid,
          signature: headers['bt_header_axon_signature'] ?? null,
        }
      : {}
    return pythonJson({
      name: spec.name,
      timeout: new PyFloat(caller.timeoutS ?? 12),
      total_size: 0,
      header_size: 0,
      dendrite: { ...NO_TERMINAL, ip, version, nonce, uuid, hotkey, signature },
      axon: { ...NO_TERMINAL, ...state, ip: axonIp, port: axonPort, hotkey: axonHotkey, ...own },
      computed_body_hash: caller.bodyHash,
      ...fields,
    })
  }

  return async (request) => {
    const spec = deps.synapses.find(({ name }) => name === request.name)
    if (spec === undefined) return unknownRoute(request.name)
    const caller = parseCaller(request.headers, spec)
    if (caller === null) return badHeaders(spec, request.headers)
    try {
      return await answered(spec, caller, request)
    } catch (error) {
      if (error instanceof Dropped) return DROP
      if (error instanceof Failure) return failed(spec.name, caller, error.status, error.message)
      const detail = [{ loc: ['body'], msg: errorMessage(error), type: 'value_error' }]
      return { status: 422, headers: asJson(headersOf(spec.name, caller, 200, 'Success')), body: pythonJson({ detail }) }
    }
  }
}

/** What the server itself says when the axon throws. */
const CRASH: Reply = { status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Internal Server Error' }

function asJson(headers: Record<string, string>): Record<string, string> {
  return { ...headers, 'content-type': 'application/json' }
}
