// Memory of the proxy with many open streams.
import { PIECES, promptText } from './world.mjs'

/** Of each stream: from its first piece to its last some 20 s go by, enough for all to be open together. */
const GAP_MS = 1_200
/** Streams that are begun together. */
const BATCH = 50
const BATCH_MS = 100
const SAMPLE_MS = 200

/** Opens so many streams, lets all of them come to their end, and gives the most resident memory of the proxy in MB, and how many were open at once at most. */
export async function measureStreams({ ask }, proxy, streams) {
  const { rssMb: idleRssMb } = await proxy.usage()
  let [rssMb, running, open] = [0, 0, 0]
  const sampling = setInterval(() => void proxy.usage().then((usage) => (rssMb = Math.max(rssMb, usage.rssMb))), SAMPLE_MS)
  const asked = []
  try {
    for (let at = 0; at < streams; at++) {
      asked.push(one())
      if (at % BATCH === BATCH - 1) await new Promise((resolve) => setTimeout(resolve, BATCH_MS))
    }
    const answers = await Promise.all(asked)
    const shortest = Math.min(...answers.map(({ ms, firstMs }) => ms - firstMs))
    if (shortest < GAP_MS * (PIECES.length - 2)) throw new Error(`a stream was over after ${shortest} ms`)
  } finally {
    clearInterval(sampling)
  }
  return { open, idleRssMb, rssMb }

  async function one() {
    open = Math.max(open, ++running)
    try {
      return await ask(promptText(0, GAP_MS), 0)
    } finally {
      running--
    }
  }
}
