import type { Connection } from './connection.js'

/** One request from when it is asked until it is settled, over all its attempts. */
export interface Call {
  readonly method: string
  /** The parameters as JSON, made once. */
  readonly params: string
  readonly timeoutMs: number
  /** Whether sending it twice is the same as sending it once. */
  readonly idempotent: boolean
  /** Called in the same turn as the message arrives, before any later message. */
  readonly resolve: (value: unknown, connection: Connection) => void
  readonly reject: (error: unknown) => void
  /** Attempts that have failed. */
  failures: number
  settled: boolean
  /** Of the attempt under way. */
  id: number
  deadline: number
  connection: Connection | null
  stopListening: (() => void) | null
}

/** Methods that change something in the node. Reads, subscriptions included, may be sent again at will. */
const ACTS =
  /^(?:author_(?:submit|insert|rotate|remove)|dev_|engine_|grandpa_prove|system_(?:add|remove|reset)|transaction_|transactionWatch_|offchain_)/

export function isIdempotent(method: string): boolean {
  return !ACTS.test(method)
}

/** First in, first out, with a way to put those back in front that were taken out and not answered. Settled calls are skipped. */
export function createCallQueue() {
  let calls: Call[] = []
  let head = 0

  return {
    push(call: Call): void {
      calls.push(call)
    },
    putBack(returned: readonly Call[]): void {
      calls = [...returned, ...calls.slice(head)]
      head = 0
    },
    shift(): Call | undefined {
      while (head < calls.length) {
        const call = calls[head++]
        if (head === calls.length) {
          calls = []
          head = 0
        } else if (head > 1024 && head * 2 > calls.length) {
          calls = calls.slice(head)
          head = 0
        }
        if (call !== undefined && !call.settled) return call
      }
      return undefined
    },
    /** All that wait, which leaves the queue empty. */
    takeAll(): Call[] {
      const rest = calls.slice(head).filter((call) => !call.settled)
      calls = []
      head = 0
      return rest
    },
    length: (): number => calls.length - head,
  }
}
