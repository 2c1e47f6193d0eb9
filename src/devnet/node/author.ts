/** The chain as it grows: makes blocks out of the pool, moves the head and what is final, and says so to whoever listens. */
import type { Logger } from '../../core/log.js'
import type { Hex } from '../../core/records.js'
import { checkNonce, checkSignature, type Chain } from '../executive/apply.js'
import { createBlockLimits } from '../executive/block-limits.js'
import { buildBlock, type Candidate } from '../executive/build-block.js'
import { createExecution, type Execution } from '../executive/context.js'
import { decodeExtrinsic, type Extrinsic } from '../executive/extrinsic.js'
import { chargeFee } from '../runtime/pallets/transaction-payment.js'
import { account } from '../runtime/pallets/system.js'
import { InvalidTransaction } from '../runtime/types.js'
import type { Block, ChainStore } from '../state/chain-store.js'
import type { Changes } from '../state/history.js'
import { createOverlay } from '../state/overlay.js'
import { createPool, invalidTransaction, type Pool } from './pool.js'
import { RpcError } from './rpc-error.js'

export interface AuthorListener {
  /** Every block, whether it becomes the best one or not. */
  imported?(block: Block): void
  best?(block: Block): void
  finalized?(block: Block): void
}

export interface NewBlockOptions {
  /** Instead of the best block. */
  parent?: Block
  /** Instead of what the pool holds. */
  extrinsics?: Uint8Array[]
  /** Unix milliseconds; a slot after the parent's when absent. */
  timestampMs?: number
}

export interface Author {
  readonly store: ChainStore
  readonly pool: Pool
  readonly chain: Chain
  newBlock(options?: NewBlockOptions): Block
  /** Checks an extrinsic against the best block and puts it into the pool. Throws `RpcError`. */
  submit(bytes: Uint8Array): Hex
  decode(bytes: Uint8Array): Extrinsic
  /** What a node's pool checks before it takes an extrinsic, on top of a block. Throws `InvalidTransaction`; returns the account's nonce. */
  validate(extrinsic: Extrinsic, block?: Block): number
  /** Runs something against the state of a block, as the block after it would see it; nothing of it stays. */
  peek<T>(block: Block, run: (execution: Execution) => T): T
  setHead(block: Block): void
  patch(block: Block, changes: Changes): void
  setNextTimestamp(ms: number): void
  listen(listener: AuthorListener): () => void
}

export interface AuthorOptions {
  chain: Chain
  store: ChainStore
  slotMs: number
  /** How many blocks what is final lies behind the best one. */
  finalityLag: number
  /** Time of the first block. */
  genesisTimeMs: number
  log: Logger
}

export function createAuthor({ chain, store, slotMs, finalityLag, genesisTimeMs, log }: AuthorOptions): Author {
  const { runtime } = chain
  const pool = createPool()
  const listeners = new Set<AuthorListener>()
  const watched = new Map<Hex, Hex[]>()
  let nextTimestamp: number | undefined

  const tell = (what: keyof AuthorListener, block: Block) => {
    for (const listener of [...listeners]) listener[what]?.(block)
  }

  function peek<T>(block: Block, run: (execution: Execution) => T): T {
    const overlay = createOverlay({
      get: (key) => store.history.get(block.state, key),
      keys: (prefix) => store.history.keys(block.state, prefix),
    })
    const execution = createExecution({ runtime, overlay, blockNumber: block.number + 1 })
    // The block after it would know its parent's hash, which mortal extrinsics may have signed.
    execution.ctx.set('System', 'BlockHash', [block.number], block.hash)
    return run(execution)
  }

  function decode(bytes: Uint8Array): Extrinsic {
    try {
      return decodeExtrinsic(bytes, runtime.codecs)
    } catch (error) {
      throw new RpcError(
        1002,
        `Verification Error: Runtime error: Execution failed: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  function validate(extrinsic: Extrinsic, block = store.best): number {
    const { signature } = extrinsic
    if (signature === null) throw new InvalidTransaction('BadSigner')
    return peek(block, ({ ctx }) => {
      checkSignature(extrinsic, signature, ctx, chain.genesisHash)
      const { nonce } = account(ctx, signature.signer)
      if (signature.nonce < nonce) checkNonce(signature, ctx)
      const info = runtime.infoOf(extrinsic.call)
      createBlockLimits().reserve(info, extrinsic.bytes.length)
      chargeFee(ctx, signature.signer, extrinsic.bytes.length, info, signature.tip)
      for (const pallet of runtime.pallets) pallet.validate?.(ctx, signature.signer, extrinsic.call)
      return nonce
    })
  }

  function submit(bytes: Uint8Array): Hex {
    const extrinsic = decode(bytes)
    try {
      pool.add(extrinsic, validate(extrinsic))
    } catch (error) {
      throw error instanceof InvalidTransaction ? invalidTransaction(error) : error
    }
    return extrinsic.hash
  }

  function timestampAfter(parent: Block, wanted: number | undefined): number {
    const before = parent.number === 0 ? undefined : timestampOf(parent)
    const earliest = before === undefined ? genesisTimeMs : before + slotMs
    const asked = wanted ?? nextTimestamp
    // Slots must increase, whatever was asked for.
    if (asked === undefined || (before !== undefined && Math.floor(asked / slotMs) <= Math.floor(before / slotMs))) return earliest
    return asked
  }

  function timestampOf(block: Block): number {
    const item = runtime.storage.item('Timestamp', 'Now')
    const bytes = store.history.get(block.state, item.key([]))
    return bytes === undefined ? 0 : Number(runtime.codecs.decode('u64', bytes))
  }

  function candidatesFor(parent: Block): Candidate[] {
    return peek(parent, ({ ctx }) => pool.ready((who) => account(ctx, who).nonce))
  }

  function newBlock({ parent = store.best, extrinsics, timestampMs }: NewBlockOptions = {}): Block {
    const fromPool = extrinsics === undefined
    const candidates = extrinsics?.map((bytes) => ({ extrinsic: decode(bytes), verified: false })) ?? candidatesFor(parent)
    const built = buildBlock({
      chain,
      history: store.history,
      parent: { state: parent.state, hash: parent.hash, number: parent.number },
      timestampMs: timestampAfter(parent, timestampMs),
      slotMs,
      candidates,
      onPanic: (extrinsic, error) =>
        log.error({ err: error, hash: extrinsic.hash, call: `${extrinsic.call.pallet}.${extrinsic.call.call}` }, 'call broke'),
    })
    nextTimestamp = undefined
    for (const { extrinsic, reason } of built.refused) {
      log.debug({ hash: extrinsic.hash, reason: reason.kind }, 'extrinsic refused')
      if (reason.kind !== 'ExhaustsResources' && reason.kind !== 'Future') pool.remove(extrinsic.hash, 'invalid')
    }
    const firstRefusal = built.refused[0]
    if (!fromPool && firstRefusal !== undefined) throw invalidTransaction(firstRefusal.reason)
    const block = store.add({ parent, header: built.header, extrinsics: built.extrinsics, changes: built.changes })
    for (const hash of built.applied.keys()) {
      pool.tell(hash, { inBlock: block.hash })
      pool.remove(hash)
    }
    watched.set(block.hash, [...built.applied.keys()])
    tell('imported', block)
    if (block.number > store.best.number) setBest(block)
    return block
  }

  function setBest(block: Block): void {
    const before = store.best
    const finalNumber = Math.max(block.number - finalityLag, 0)
    const wanted = finalNumber >= store.finalized.number ? ancestor(block, finalNumber) : store.finalized
    const finalizedBefore = store.finalized
    store.setHead({ best: block, finalized: wanted })
    if (block.parent !== before && before !== block) retract(before, block)
    dropStale()
    tell('best', block)
    if (wanted !== finalizedBefore) announceFinalized(finalizedBefore, wanted)
  }

  function ancestor(block: Block, number: number): Block {
    let at = block
    while (at.number > number && at.parent !== null) at = at.parent
    return at
  }

  /** Extrinsics of blocks that are no longer on the best chain go back into the pool, as far as they are still good. */
  function retract(from: Block, to: Block): void {
    for (let block: Block | null = from; block !== null && store.byNumber(block.number) !== block; block = block.parent) {
      const [, ...signed] = block.extrinsics()
      for (const bytes of signed) {
        const extrinsic = decode(bytes)
        pool.tell(extrinsic.hash, { retracted: block.hash })
        try {
          pool.add(extrinsic, validate(extrinsic))
        } catch (error) {
          log.debug({ hash: extrinsic.hash, err: error }, 'extrinsic of a lost block is not good any more')
        }
      }
    }
    log.info({ from: from.hash, to: to.hash, blockNumber: to.number }, 'best chain changed')
  }

  function dropStale(): void {
    peek(store.best, ({ ctx }) => {
      for (const { hash, signature } of pool.pending()) {
        if (signature !== null && signature.nonce < account(ctx, signature.signer).nonce) pool.remove(hash, 'invalid')
      }
    })
  }

  function announceFinalized(from: Block, to: Block): void {
    const path: Block[] = []
    for (let block: Block | null = to; block !== null && block.number > from.number; block = block.parent) path.push(block)
    for (const block of path.reverse()) {
      tell('finalized', block)
      for (const hash of watched.get(block.hash) ?? []) {
        pool.tell(hash, { finalized: block.hash })
        pool.forget(hash)
      }
      watched.delete(block.hash)
    }
    if (path.length === 0) tell('finalized', to)
  }

  return {
    store,
    pool,
    chain,
    newBlock,
    submit,
    decode,
    validate,
    peek,
    setHead: (block) => {
      const before = store.best
      // What was final may have to be taken back here; a real chain never does that, tests must be able to.
      const onChain = ancestor(block, Math.min(store.finalized.number, block.number))
      const finalized = onChain === store.finalized ? onChain : ancestor(block, Math.max(block.number - finalityLag, 0))
      store.setHead({ best: block, finalized })
      if (before !== block) {
        retract(before, block)
        tell('best', block)
        tell('finalized', finalized)
      }
    },
    patch: (block, changes) => {
      store.patch(block, changes)
      tell('imported', block)
    },
    setNextTimestamp: (ms) => (nextTimestamp = ms),
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
