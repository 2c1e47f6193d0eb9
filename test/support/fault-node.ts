import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

/** What goes wrong, and how often; "every N" counts requests over all connections. May be changed while the node runs. */
export interface Faults {
  /** Cuts the socket instead of answering. */
  dropEvery?: number
  /** Says this instead of an answer. */
  garbageEvery?: number
  garbage?: (id: number) => string
  errorEvery?: number
  error?: { code?: number; message: string }
  /** Never answers. */
  stallEvery?: number
  delayMs?: number
  /** Collects so many answers and sends them in reverse order (or after 5 ms what there is). */
  reverse?: number
  /** Refuses the WebSocket upgrade with this HTTP status. */
  refuseWith?: number
  /** Closes each connection as soon as it is open. */
  closeAtOnce?: boolean
  /** Each head is told so many times. */
  headCopies?: number
}

export type Answer = (params: readonly unknown[], method: string) => unknown

export interface FaultNodeOptions {
  /** 0 takes a free one. */
  port?: number
  faults?: Faults
  answers?: Record<string, Answer>
}

export interface FaultNode {
  readonly url: string
  readonly port: number
  faults: Faults
  /** By method; `*` answers what is not named. Whatever an answer throws is sent as an error with that message. */
  readonly answers: Record<string, Answer>
  /** Requests seen, by method. */
  readonly seen: Map<string, number>
  /** The largest number of requests that waited for an answer at one moment. */
  readonly mostWaiting: () => number
  readonly connections: () => number
  readonly openConnections: () => number
  /** Sets the height of both heads and tells the subscribers of `kinds`. */
  moveHead(height: number, kinds?: readonly ('best' | 'finalized')[]): void
  dropConnections(): void
  close(): Promise<void>
}

const HEADS = {
  chain_subscribeNewHeads: ['best', 'chain_newHead'],
  chain_subscribeFinalizedHeads: ['finalized', 'chain_finalizedHead'],
} as const

/** A JSON-RPC server over WebSocket whose answers are scripted and which misbehaves as told. */
export async function startFaultNode({ port = 0, faults = {}, answers = {} }: FaultNodeOptions = {}): Promise<FaultNode> {
  const http = createServer((_request, response) => response.writeHead(404).end())
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const seen = new Map<string, number>()
  const subscribers = new Map<string, { socket: WebSocket; kind: 'best' | 'finalized'; notice: string }>()
  const heights = { best: 0, finalized: 0 }
  let received = 0
  let waiting = 0
  let mostWaiting = 0
  let connections = 0
  let lastSubscription = 0
  let held: { socket: WebSocket; text: string }[] = []

  const node: FaultNode = {
    url: '',
    port: 0,
    faults,
    answers: {
      chain_getBlockHash: ([height]) => hashOf(Number(height ?? heights.best)),
      chain_getFinalizedHead: () => hashOf(heights.finalized),
      chain_getHeader: ([hash]) => headerOf(typeof hash === 'string' ? Number(hash) : heights.best),
      '*': (params) => params[0] ?? null,
      ...answers,
    },
    seen,
    mostWaiting: () => mostWaiting,
    connections: () => connections,
    openConnections: () => sockets.clients.size,
    moveHead(height, kinds = ['best', 'finalized']) {
      for (const kind of kinds) heights[kind] = height
      for (const [id, { kind }] of subscribers) if (kinds.includes(kind)) tellHead(id)
    },
    dropConnections() {
      for (const socket of sockets.clients) socket.terminate()
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }

  http.on('upgrade', (request, socket, head) => {
    if (node.faults.refuseWith !== undefined) {
      socket.end(`HTTP/1.1 ${node.faults.refuseWith} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      connections++
      if (node.faults.closeAtOnce) return client.terminate()
      let unanswered = 0
      client.on('error', () => {})
      client.on('close', () => {
        waiting -= unanswered
        for (const [id, subscriber] of subscribers) if (subscriber.socket === client) subscribers.delete(id)
      })
      client.on('message', (data: Buffer) => {
        unanswered++
        waiting++
        mostWaiting = Math.max(mostWaiting, waiting)
        take(client, data.toString(), () => {
          unanswered--
          waiting--
        })
      })
    })
  })

  function take(socket: WebSocket, text: string, answered: () => void): void {
    const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: unknown[] }
    const { faults } = node
    received++
    seen.set(method, (seen.get(method) ?? 0) + 1)
    if (isEach(faults.dropEvery)) return socket.terminate()
    if (isEach(faults.stallEvery)) return
    const reply = isEach(faults.garbageEvery)
      ? (faults.garbage?.(id) ?? 'oops')
      : isEach(faults.errorEvery)
        ? JSON.stringify({ jsonrpc: '2.0', id, error: faults.error ?? { code: -32603, message: 'injected error' } })
        : answer(socket, id, method, params)
    const send = (): void => {
      answered()
      if (faults.reverse === undefined) return say(socket, reply)
      held.push({ socket, text: reply })
      if (held.length >= faults.reverse) release()
      else setTimeout(release, 5)
    }
    if (faults.delayMs === undefined) send()
    else setTimeout(send, faults.delayMs)
  }

  function isEach(every: number | undefined): boolean {
    return every !== undefined && received % every === 0
  }

  function answer(socket: WebSocket, id: number, method: string, params: unknown[]): string {
    try {
      return JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(socket, method, params) })
    } catch (error) {
      const { code, message } = error as { code?: number; message: string }
      return JSON.stringify({ jsonrpc: '2.0', id, error: code === undefined ? { message } : { code, message } })
    }
  }

  function resultOf(socket: WebSocket, method: string, params: unknown[]): unknown {
    const scripted = node.answers[method]
    if (scripted !== undefined) return scripted(params, method)
    if (method in HEADS) {
      const [kind, notice] = HEADS[method as keyof typeof HEADS]
      const subscription = `s${++lastSubscription}`
      subscribers.set(subscription, { socket, kind, notice })
      setImmediate(() => tellHead(subscription))
      return subscription
    }
    if (method.startsWith('chain_unsubscribe')) return subscribers.delete(String(params[0]))
    return node.answers['*']?.(params, method) ?? null
  }

  function tellHead(id: string): void {
    const subscriber = subscribers.get(id)
    if (subscriber === undefined) return
    const params = { subscription: id, result: headerOf(heights[subscriber.kind]) }
    const text = JSON.stringify({ jsonrpc: '2.0', method: subscriber.notice, params })
    for (let copy = 0; copy < (node.faults.headCopies ?? 1); copy++) say(subscriber.socket, text)
  }

  function release(): void {
    const out = held.reverse()
    held = []
    for (const { socket, text } of out) say(socket, text)
  }

  await listen(http, port)
  const bound = (http.address() as AddressInfo).port
  return Object.assign(node, { port: bound, url: `ws://127.0.0.1:${bound}` })
}

/** The hash of the scripted chain's block: its height as 32 bytes. */
export function hashOf(height: number): `0x${string}` {
  return `0x${height.toString(16).padStart(64, '0')}`
}

export function headerOf(height: number): Record<string, unknown> {
  return {
    number: `0x${height.toString(16).padStart(8, '0')}`,
    parentHash: hashOf(Math.max(0, height - 1)),
    stateRoot: hashOf(0),
    extrinsicsRoot: hashOf(0),
    digest: { logs: [] },
  }
}

/** An error for an answer to throw. */
export function refusal(message: string, code?: number): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

function say(socket: WebSocket, text: string): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(text)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
}
