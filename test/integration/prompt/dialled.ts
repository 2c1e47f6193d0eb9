/** Every connection and every look-up of a name that this process begins, whichever library asks for it. */
import { createHook } from 'node:async_hooks'

export interface Dialled extends Disposable {
  /** `address:port` of the connections begun so far. */
  connections(): string[]
  /** Names that were looked up so far, by whatever call. */
  lookups(): string[]
}

interface Wrap {
  address?: string
  port?: number
  hostname?: string
}

/** Node fills in the fields after the object was made: they are read when somebody asks. */
export function watchDials(): Dialled {
  const connects: Wrap[] = []
  const queries: Wrap[] = []
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'TCPCONNECTWRAP') connects.push(resource)
      if (type === 'GETADDRINFOREQWRAP' || type === 'QUERYWRAP') queries.push(resource)
    },
  }).enable()
  return {
    connections: () => connects.map(({ address = '', port = 0 }) => `${address}:${port}`),
    lookups: () => queries.map(({ hostname = '' }) => hostname),
    [Symbol.dispose]: () => void hook.disable(),
  }
}
