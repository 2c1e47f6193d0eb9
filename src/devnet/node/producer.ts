/** Makes a block in every slot of the wall clock. */
import type { Logger } from '../../core/log.js'
import type { Author } from './author.js'

export interface Producer {
  stop(): void
}

export function startProducer(options: { author: Author; slotMs: number; log: Logger; beforeBlock: () => void }): Producer {
  const { author, slotMs, log } = options
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function schedule(): void {
    if (stopped) return
    timer = setTimeout(produce, slotMs - (Date.now() % slotMs))
  }

  function produce(): void {
    const startedAt = Date.now()
    try {
      options.beforeBlock()
      const block = author.newBlock({ timestampMs: Math.floor(startedAt / slotMs) * slotMs })
      log.debug(
        { blockNumber: block.number, hash: block.hash, extrinsics: block.extrinsics().length, ms: Date.now() - startedAt },
        'block made',
      )
    } catch (error) {
      // The next slot tries again, on the same parent.
      log.error({ err: error }, 'no block made')
    }
    schedule()
  }

  schedule()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
