import { errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Connection } from './connection.js'
import type { Ask } from './dispatcher.js'
import { invalidError } from './errors.js'
import type { RpcSubscription } from './types.js'

interface Subscription {
  method: string
  params: readonly unknown[]
  unsubscribeMethod: string
  onMessage: (value: unknown) => void
  onReset: () => void
  /** Where it lives now; null while it is being made. */
  place: { connection: Connection; id: string | number } | null
  establishing: boolean
  ended: boolean
}

export interface Subscriptions {
  add(subscription: Pick<Subscription, 'method' | 'params' | 'unsubscribeMethod' | 'onMessage' | 'onReset'>): Promise<RpcSubscription>
  deliver(connection: Connection, id: string | number, value: unknown): void
  /** Makes every subscription again on a new connection. */
  moveTo(connection: Connection): void
  close(): void
}

export interface SubscriptionsOptions {
  ask: Ask
  current(): Connection | null
  log: Logger
}

/** Notices that came before the answer that names their subscription: few, and only while such an answer is awaited. */
const MAX_EARLY = 64
const RESUBSCRIBE_MS = 5000

export function createSubscriptions({ ask, current, log }: SubscriptionsOptions): Subscriptions {
  const all = new Set<Subscription>()
  const places = new Map<Connection, Map<string | number, Subscription>>()
  const timers = new Set<NodeJS.Timeout>()
  let early: { connection: Connection; id: string | number; value: unknown }[] = []
  let awaited = 0

  /** Asks for the subscription. Settled in the turn of the answer, so that no notice slips through in between. */
  function establish(subscription: Subscription): Promise<void> {
    awaited++
    subscription.establishing = true
    subscription.place = null
    return new Promise<void>((resolve, reject) => {
      const attempt = (): void =>
        ask({
          method: subscription.method,
          params: JSON.stringify(subscription.params),
          resolve(id, connection) {
            if (typeof id !== 'string' && typeof id !== 'number') {
              return reject(invalidError(subscription.method, connection.endpoint.shown, 'gave no subscription id'))
            }
            // The answer of a connection that was replaced meanwhile and is about to be closed.
            if (current() !== connection && connection.isOpen()) return attempt()
            if (subscription.ended) leave(subscription, id)
            else settle(subscription, connection, id)
            resolve()
          },
          reject,
        })
      attempt()
    }).finally(() => {
      subscription.establishing = false
      if (--awaited === 0) early = []
    })
  }

  function settle(subscription: Subscription, connection: Connection, id: string | number): void {
    let ofConnection = places.get(connection)
    if (ofConnection === undefined) places.set(connection, (ofConnection = new Map<string | number, Subscription>()))
    ofConnection.set(id, subscription)
    all.add(subscription)
    subscription.place = { connection, id }
    for (const notice of early) if (notice.connection === connection && notice.id === id) hand(subscription, notice.value)
  }

  function leave(subscription: Subscription, id: string | number): void {
    ask({ method: subscription.unsubscribeMethod, params: JSON.stringify([id]), resolve: () => {}, reject: () => {} })
  }

  function hand(subscription: Subscription, value: unknown): void {
    try {
      subscription.onMessage(value)
    } catch (error) {
      log.error({ err: error, method: subscription.method }, 'a subscriber failed')
    }
  }

  function renew(subscription: Subscription): void {
    // A request under way is sent again by itself when its connection is lost.
    if (subscription.establishing || subscription.ended || subscription.place?.connection.isOpen() === true) return
    establish(subscription).then(
      () => {
        if (subscription.ended) return
        try {
          subscription.onReset()
        } catch (error) {
          log.error({ err: error, method: subscription.method }, 'a subscriber failed')
        }
      },
      (error: unknown) => {
        if (subscription.ended) return
        log.warn({ method: subscription.method, reason: errorMessage(error) }, 'could not subscribe again')
        later(() => renew(subscription))
      },
    )
  }

  function later(run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, RESUBSCRIBE_MS)
    timer.unref()
    timers.add(timer)
  }

  return {
    async add(wanted) {
      const subscription: Subscription = { ...wanted, place: null, establishing: false, ended: false }
      await establish(subscription)
      return {
        async unsubscribe() {
          if (subscription.ended) return
          subscription.ended = true
          all.delete(subscription)
          const { place } = subscription
          if (place === null) return
          places.get(place.connection)?.delete(place.id)
          if (!place.connection.isOpen()) return
          await new Promise<void>((resolve) => {
            const done = (): void => resolve()
            ask({ method: subscription.unsubscribeMethod, params: JSON.stringify([place.id]), resolve: done, reject: done })
          })
        },
      }
    },
    deliver(connection, id, value) {
      const subscription = places.get(connection)?.get(id)
      if (subscription !== undefined) return hand(subscription, value)
      if (awaited > 0 && early.length < MAX_EARLY) early.push({ connection, id, value })
    },
    moveTo(connection) {
      for (const old of places.keys()) if (old !== connection) places.delete(old)
      for (const subscription of all) {
        if (subscription.place?.connection === connection) continue
        subscription.place = null
        renew(subscription)
      }
    },
    close() {
      for (const subscription of all) subscription.ended = true
      all.clear()
      places.clear()
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
