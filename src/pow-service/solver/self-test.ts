/**
 * The test that every solver passes before it is given work. Three kinds of questions, each with one right answer:
 * - built-in vectors: each is a candidate at its own decisive word as the limit, and none at the limit below, in either byte order;
 * - a range of known first nonce: exactly that candidate;
 * - random ranges with limits that take one nonce in some, at any offset, with remainders, and up to the end of the low words: the whole set of candidates
 *   must be that of the scalar code. Among them limits that are exactly a nonce's word, so that a wrong bit anywhere in it shows.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { AppError, errorMessage } from '../../core/errors.js'
import type { ByteOrder } from '../../core/registrations.js'
import { decisiveWord, limitOf, sealOf } from './seal.js'
import type { NonceRange, Solver } from './types.js'
import { FIRST_NONCES, SEALS } from './vectors.js'

/** A solver that does not answer in this time is as broken as one that answers wrong. */
const TIME_LIMIT_MS = 60_000
const LOW_WORDS = 2 ** 32
const ORDERS: readonly ByteOrder[] = ['big', 'little']
/** Neither is a multiple of any kernel's number of lanes. */
const RANDOM_COUNT = 1021
const LAST_COUNT = 517
const EXACT_LIMITS = 24

interface Question {
  readonly about: string
  readonly preimage: Uint8Array
  readonly byteOrder: ByteOrder
  readonly limit: bigint
  readonly range: NonceRange
  /** Low words, rising. */
  readonly expected: readonly number[]
  /** Only for devices that are not processor cores. */
  readonly long?: boolean
}

export interface SelfTest {
  /** Rejects with SOLVER_WRONG, saying what the solver got wrong. The same questions for every solver that is asked. */
  check(solver: Solver): Promise<void>
}

/** New random questions, with the scalar code's answers: about 30 ms of work. */
export function createSelfTest(timeLimitMs: number = TIME_LIMIT_MS): SelfTest {
  const questions = [...vectorQuestions(), ...firstNonceQuestions(), ...randomQuestions(RANDOM_COUNT), ...randomQuestions(LAST_COUNT)]
  return {
    async check(solver) {
      const signal = AbortSignal.timeout(timeLimitMs)
      for (const question of questions) {
        if (question.long && solver.device.startsWith('cpu')) continue
        await ask(solver, question, signal)
      }
    },
  }
}

async function ask(solver: Solver, question: Question, signal: AbortSignal): Promise<void> {
  const { about, preimage, byteOrder, limit, range, expected } = question
  const fail = (what: string, cause?: unknown): AppError =>
    new AppError(
      'SOLVER_WRONG',
      `solver ${solver.name} on ${solver.device} failed its self-test (${about}, ${byteOrder}-endian): ${what}`,
      {},
      cause,
    )
  const hung = fail(`it did not end in time`)
  let answer
  try {
    answer = await unlessAborted(solver.search({ preimage, byteOrder, limit }, range, signal), signal)
  } catch (error) {
    throw signal.aborted ? hung : fail(errorMessage(error), error)
  }
  if (signal.aborted) throw hung
  const { tried, candidates } = answer
  if (tried !== range.count) throw fail(`it tried ${tried} of ${range.count} nonces`)
  const found = [...candidates].sort((a, b) => a - b)
  if (found.length === expected.length && found.every((low, k) => low === expected[k])) return
  const missing = expected.filter((low) => !found.includes(low)).length
  const wrong = found.filter((low) => !expected.includes(low)).length
  throw fail(`of ${expected.length} candidates it missed ${missing}, and it named ${found.length}, of which ${wrong} are none`)
}

/** A kernel that hangs does not see the signal either. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('aborted'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function vectorQuestions(): Question[] {
  return SEALS.flatMap(({ nonce, preimage: hex, seal: expectedSeal }) => {
    const preimage = Buffer.from(hex, 'hex')
    const seal = Buffer.from(sealOf(preimage, nonce))
    if (seal.toString('hex') !== expectedSeal)
      throw new AppError('INTERNAL', 'the scalar proof of work is wrong: it fails a built-in vector')
    const low = Number(nonce & 0xffff_ffffn)
    const range = { high: Number(nonce >> 32n), from: low, count: 1 }
    return ORDERS.flatMap((byteOrder) => {
      const limit = decisiveWord(seal, byteOrder)
      const same = { about: `nonce ${nonce}`, preimage, byteOrder, range }
      return [
        { ...same, limit, expected: [low] },
        { ...same, limit: limit - 1n, expected: [] },
      ]
    })
  })
}

function firstNonceQuestions(): Question[] {
  const preimage = Buffer.from(FIRST_NONCES.preimage, 'hex')
  return (['short', 'long'] as const).flatMap((length) =>
    ORDERS.map((byteOrder) => {
      const { difficulty, [byteOrder]: first } = FIRST_NONCES[length]
      const range = { high: 0, from: 0, count: first + 1 }
      const about = `first nonce of difficulty ${difficulty}`
      return { about, preimage, byteOrder, limit: limitOf(difficulty), range, expected: [first], long: length === 'long' }
    }),
  )
}

/** A random preimage and high half; the shorter range ends with the last low word. */
function randomQuestions(count: number): Question[] {
  const preimage = randomBytes(32)
  const high = randomBytes(4).readUInt32LE()
  const from = count === LAST_COUNT ? LOW_WORDS - count : randomInt(LOW_WORDS - count)
  const seals = Array.from({ length: count }, (_, k) => sealOf(preimage, (BigInt(high) << 32n) | BigInt(from + k)))
  return ORDERS.flatMap((byteOrder) => {
    const words = seals.map((seal) => decisiveWord(seal, byteOrder))
    const question = (start: number, length: number, limit: bigint): Question => {
      const lows = Array.from({ length }, (_, k) => from + start + k)
      const expected = lows.filter((low) => (words[low - from] ?? 0n) <= limit)
      const about = `${length} random nonces from ${from + start} with limit ${limit}`
      return { about, preimage, byteOrder, limit, range: { high, from: from + start, count: length }, expected }
    }
    const exact = Array.from({ length: EXACT_LIMITS }, () => randomInt(count)).flatMap((k) => {
      const start = Math.max(0, k - randomInt(16))
      const length = Math.min(count - start, k - start + 1 + randomInt(16))
      const word = words[k] ?? 0n
      return [question(start, length, word), question(start, length, word - 1n)]
    })
    return [question(0, count, limitOf(3n)), question(0, count, limitOf(40n)), question(0, count, limitOf(0n)), ...exact]
  })
}
