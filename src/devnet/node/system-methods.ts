/** system_*, author_* and payment_*: what the node is, and what it takes. */
import { decodeSs58 } from '../../core/units/ss58.js'
import { toHex } from '../../core/units/bytes.js'
import { account } from '../runtime/pallets/system.js'
import type { Author } from './author.js'
import { socketOf } from './chain-methods.js'
import { bytesParam } from './params.js'
import type { PoolStatus } from './pool.js'
import { invalidParams } from './rpc-error.js'
import type { Method } from './rpc-server.js'
import { feeInfo, total } from './runtime-apis.js'

/** What the chain calls itself. */
export const DEVNET_NAME = 'Bittensor Devnet'
export const NODE_NAME = 'taogate devnet'
const PEER_ID = '12D3KooWDevnetDevnetDevnetDevnetDevnetDevnetDevnetDe'

export function systemMethods(author: Author, version: string): Record<string, Method> {
  const { store } = author
  const nextIndex: Method = ([address]) => {
    if (typeof address !== 'string') throw invalidParams('account: wanted an address')
    const who = accountParam(address)
    return author.peek(store.best, ({ ctx }) => author.pool.nextNonce(who, account(ctx, who).nonce))
  }
  return {
    system_chain: () => DEVNET_NAME,
    system_chainType: () => 'Development',
    system_name: () => NODE_NAME,
    system_version: () => version,
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_syncState: () => ({ startingBlock: 0, currentBlock: store.best.number, highestBlock: store.best.number }),
    system_peers: () => [],
    system_nodeRoles: () => ['Authority'],
    system_localPeerId: () => PEER_ID,
    system_localListenAddresses: () => [],
    system_accountNextIndex: nextIndex,
    account_nextIndex: nextIndex,
  }
}

export function authorMethods(author: Author): Record<string, Method> {
  return {
    author_submitExtrinsic: ([extrinsic]) => author.submit(bytesParam(extrinsic, 'extrinsic')),
    author_pendingExtrinsics: () => author.pool.pending().map(({ bytes }) => toHex(bytes)),
    author_submitAndWatchExtrinsic: ([extrinsic], connection) => {
      const socket = socketOf(connection)
      const { hash } = author.decode(bytesParam(extrinsic, 'extrinsic'))
      const early: PoolStatus[] = []
      let tell: (status: PoolStatus) => void = (status) => early.push(status)
      const stop = author.pool.watch(hash, (status) => tell(status))
      try {
        author.submit(bytesParam(extrinsic, 'extrinsic'))
      } catch (error) {
        stop()
        throw error
      }
      return socket.subscribe((id) => {
        tell = (status) => socket.notify('author_extrinsicUpdate', id, status)
        early.forEach(tell)
        return stop
      })
    },
    author_unwatchExtrinsic: ([id], connection) => connection?.unsubscribe(String(id)) ?? false,
  }
}

export function paymentMethods(author: Author): Record<string, Method> {
  return {
    payment_queryInfo: ([extrinsic]) => {
      const { info, parts } = feeInfo(author, bytesParam(extrinsic, 'extrinsic'))
      return {
        weight: { ref_time: jsonNumber(info.weight.refTime), proof_size: jsonNumber(info.weight.proofSize) },
        class: info.class.toLowerCase(),
        partialFee: total(parts).toString(),
      }
    },
    payment_queryFeeDetails: ([extrinsic]) => {
      const { parts } = feeInfo(author, bytesParam(extrinsic, 'extrinsic'))
      const hex = (value: bigint) => `0x${value.toString(16)}`
      return {
        inclusionFee: parts === null ? null : { baseFee: hex(parts.base), lenFee: hex(parts.length), adjustedWeightFee: hex(parts.weight) },
      }
    },
  }
}

/** A number where JSON holds it exactly. */
function jsonNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString()
}

function accountParam(address: string) {
  try {
    return decodeSs58(address)
  } catch {
    throw invalidParams(`"${address.slice(0, 80)}" is not an address`)
  }
}
