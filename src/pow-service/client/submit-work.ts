import { prepareRegister, type KeyPair } from '../../chain/submit/index.js'
import { readRegistration } from '../../chain/registration/index.js'
import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { ENDED_STATES } from '../../core/registrations.js'
import { fromHex, toHex } from '../../core/units/bytes.js'
import { meets, preimageOf, sealOf } from '../solver/seal.js'
import type { RegistrationClient, ToldRegistration, ToldSolution } from './api-client.js'
import { createTurnstile, sendOnce, stopped, type Registered, type SendOnce } from './send-once.js'

export interface SubmitWorkOptions extends SendOnce {
  client: RegistrationClient
  /** Id of the registration at the service. */
  id: string
  /** The hotkey. */
  pair: KeyPair
  coldkey: Hex
  isLocal: boolean
  onNews(told: ToldRegistration): void
}

/**
 * Waits for the service's work, checks it, signs it with the hotkey and sends it, for each subnet until it is registered. Rejects with REFUSED when the
 * registration ends otherwise. The service is not believed: seal, difficulty, block and age are checked against the customer's own node.
 */
export async function submitWork(options: SubmitWorkOptions): Promise<Registered[]> {
  const { client, id, signal, log } = options
  const done = new Map<number, Registered>()
  const underWay = new Map<number, Promise<void>>()
  /** Newest block whose work was tried, by subnet. */
  const tried = new Map<number, number>()
  const failures: unknown[] = []
  const stop = new AbortController()
  const watching = AbortSignal.any([signal, stop.signal])
  let last: ToldRegistration | null = null
  const inTurn = createTurnstile()

  async function attempt(netuid: number, solution: ToldSolution): Promise<void> {
    const of = { netuid, hotkey: options.pair.publicKey }
    const outcome = await sendOnce({ ...options, inTurn }, of, () => checkedWork(options, netuid, solution))
    if (outcome.is === 'registered') done.set(netuid, outcome.place)
    else log.warn({ netuid, why: outcome.why }, 'not registered yet, waiting for more work')
  }

  for await (const told of client.follow(id, watching)) {
    last = told
    options.onNews(told)
    for (const { netuid, solution } of told.targets) {
      if (solution === null || done.has(netuid) || underWay.has(netuid) || (tried.get(netuid) ?? -1) >= solution.blockNumber) continue
      tried.set(netuid, solution.blockNumber)
      const running = attempt(netuid, solution as ToldSolution)
        .catch((error: unknown) => {
          failures.push(error)
          stop.abort()
        })
        .finally(() => {
          underWay.delete(netuid)
          if (done.size === told.targets.length) stop.abort()
        })
      underWay.set(netuid, running)
    }
  }
  await Promise.all(underWay.values())
  if (failures.length > 0) throw failures[0]
  if (last !== null && done.size === last.targets.length) return [...done.values()]
  if (last !== null && last.state === 'registered') {
    return last.targets.map(({ netuid, uid }) => done.get(netuid) ?? { netuid, uid, blockNumber: 0, hash: '0x' })
  }
  if (signal.aborted || last === null) throw stopped()
  throw endedOtherwise(last)
}

export function endedOtherwise(told: ToldRegistration): AppError {
  const reason = told.reason ?? told.targets.find((target) => target.reason !== null)?.reason ?? null
  const message = `the registration ended as ${told.state}${reason === null ? '' : `: ${reason.message}`}`
  return new AppError(ENDED_STATES.includes(told.state) ? 'REFUSED' : 'INTERNAL', message, { reason: reason?.code ?? told.state })
}

/** The extrinsic for work that passes here, too. */
async function checkedWork({ submitter, pair, coldkey, isLocal }: SubmitWorkOptions, netuid: number, solution: ToldSolution) {
  const nonce = BigInt(solution.nonce)
  const seal = sealOf(preimageOf(fromHex(solution.blockHash), fromHex(pair.publicKey)), nonce)
  const wrong = (why: string): AppError => new AppError('UPSTREAM_INVALID', `the service's work for subnet ${netuid} is wrong: ${why}`)
  if (toHex(seal) !== solution.work) throw wrong(`nonce ${nonce} does not give that seal for this hotkey and block`)
  const { state } = await submitter.head()
  const { difficulty } = await readRegistration(state, { netuid })
  if (difficulty !== null && !meets(seal, difficulty.current, solution.byteOrder)) {
    throw new AppError('REFUSED', `the work does not meet the difficulty ${difficulty.current} of subnet ${netuid}`, {
      kind: 'wait',
      reason: 'DIFFICULTY',
    })
  }
  const work = {
    netuid,
    blockNumber: solution.blockNumber,
    blockHash: solution.blockHash,
    nonce,
    work: solution.work,
    hotkey: pair.publicKey,
    coldkey,
  }
  return prepareRegister(submitter, { pair, work, isLocal })
}
