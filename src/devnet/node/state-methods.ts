/** state_*: storage at any block, metadata, the runtime's version and its calls. */
import { blake2AsHex } from '@polkadot/util-crypto'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { RUNTIME_VERSION } from '../runtime/version.js'
import type { Block } from '../state/chain-store.js'
import type { Author } from './author.js'
import { socketOf } from './chain-methods.js'
import { bytesParam, hexListParam, hexParam, isGiven, numberParam } from './params.js'
import { invalidParams, RpcError } from './rpc-error.js'
import type { Method } from './rpc-server.js'
import { runtimeApis } from './runtime-apis.js'

/** As nodes have it. */
const MAX_PAGE = 1000

export function blockOrThrow(author: Author, hash: unknown): Block {
  if (!isGiven(hash)) return author.store.best
  const block = author.store.byHash(hexParam(hash, 'at'))
  if (block === undefined) {
    throw new RpcError(4003, `Client error: UnknownBlock: State: Header was not found in the database: ${String(hash)}`)
  }
  return block
}

export function stateMethods(author: Author): Record<string, Method> {
  const { store, chain } = author
  const { runtime } = chain
  const metadata = toHex(runtime.metadata)
  const apis = runtimeApis(author)

  function valueAt(key: Hex, block: Block): Hex | null {
    const value = store.history.get(block.state, key)
    return value === undefined ? null : toHex(value)
  }

  const getStorage: Method = ([key, at]) => valueAt(hexParam(key, 'key'), blockOrThrow(author, at))
  const getVersion: Method = ([at]) => {
    blockOrThrow(author, at)
    return RUNTIME_VERSION
  }
  const unsubscribe: Method = ([id], connection) => connection?.unsubscribe(String(id)) ?? false

  return {
    state_getStorage: getStorage,
    state_getStorageAt: getStorage,
    state_getStorageHash: ([key, at]) => {
      const value = store.history.get(blockOrThrow(author, at).state, hexParam(key, 'key'))
      return value === undefined ? null : blake2AsHex(value, 256)
    },
    state_getStorageSize: ([key, at]) => store.history.get(blockOrThrow(author, at).state, hexParam(key, 'key'))?.length ?? null,
    state_queryStorageAt: ([keys, at]) => {
      const block = blockOrThrow(author, at)
      return [{ block: block.hash, changes: hexListParam(keys, 'keys').map((key) => [key, valueAt(key, block)]) }]
    },
    state_getKeysPaged: ([prefix, count, startKey, at]) => {
      const limit = numberParam(count, 'count')
      if (limit > MAX_PAGE) throw new RpcError(4002, `count exceeds maximum value. value: ${limit}, max: ${MAX_PAGE}`)
      const after = isGiven(startKey) ? hexParam(startKey, 'startKey') : undefined
      return store.history.keys(blockOrThrow(author, at).state, isGiven(prefix) ? hexParam(prefix, 'prefix') : '0x', after, limit)
    },
    state_getKeys: ([prefix, at]) => store.history.keys(blockOrThrow(author, at).state, hexParam(prefix, 'prefix')),
    state_getPairs: ([prefix, at]) => {
      const block = blockOrThrow(author, at)
      return store.history.keys(block.state, hexParam(prefix, 'prefix')).map((key) => [key, valueAt(key, block)])
    },
    state_getMetadata: ([at]) => {
      blockOrThrow(author, at)
      return metadata
    },
    state_getRuntimeVersion: getVersion,
    chain_getRuntimeVersion: getVersion,
    state_subscribeRuntimeVersion: (_, connection) => {
      const socket = socketOf(connection)
      return socket.subscribe((id) => {
        socket.notify('state_runtimeVersion', id, RUNTIME_VERSION)
        return () => {}
      })
    },
    state_unsubscribeRuntimeVersion: unsubscribe,
    chain_subscribeRuntimeVersion: (_, connection) => socketOf(connection).subscribe(() => () => {}),
    chain_unsubscribeRuntimeVersion: unsubscribe,
    state_subscribeStorage: ([keyList], connection) => {
      const socket = socketOf(connection)
      if (!isGiven(keyList)) throw invalidParams('keys: wanted a list of keys; all of the state is too much')
      const keys = hexListParam(keyList, 'keys')
      return socket.subscribe((id) => {
        const known = new Map<Hex, Hex | null>()
        const report = (block: Block, first: boolean) => {
          const changes = keys
            .map((key): [Hex, Hex | null] => [key, valueAt(key, block)])
            .filter(([key, value]) => first || known.get(key) !== value)
          for (const [key, value] of changes) known.set(key, value)
          if (changes.length > 0) socket.notify('state_storage', id, { block: block.hash, changes })
        }
        report(store.best, true)
        // Values set in place come as a block that is there already.
        return author.listen({ best: (block) => report(block, false), imported: (block) => block === store.best && report(block, false) })
      })
    },
    state_unsubscribeStorage: unsubscribe,
    state_call: ([name, data, at]) => {
      const block = blockOrThrow(author, at)
      const api = typeof name === 'string' && Object.hasOwn(apis, name) ? apis[name] : undefined
      if (api === undefined) {
        throw new RpcError(4003, `Client error: Execution failed: Other: Exported method ${String(name)} is not found`)
      }
      return toHex(api(bytesParam(data, 'data'), block))
    },
  }
}
