import { WebSocket, WebSocketServer, type RawData } from 'ws'
import { freePort } from './free-port.js'

export interface ProxyFaults {
  /** Every so many messages from the client, its connection is cut without an answer. */
  dropEvery?: number
  /** Every so many answers is replaced by text that is no JSON. */
  garbageEvery?: number
  /** Answers of this method are replaced by this result, whatever was asked. */
  lies?: Record<string, unknown>
}

export interface FaultProxy extends AsyncDisposable {
  url: string
  faults: ProxyFaults
  /** Connections that were cut so far. */
  dropped(): number
  /** Requests seen, by method. */
  requests: Map<string, number>
  /** Takes the node away: connections are cut and new ones refused until it is brought back on the same port. */
  down(): Promise<void>
  up(): Promise<void>
}

/** Stands between a client and a node and makes what networks make. */
export async function faultProxy(upstream: string, faults: ProxyFaults = {}): Promise<FaultProxy> {
  const port = await freePort()
  const requests = new Map<string, number>()
  let messages = 0
  let answers = 0
  let dropped = 0
  let server: WebSocketServer | null = null

  function serve(client: WebSocket): void {
    const node = new WebSocket(upstream, { perMessageDeflate: false, maxPayload: 1 << 28 })
    const waiting: RawData[] = []
    const methods = new Map<unknown, string>()
    node.on('open', () => waiting.splice(0).forEach((data) => node.send(String(data))))
    client.on('message', (data) => {
      note(String(data), methods)
      if (proxy.faults.dropEvery && ++messages % proxy.faults.dropEvery === 0) {
        dropped++
        return client.terminate()
      }
      if (node.readyState === WebSocket.OPEN) node.send(String(data))
      else waiting.push(data)
    })
    node.on('message', (data) => client.send(answer(String(data), methods)))
    client.on('close', () => node.terminate())
    node.on('close', () => client.terminate())
    node.on('error', () => client.terminate())
    client.on('error', () => undefined)
  }

  function note(text: string, methods: Map<unknown, string>): void {
    const { id, method } = JSON.parse(text) as { id: unknown; method: string }
    methods.set(id, method)
    requests.set(method, (requests.get(method) ?? 0) + 1)
  }

  function answer(text: string, methods: Map<unknown, string>): string {
    const { garbageEvery, lies } = proxy.faults
    if (garbageEvery && ++answers % garbageEvery === 0) return '<html>502 Bad Gateway</html>'
    if (!lies) return text
    const { id } = JSON.parse(text) as { id?: unknown }
    const method = methods.get(id)
    return method !== undefined && method in lies ? JSON.stringify({ jsonrpc: '2.0', id, result: lies[method] }) : text
  }

  const proxy: FaultProxy = {
    url: `ws://127.0.0.1:${port}`,
    faults,
    requests,
    dropped: () => dropped,
    async down() {
      const stopping = server
      server = null
      if (!stopping) return
      for (const client of stopping.clients) client.terminate()
      await new Promise((resolve) => stopping.close(resolve))
    },
    async up() {
      server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, maxPayload: 1 << 28 })
      server.on('connection', serve)
      await new Promise((resolve, reject) => server?.once('listening', resolve).once('error', reject))
    },
    [Symbol.asyncDispose]: () => proxy.down(),
  }
  await proxy.up()
  return proxy
}
