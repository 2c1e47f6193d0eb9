import type pg from 'pg'

export interface StatementCount {
  /** Statements sent since the last reset, with COPY streams; a text that holds several counts once, as it is one round trip. */
  readonly count: number
  readonly texts: readonly string[]
  reset(): void
}

/** Counts what a pool sends, on its connections of now and later. */
export function countStatements(pool: pg.Pool): StatementCount {
  const texts: string[] = []
  const watched = new WeakSet<pg.PoolClient>()
  pool.on('acquire', (client) => {
    if (watched.has(client)) return
    watched.add(client)
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    client.query = ((...args: unknown[]) => {
      texts.push(textOf(args[0]))
      return query(...args)
    }) as typeof client.query
  })
  return {
    get count() {
      return texts.length
    },
    texts,
    reset() {
      texts.length = 0
    },
  }
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  const { text } = query as { text?: unknown }
  return typeof text === 'string' ? text : 'COPY'
}
