/** A devnet's chain without its server, driven call by call: what a block does to each extrinsic can be asked at once. */
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { silentLog } from '../../src/core/log.js'
import type { Hex } from '../../src/core/records.js'
import { castAccounts, type Account } from '../../src/devnet/cast/accounts.js'
import { encodeSigned } from '../../src/devnet/executive/extrinsic.js'
import { addGenesis, genesisEntries } from '../../src/devnet/genesis.js'
import { createAuthor, type Author } from '../../src/devnet/node/author.js'
import { createDevnetRuntime, CHAIN_SLOT_MS } from '../../src/devnet/runtime/compose.js'
import { subtensorGenesis } from '../../src/devnet/runtime/subtensor/index.js'
import { DispatchError, type CallValue, type Context, type DispatchOutcome } from '../../src/devnet/runtime/types.js'
import { openChainStore, type Block } from '../../src/devnet/state/chain-store.js'

export interface EventRecord {
  phase: { type: string; value?: number }
  event: { pallet: string; event: string; fields: unknown[] }
}

export interface Item {
  by: Account
  call: CallValue
  /** Of the test, for messages. */
  label: string
  tip?: bigint
  /** Blocks after the present head in which it may be taken, a power of two; for ever when absent. */
  period?: number
}

export interface OwnChain {
  author: Author
  accounts: ReturnType<typeof castAccounts>
  /** One block with these extrinsics. Answers `ok` or the error's name for each; the inner one's for sudo calls that fail inside. */
  block(items?: Item[]): string[]
  events(number?: number): EventRecord[]
  read<T>(run: (ctx: Context) => T): T
}

export async function ownChain({ people = 20, tao = 2_000n } = {}): Promise<OwnChain> {
  await cryptoWaitReady()
  const runtime = createDevnetRuntime()
  const accounts = castAccounts('own-chain', people)
  const store = openChainStore({ codecs: runtime.codecs, settings: 'test' })
  const balances = [accounts.alice, ...accounts.coldkeys, ...accounts.hotkeys, ...accounts.nominators].map(({ id }) => ({
    who: id,
    free: tao * 10n ** 9n,
  }))
  const issuanceRao = balances.reduce((sum, { free }) => sum + free, 0n)
  const entries = genesisEntries({
    authorities: accounts.authorities.map(({ id }) => id),
    balances,
    sudo: accounts.alice.id,
    entries: subtensorGenesis({ subnets: 0, issuanceRao }),
  })
  const genesis = addGenesis(store, runtime, entries, [])
  const author = createAuthor({
    chain: { runtime, genesisHash: genesis.hash },
    store,
    slotMs: CHAIN_SLOT_MS,
    finalityLag: 0,
    genesisTimeMs: CHAIN_SLOT_MS * 1000,
    log: silentLog,
  })

  const read = <T>(run: (ctx: Context) => T): T => author.peek(store.best, ({ ctx }) => run(ctx))

  function events(number = store.best.number): EventRecord[] {
    const block = store.byNumber(number)
    const bytes = block === undefined ? undefined : store.history.get(block.state, runtime.storage.item('System', 'Events').key([]))
    return bytes === undefined ? [] : (runtime.codecs.decode('Vec<EventRecord>', bytes) as EventRecord[])
  }

  function outcomeOf(index: number, all: EventRecord[]): string {
    const own = all.filter(({ phase }) => phase.type === 'ApplyExtrinsic' && phase.value === index).map(({ event }) => event)
    const failed = own.find(({ event }) => event === 'ExtrinsicFailed')
    if (failed !== undefined) return errorName(failed.fields[0])
    const sudid = own.find(({ pallet, event }) => pallet === 'Sudo' && event === 'Sudid')?.fields[0] as DispatchOutcome | undefined
    return sudid === undefined || sudid.ok ? 'ok' : errorName(sudid.error)
  }

  return {
    author,
    accounts,
    events,
    read,
    block: (items = []) => {
      const nonces = new Map<Hex, number>()
      const head = store.best
      const extrinsics = items.map(({ by, call, tip, period }) => {
        const nonce = nonces.get(by.id) ?? read((ctx) => ctx.get<{ nonce: number }>('System', 'Account', by.id).nonce)
        nonces.set(by.id, nonce + 1)
        return encodeSigned(
          {
            call,
            signer: by.id,
            nonce,
            tip,
            genesisHash: genesis.hash,
            mortality: period === undefined ? undefined : mortalFrom(head, period),
          },
          by.sign,
          runtime.codecs,
        )
      })
      author.newBlock({ extrinsics })
      const all = events()
      // Extrinsic 0 is the timestamp.
      return items.map((_, i) => outcomeOf(i + 1, all))
    },
  }
}

function mortalFrom({ number, hash }: Block, period: number) {
  return { era: { period, phase: number % period }, birthHash: hash }
}

export function errorName(error: unknown): string {
  if (!(error instanceof DispatchError)) throw new Error('not a dispatch error')
  const { kind } = error
  if (kind.type === 'Module') return `${kind.pallet}.${kind.error}`
  return 'value' in kind ? `${kind.type}.${kind.value}` : kind.type
}
