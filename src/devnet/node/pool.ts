/**
 * Extrinsics that wait for a block. They are served in the order in which they came, except that those of one sender follow their
 * nonces; a public node would put the best-paying ones first.
 */
import type { Hex } from '../../core/records.js'
import type { Candidate } from '../executive/build-block.js'
import type { Extrinsic } from '../executive/extrinsic.js'
import { InvalidTransaction } from '../runtime/types.js'
import { RpcError } from './rpc-error.js'

export type PoolStatus =
  | 'ready'
  | 'future'
  | 'invalid'
  | 'dropped'
  | { inBlock: Hex }
  | { retracted: Hex }
  | { finalized: Hex }
  | { usurped: Hex }
  | { broadcast: string[] }

export interface Pool {
  /** Takes a valid extrinsic, or throws an `RpcError`. */
  add(extrinsic: Extrinsic, nonce: number): void
  remove(hash: Hex, status?: PoolStatus): void
  /** Those that may be next, given the account nonces in the state to build on. */
  ready(nonceOf: (who: Hex) => number): Candidate[]
  /** The nonce that a sender's next extrinsic should have, given the account's. */
  nextNonce(who: Hex, nonce: number): number
  pending(): Extrinsic[]
  /** Follows an extrinsic; the watcher hears of what becomes of it. */
  watch(hash: Hex, watcher: (status: PoolStatus) => void): () => void
  tell(hash: Hex, status: PoolStatus): void
  forget(hash: Hex): void
}

/** More than a few blocks' worth is not going to be included soon. */
const POOL_LIMIT = 8192

export function createPool(): Pool {
  const waiting = new Map<Hex, Extrinsic>()
  const bySender = new Map<Hex, Map<number, Hex>>()
  const watchers = new Map<Hex, Set<(status: PoolStatus) => void>>()

  function tell(hash: Hex, status: PoolStatus): void {
    for (const watcher of watchers.get(hash) ?? []) watcher(status)
  }

  function remove(hash: Hex, status?: PoolStatus): void {
    const extrinsic = waiting.get(hash)
    if (extrinsic === undefined) return
    waiting.delete(hash)
    const { signature } = extrinsic
    if (signature !== null) {
      const own = bySender.get(signature.signer)
      if (own?.get(signature.nonce) === hash) own.delete(signature.nonce)
      if (own?.size === 0) bySender.delete(signature.signer)
    }
    if (status !== undefined) tell(hash, status)
  }

  return {
    add: (extrinsic, nonce) => {
      const { hash, signature } = extrinsic
      if (waiting.has(hash)) throw new RpcError(1013, 'Transaction Already Imported', hash)
      if (signature === null) throw invalidTransaction(new InvalidTransaction('BadSigner'))
      const own = bySender.get(signature.signer) ?? new Map<number, Hex>()
      const rivalHash = own.get(signature.nonce)
      const rival = rivalHash === undefined ? undefined : waiting.get(rivalHash)
      if (rival !== undefined && rivalHash !== undefined) {
        const rivalTip = rival.signature?.tip ?? 0n
        if (signature.tip <= rivalTip) {
          throw new RpcError(
            1014,
            `Priority is too low: (${signature.tip} vs ${rivalTip})`,
            'The transaction has too low priority to replace another transaction already in the pool.',
          )
        }
        remove(rivalHash, { usurped: hash })
      }
      if (waiting.size >= POOL_LIMIT)
        throw new RpcError(1016, 'Immediately Dropped', "The transaction couldn't enter the pool because of the limit")
      bySender.set(signature.signer, own)
      own.set(signature.nonce, hash)
      waiting.set(hash, extrinsic)
      tell(hash, signature.nonce === nonce ? 'ready' : 'future')
    },
    remove,
    ready: (nonceOf) => {
      const next = new Map<Hex, number>()
      const passedOver = new Map<string, Extrinsic>()
      const list: Candidate[] = []
      for (const extrinsic of waiting.values()) {
        const { signature } = extrinsic
        if (signature === null) continue
        const { signer, nonce } = signature
        const expected = next.get(signer) ?? nonceOf(signer)
        if (nonce !== expected) {
          passedOver.set(`${signer}/${nonce}`, extrinsic)
          continue
        }
        // This one, and those of the same sender that came before it and had to wait for it.
        let following = nonce
        for (let one: Extrinsic | undefined = extrinsic; one !== undefined; one = passedOver.get(`${signer}/${++following}`)) {
          list.push({ extrinsic: one, verified: true })
        }
        next.set(signer, following)
      }
      return list
    },
    nextNonce: (who, nonce) => {
      const own = bySender.get(who)
      let next = nonce
      while (own?.has(next)) next++
      return next
    },
    pending: () => [...waiting.values()],
    watch: (hash, watcher) => {
      const set = watchers.get(hash) ?? new Set()
      watchers.set(hash, set.add(watcher))
      return () => {
        set.delete(watcher)
        if (set.size === 0) watchers.delete(hash)
      }
    },
    tell,
    forget: (hash) => watchers.delete(hash),
  }
}

const INVALID_TEXTS: Record<string, string> = {
  Call: 'Transaction call is not expected',
  Payment: 'Inability to pay some fees (e.g. account balance too low)',
  Future: 'Transaction will be valid in the future',
  Stale: 'Transaction is outdated',
  BadProof: 'Transaction has a bad signature',
  AncientBirthBlock: 'Transaction has an ancient birth block',
  ExhaustsResources: 'Transaction would exhaust the block limits',
  BadMandatory: 'A call was labelled as mandatory, but resulted in an Error.',
  MandatoryValidation: 'Transaction dispatch is mandatory; transactions must not be validated.',
  BadSigner: 'Invalid signing address',
}

/** An invalid extrinsic in the words of a node. */
export function invalidTransaction({ kind }: InvalidTransaction): RpcError {
  return new RpcError(1010, 'Invalid Transaction', typeof kind === 'string' ? INVALID_TEXTS[kind] : `Custom error: ${kind.custom}`)
}
