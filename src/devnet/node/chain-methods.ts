/** chain_*: blocks, headers and heads. */
import { toHex } from '../../core/units/bytes.js'
import type { Hex } from '../../core/records.js'
import type { Header } from '../executive/header.js'
import type { Codecs } from '../runtime/codec.js'
import type { Block } from '../state/chain-store.js'
import type { Author, AuthorListener } from './author.js'
import { hexParam, isGiven, numberParam } from './params.js'
import { RpcError } from './rpc-error.js'
import type { Connection, Method } from './rpc-server.js'

export function headerJson(header: Header, codecs: Codecs): unknown {
  return {
    parentHash: header.parentHash,
    number: `0x${header.number.toString(16)}`,
    stateRoot: header.stateRoot,
    extrinsicsRoot: header.extrinsicsRoot,
    digest: { logs: header.digest.logs.map((log) => toHex(codecs.encode('DigestItem', log))) },
  }
}

export function socketOf(connection: Connection | null): Connection {
  if (connection === null) throw new RpcError(-32601, 'Subscriptions need a WebSocket connection')
  return connection
}

export function chainMethods(author: Author): Record<string, Method> {
  const { store, chain } = author
  const { codecs } = chain.runtime

  const blockAt = (hash: unknown): Block | undefined => (isGiven(hash) ? store.byHash(hexParam(hash, 'hash')) : store.best)

  function hashOf(number: unknown): Hex | null {
    return (isGiven(number) ? store.byNumber(numberParam(number, 'number')) : store.best)?.hash ?? null
  }

  /** A subscription that reports `first` at once and then whatever the listener is told. */
  function heads(notification: string, what: keyof AuthorListener, first: () => Block): Method {
    return (_, connection) => {
      const socket = socketOf(connection)
      return socket.subscribe((id) => {
        const notify = (block: Block) => socket.notify(notification, id, headerJson(block.header, codecs))
        notify(first())
        return author.listen({ [what]: notify })
      })
    }
  }

  const unsubscribe: Method = ([id], connection) => connection?.unsubscribe(String(id)) ?? false
  const newHeads = heads('chain_newHead', 'best', () => store.best)
  const finalizedHeads = heads('chain_finalizedHead', 'finalized', () => store.finalized)
  const getFinalizedHead: Method = () => store.finalized.hash
  const getBlockHash: Method = ([number]) => (Array.isArray(number) ? number.map(hashOf) : hashOf(number))

  return {
    chain_getBlockHash: getBlockHash,
    chain_getHead: getBlockHash,
    chain_getFinalizedHead: getFinalizedHead,
    chain_getFinalisedHead: getFinalizedHead,
    chain_getHeader: ([hash]) => {
      const block = blockAt(hash)
      return block === undefined ? null : headerJson(block.header, codecs)
    },
    chain_getBlock: ([hash]) => {
      const block = blockAt(hash)
      if (block === undefined) return null
      return { block: { header: headerJson(block.header, codecs), extrinsics: block.extrinsics().map(toHex) }, justifications: null }
    },
    chain_subscribeNewHeads: newHeads,
    chain_subscribeNewHead: newHeads,
    subscribe_newHead: newHeads,
    chain_subscribeAllHeads: heads('chain_allHead', 'imported', () => store.best),
    chain_subscribeFinalizedHeads: finalizedHeads,
    chain_subscribeFinalisedHeads: finalizedHeads,
    chain_unsubscribeNewHeads: unsubscribe,
    chain_unsubscribeNewHead: unsubscribe,
    unsubscribe_newHead: unsubscribe,
    chain_unsubscribeAllHeads: unsubscribe,
    chain_unsubscribeFinalizedHeads: unsubscribe,
    chain_unsubscribeFinalisedHeads: unsubscribe,
  }
}
