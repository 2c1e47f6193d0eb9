import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { AppError } from '../../../core/errors.js'

/** A port that can be opened and closed under a server, with its connections in reach. */
export interface Listener {
  /** Binds on first use; later the same port again. Throws PORT_IN_USE. */
  open(): Promise<number>
  /** Stops listening and cuts all connections. */
  close(): Promise<void>
  /** Cuts the connection of a peer, given as `address:port`. */
  cut(peer: string): void
}

export function createListener(host: string, port: number, accept: (socket: Socket) => void): Listener {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let bound = port

  return {
    async open() {
      if (server !== undefined) return bound
      const fresh = createServer((socket) => {
        socket.setNoDelay(true)
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
        accept(socket)
      })
      fresh.listen(bound, host)
      try {
        await once(fresh, 'listening')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
        throw new AppError('PORT_IN_USE', `port ${bound} of ${host} is taken; choose another`, { host, port: bound }, error)
      }
      server = fresh
      const address = fresh.address()
      if (typeof address === 'object' && address !== null) bound = address.port
      return bound
    },
    async close() {
      const old = server
      server = undefined
      for (const socket of sockets) socket.destroy()
      if (old !== undefined) await new Promise<void>((resolve) => old.close(() => resolve()))
    },
    cut(peer) {
      const peerPort = Number(peer.slice(peer.lastIndexOf(':') + 1))
      for (const socket of sockets) if (socket.remotePort === peerPort) socket.destroy()
    },
  }
}
