import { prepareProxyRegister, type KeyPair, type Submitter } from '../chain/submit/index.js'
import { AppError } from '../core/errors.js'
import type { PowSolution, Registration } from '../core/registrations.js'
import { parseAccountId } from '../core/units/ss58.js'

/** Sends registrations of customers who made the service's account a Registration proxy of their hotkey. It can sign nothing else. */
export interface ProxySender {
  /** ss58 address that customers name as their proxy. */
  readonly address: string
  /** Signs, and tells what is to be remembered before it is sent. The coldkey of the registration becomes the owner. */
  prepare(registration: Registration, solution: PowSolution): Promise<PreparedSend>
}

export interface PreparedSend {
  record: Registration['sent'][number]
  /** Hands it to the node. */
  send(): Promise<void>
  /** What became of it, once it is in a block or its time is over. */
  outcome(): Promise<'included' | 'failed' | 'dropped'>
}

export function createProxySender({ submitter, pair, isLocal }: { submitter: Submitter; pair: KeyPair; isLocal: boolean }): ProxySender {
  return {
    address: pair.address,
    async prepare({ hotkey, coldkey }, { netuid, blockNumber, blockHash, nonce, work }) {
      if (coldkey === null) throw new AppError('INTERNAL', 'a registration through the proxy has no coldkey')
      const keys = { hotkey: parseAccountId(hotkey), coldkey: parseAccountId(coldkey) }
      const submission = await prepareProxyRegister(submitter, {
        work: { netuid, blockNumber, blockHash, nonce: BigInt(nonce), work, ...keys },
        pair,
        isLocal,
      })
      return {
        record: { netuid, hash: submission.hash, nonce: Number(submission.nonce), validUntil: submission.lastBlock },
        send: () => submitter.send(submission),
        async outcome() {
          const found = await submitter.follow(submission, { until: 'included' })
          if (found.state === 'dropped') return 'dropped'
          return found.error === null ? 'included' : 'failed'
        },
      }
    },
  }
}
