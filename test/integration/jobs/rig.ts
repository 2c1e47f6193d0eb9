import { randomBytes } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { openJobs, type Jobs, type JobsOptions, type JobsTiming } from '../../../src/jobs/index.js'

/** So short that a lost worker is replaced within two seconds. */
export const SHORT: JobsTiming = {
  waitMs: 5_000,
  lockMs: 800,
  stalledMs: 200,
  retryMs: 20,
  retryMostMs: 100,
  closeMs: 600,
  patienceMs: 3_000,
  leadMs: 100,
}

export type Place = Pick<JobsOptions, 'redisUrl' | 'databaseUrl'>

/** A part of the server that nobody else uses. */
export function freshPrefix(): string {
  return `t${randomBytes(6).toString('hex')}`
}

export async function jobsAt(place: Place, prefix: string, more: Partial<JobsOptions> = {}): Promise<Jobs & AsyncDisposable> {
  const jobs = await openJobs({ ...place, prefix, log: silentLog, metrics: createMetrics(), timing: SHORT, ...more })
  return { ...jobs, [Symbol.asyncDispose]: () => jobs.close() }
}

/** A promise and its resolve; for handlers that wait to be let go. */
export function gate(): { open: () => void; opened: Promise<void> } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

export interface Wire extends AsyncDisposable {
  url: string
  /** Cuts all connections and refuses new ones. */
  cut(): void
  /** Nothing is said any more, yet nothing is closed: a server that hangs, or a network that swallows. */
  freeze(): void
  mend(): void
}

/** Stands between a client and a server given by its URL. */
export async function wireTo(serverUrl: string): Promise<Wire> {
  const target = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let state: 'up' | 'cut' | 'frozen' = 'up'
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined).on('close', () => sockets.delete(client))
    if (state === 'cut') return void client.destroy()
    if (state === 'frozen') return
    const upstream = connect(Number(target.port), target.hostname)
    sockets.add(upstream)
    upstream.on('error', () => client.destroy()).on('close', () => sockets.delete(upstream))
    client.on('data', (data) => void (state === 'up' && upstream.write(data))).on('close', () => upstream.destroy())
    upstream.on('data', (data) => void (state === 'up' && client.write(data))).on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(serverUrl)
  url.port = String((server.address() as AddressInfo).port)
  const drop = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url: url.href,
    cut() {
      state = 'cut'
      drop()
    },
    freeze() {
      state = 'frozen'
    },
    mend() {
      if (state === 'frozen') drop()
      state = 'up'
    },
    async [Symbol.asyncDispose]() {
      drop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
