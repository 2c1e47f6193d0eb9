import type { Hex } from '../../core/records.js'
import { readRegistration } from '../registration/read.js'
import type { RegistrationFacts } from '../registration/facts.js'
import { refusalOf, type RefusalQuestion, type RegistrationWay } from '../registration/refusal.js'
import { refused, type RegistrationCall, type WorkArguments } from './calls.js'
import { SUBTENSOR } from '../views/subnet-view.js'
import type { SendOptions, Submitter } from './submitter.js'
import type { Submission } from './look-up.js'

type Sending = Pick<SendOptions, 'pair' | 'tip' | 'nonce' | 'eraBlocks'>

export interface WorkOptions extends Sending {
  readonly work: WorkArguments & { readonly blockHash: Hex }
  /** A local chain, where work that is bound to nobody may be sent. */
  readonly isLocal?: boolean
}

export interface BurnOptions extends Sending {
  readonly netuid: number
  readonly hotkey: Hex
  /** The most that the place may cost, in rao; the fee comes on top. */
  readonly limitRao: bigint
}

/** Age at which work is refused: it executes in the next block at the earliest, which must be one of the two after its own. */
const MAX_AGE_AT_HEAD = 1

/**
 * Work that the hotkey signs itself, to be sent with `submitter.send`. REFUSED, with `detail.reason`, when the chain would refuse it at this head: everything of `refusalOf`,
 * STALE_WORK, WORK_FORKED. The seal is not recomputed here.
 */
export async function prepareRegister(submitter: Submitter, options: WorkOptions): Promise<Submission> {
  return workSubmission(submitter, options, 'solve', { kind: 'register', ...options.work })
}

/** The same through a Registration proxy of the hotkey: the pair is the operator's, and the dispatched origin is the hotkey. */
export async function prepareProxyRegister(submitter: Submitter, options: WorkOptions): Promise<Submission> {
  return workSubmission(submitter, options, 'proxy', { kind: 'proxyRegister', ...options.work })
}

async function workSubmission(
  submitter: Submitter,
  options: WorkOptions,
  way: RegistrationWay,
  call: RegistrationCall,
): Promise<Submission> {
  const { work, pair, isLocal } = options
  const { state } = await submitter.head()
  const facts = await readRegistration(state, work)
  throwRefusal(facts, { coldkey: work.coldkey, operator: pair.publicKey, isLocal }, way)
  const age = state.height - work.blockNumber
  if (age < 0 || age > MAX_AGE_AT_HEAD) {
    throw refused('STALE_WORK', `work on block ${work.blockNumber} is good in the two blocks after it; the next one is ${state.height + 1}`)
  }
  const onChain = (await state.get('System', 'BlockHash', work.blockNumber)) as Hex
  const actual = age === 0 ? state.hash : onChain
  if (actual !== work.blockHash) {
    throw refused('WORK_FORKED', `block ${work.blockNumber} is ${actual} now; the work is on ${work.blockHash}`)
  }
  return submitter.prepare({ ...sending(options), call, birthBlock: work.blockNumber })
}

/**
 * A place bought with the coldkey, never above the limit: with `register_limit` the chain itself sees to it. Without it TOO_EXPENSIVE unless the price
 * stays within the limit as long as the extrinsic can be included.
 */
export async function prepareBurn(submitter: Submitter, options: BurnOptions): Promise<Submission> {
  const { netuid, hotkey, limitRao, pair } = options
  const { state, runtime } = await submitter.head()
  const facts = await readRegistration(state, { netuid, hotkey, coldkey: pair.publicKey })
  throwRefusal(facts, { coldkey: pair.publicKey, limitRao }, 'burn')
  if (runtime.hasCall(SUBTENSOR, 'register_limit')) {
    return submitter.prepare({ ...sending(options), call: { kind: 'registerLimit', netuid, hotkey, limitRao } })
  }
  return submitter.prepare({ ...sending(options), call: { kind: 'burnedRegister', netuid, hotkey, limitRao } })
}

function throwRefusal(facts: RegistrationFacts, question: RefusalQuestion, way: RegistrationWay): void {
  const refusal = refusalOf(facts, question, way)
  if (refusal === null) return
  throw refused(refusal.code, refusal.message, {
    kind: refusal.kind,
    ...(refusal.retryAt === undefined ? {} : { retryAt: refusal.retryAt }),
  })
}

function sending({ pair, tip, nonce, eraBlocks }: Sending): Sending {
  return { pair, tip, nonce, eraBlocks }
}
