import { connect } from 'node:net'
import { DendriteError, type AxonTarget } from '../dendrite/types.js'
import { isDialable, type DialPolicy } from './address.js'

/**
 * Whether an axon takes connections: all that can be asked of the protocols that have no question which costs an axon nothing. Rejects with UNAVAILABLE
 * when it does not, BAD_ENDPOINT for addresses that are not dialled.
 */
export function knock({ ip, port }: Pick<AxonTarget, 'ip' | 'port'>, policy: DialPolicy, signal: AbortSignal): Promise<void> {
  if (!isDialable(ip, policy)) return Promise.reject(new DendriteError('BAD_ENDPOINT', 'the address is not dialled'))
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port, signal })
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', (error) => reject(new DendriteError('UNAVAILABLE', 'the axon takes no connections', error)))
  })
}
