import { AppError, errorMessage, isAppError } from '../core/errors.js'

/** Pauses between attempts: doubling from `firstMs` up to `mostMs`, and of each the upper half by chance, so that many do not come back at once. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number, random: () => number = Math.random): number {
  const whole = Math.min(firstMs * 2 ** Math.min(attempt - 1, 30), mostMs)
  return Math.round(whole * (0.5 + random() / 2))
}

/** What `work` comes to, or the answer of `late` after `ms`. Work that is late goes on, and its failure is nobody's business any more. */
export async function within<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const isLate = Symbol('late')
  const timeout = new Promise<typeof isLate>((resolve) => (timer = setTimeout(() => resolve(isLate), ms)))
  work.catch(() => undefined)
  try {
    const outcome = await Promise.race([work, timeout])
    return outcome === isLate ? late() : outcome
  } finally {
    clearTimeout(timer)
  }
}

/** For closing: waits for work no longer than this, whether it succeeds or not. */
export async function settledWithin(ms: number, work: Promise<unknown>): Promise<void> {
  await within<unknown>(
    ms,
    work.catch(() => undefined),
    () => undefined,
  )
}

export function queueDown(server: 'Redis' | 'PostgreSQL', doing: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause
  return new AppError('QUEUE_DOWN', `${server}, which carries the queue, does not answer (${doing}): ${errorMessage(cause)}`, {}, cause)
}
