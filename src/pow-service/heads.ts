import { followHeads, type RpcClient } from '../chain/index.js'
import { errorMessage } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Hex } from '../core/records.js'
import type { PowChain } from './chain-port.js'
import type { Head } from './scheduler/facts.js'

/** After this long without a block, work on the last one is hardly of use: three times what a block takes on public chains. */
const SILENT_MS = 36_000
const RETRY_MS = 500

export interface HeadWatch {
  /** The newest best block; null before the first. */
  head(): Head | null
  isSilent(): boolean
  /** Called with every new best block from now on, and when blocks stop coming or come again. The answer ends it. */
  listen(listener: HeadListener): () => void
  close(): Promise<void>
}

export interface HeadListener {
  head(head: Head): void
  silent(isSilent: boolean): void
}

/** Follows the best block. Of several that come while one is looked up only the newest counts. */
export async function watchHeads(options: {
  rpc: RpcClient
  chain: Pick<PowChain, 'headAt'>
  log: Logger
  signal: AbortSignal
}): Promise<HeadWatch> {
  const { rpc, chain, log, signal } = options
  const listeners = new Set<HeadListener>()
  const stop = new AbortController()
  let newest: { number: number; hash: Hex | null } | null = null
  let looking: Promise<void> | null = null
  let known: Head | null = null
  let heardAt = performance.now()
  let silent = false

  async function look(): Promise<void> {
    while (newest !== null && !stop.signal.aborted) {
      const { number, hash } = newest
      newest = null
      try {
        const head = await chain.headAt(number, hash)
        if (head.hash === known?.hash) continue
        known = head
        setSilent(false)
        for (const listener of listeners) listener.head(head)
      } catch (error) {
        if (stop.signal.aborted) return
        log.warn({ blockNumber: number, reason: errorMessage(error) }, 'the head could not be read, trying again')
        newest ??= { number, hash }
        await sleep(RETRY_MS, stop.signal).catch(() => undefined)
      }
    }
  }

  function setSilent(value: boolean): void {
    if (silent === value) return
    silent = value
    for (const listener of listeners) listener.silent(value)
  }

  const follower = await followHeads(rpc, {
    mode: 'best',
    signal,
    log,
    onHead(number, hash) {
      heardAt = performance.now()
      newest = { number, hash }
      looking ??= look().finally(() => (looking = null))
    },
  })
  const timer = setInterval(() => setSilent(performance.now() - heardAt > SILENT_MS), 1_000)
  return {
    head: () => known,
    isSilent: () => silent,
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      stop.abort()
      clearInterval(timer)
      await follower.close()
      await looking
    },
  }
}
