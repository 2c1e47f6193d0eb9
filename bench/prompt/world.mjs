// What the processes of `bench/prompt.mjs` agree on: subnets, keys, and how long an answer takes and what it says.
import { keyPairFromSeed } from '../../dist/core/wallet/keys.js'

/** One subnet for each protocol, with one axon; the last one has many. */
export const SUBNETS = { http: 1, grpc: 2, epistula: 3, many: 4 }
/** A connection carries one stream, and the proxy opens 64 to an axon. */
export const MANY_AXONS = 64
export const API_KEY = 'bench'
export const HOST = '127.0.0.1'

const WORDS = 'the answer of this axon is made of words that come one after the other and say nothing at all '
export const PIECES = WORDS.split(/(?<= )/)
export const ANSWER = PIECES.join('')
/** In the first piece of every answer, and in nothing else that is sent. */
export const MARK = PIECES[0]
const FILLER = 'Tell me, in the fewest words that will do, what a proxy in front of validators is for. '.repeat(4)

/** A prompt that says how long its answer takes: to its first piece, and between pieces, in milliseconds. All upstreams do as it says. */
export function promptText(waitMs, gapMs) {
  return `wait ${waitMs} gap ${gapMs}: ${FILLER}`
}

/** The answer that such a prompt asks for: whole, or in pieces. */
export function answerTo(prompt, isStream) {
  const [, waitMs = '0', gapMs = '0'] = /^wait (\d+) gap (\d+)/.exec(prompt) ?? []
  return isStream ? pieces(Number(waitMs), Number(gapMs)) : sleep(Number(waitMs)).then(() => ANSWER)
}

async function* pieces(waitMs, gapMs) {
  await sleep(waitMs)
  for (const [at, piece] of PIECES.entries()) {
    if (at > 0) await sleep(gapMs)
    yield piece
  }
}

function sleep(ms) {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
}

/** The key pair number `n` of the bench; 0 is the proxy's, or that of whoever asks axons directly. */
export function pairOf(n) {
  const seed = new Uint8Array(32).fill(9)
  new DataView(seed.buffer).setUint32(0, n)
  return keyPairFromSeed(seed)
}
