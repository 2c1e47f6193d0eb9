import type { ServerResponse } from 'node:http'
import type { HttpAxonFault } from './faults.js'

/** An answer before it is sent. */
export interface Reply {
  status: number
  headers: Record<string, string>
  body: string | AsyncIterable<string>
}

/** An answer that does not come: the connection is cut. */
export const DROP = Symbol('drop')

/** Sends a reply, going wrong on the way where a fault says so. */
export async function sendReply(response: ServerResponse, reply: Reply | typeof DROP, fault: HttpAxonFault | undefined): Promise<void> {
  if (reply === DROP) return void response.destroy()
  const { status, body } = reply
  const headers = { ...reply.headers }
  if (fault?.kind === 'huge-header') headers['bt_header_axon_status_message'] = 'x'.repeat(fault.bytes)
  if (fault?.kind === 'garbage') return void response.writeHead(status, headers).end(Buffer.from('fffe7b22', 'hex'))
  if (typeof body === 'string') headers['content-length'] = String(Buffer.byteLength(body))
  response.writeHead(status, headers)
  if (typeof body !== 'string') response.flushHeaders()
  if (fault?.kind === 'die' && typeof body === 'string') {
    await write(response, body.slice(0, body.length / 2))
    return void response.destroy()
  }
  let pieces = 0
  for await (const piece of typeof body === 'string' ? inOne(body) : body) {
    if (fault?.kind === 'die' && pieces++ >= fault.afterPieces) return void response.destroy()
    if (fault?.kind === 'drip') await drip(response, piece, fault.ms)
    else await write(response, piece)
    if (response.destroyed) return
  }
  if (fault?.kind === 'die') return void response.destroy()
  response.end()
}

async function* inOne(text: string): AsyncGenerator<string> {
  if (text !== '') yield text
}

async function write(response: ServerResponse, piece: string | Buffer): Promise<void> {
  if (response.destroyed || response.write(piece)) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

async function drip(response: ServerResponse, piece: string, ms: number): Promise<void> {
  const bytes = Buffer.from(piece)
  for (let at = 0; at < bytes.length && !response.destroyed; at++) {
    await write(response, bytes.subarray(at, at + 1))
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}
