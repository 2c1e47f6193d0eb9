/**
 * The built-in accounts keep the chain busy. They look at the chain, as people do, and decide for the next block: register where
 * there is room, serve an axon, become a delegate and put stake behind it, set weights, vote in the root network, send money around, and try again when they were pushed out. Choices follow from the
 * seed and the block number, so a chain that is started again goes on as it would have.
 */
import type { Logger } from '../../core/log.js'
import { encodeSigned } from '../executive/extrinsic.js'
import type { Author } from '../node/author.js'
import { account } from '../runtime/pallets/system.js'
import type { CallValue, Context } from '../runtime/types.js'
import type { Account, CastAccounts } from './accounts.js'
import { delegateActions, registerActions, rootActions, transferActions, weightActions, type Action, type Scene } from './actions.js'
import { createRandom } from './random.js'
import { serveActions, type AxonChoice } from './serving.js'

export interface Cast {
  /** Submits what the accounts do in the next block. */
  act(): void
}

export interface CastOptions {
  author: Author
  accounts: CastAccounts
  /** The cast lives on subnets 1 to this. */
  subnets: number
  /** Places in each subnet. */
  seats: number
  seed: string
  axons?: AxonChoice
  log: Logger
}

const ROLES = [registerActions, serveActions, delegateActions, weightActions, rootActions, transferActions]

export function startCast({ author, accounts, subnets, seats, seed, axons, log }: CastOptions): Cast {
  const { runtime, genesisHash } = author.chain

  function submit(ctx: Context, by: Account, call: CallValue): void {
    const nonce = author.pool.nextNonce(by.id, account(ctx, by.id).nonce)
    const extrinsic = encodeSigned({ call, signer: by.id, nonce, genesisHash }, by.sign, runtime.codecs)
    author.submit(extrinsic)
  }

  return {
    act: () => {
      const head = author.store.best
      author.peek(head, ({ ctx }) => {
        const scene: Scene = {
          ctx,
          accounts,
          subnets,
          seats,
          random: createRandom(`${seed}/${head.number}`),
          head: { number: head.number, hash: head.hash },
          axons,
        }
        const actions: Action[] = ROLES.flatMap((role) => role(scene))
        for (const { by, pallet, call, args } of actions) {
          try {
            submit(ctx, by, { pallet, call, args })
          } catch (error) {
            // Others may have changed what this one counted on; it will think of something else in the next block.
            log.debug({ err: error, by: by.path, call }, 'the cast was refused')
          }
        }
      })
    },
  }
}
