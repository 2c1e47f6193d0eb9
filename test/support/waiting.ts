import { sleep } from '../../src/core/lifecycle.js'

/** Waits until a condition holds, and says what was waited for when it does not. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await sleep(20)
  }
}
