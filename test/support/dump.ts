import pg from 'pg'

/** Every row of every table in the order of its primary key, one JSON line each: equal text means equal tables. */
export async function dumpTables(pool: pg.Pool, only?: readonly string[]): Promise<string> {
  const tables = (await listTables(pool)).filter(({ name }) => only === undefined || only.includes(name))
  const selects = tables.map(({ name, key }) => {
    const order = key.map((column) => pg.escapeIdentifier(column)).join(', ')
    return `SELECT row_to_json(t)::text AS line FROM ${pg.escapeIdentifier(name)} t ORDER BY ${order}`
  })
  // One simple query of many statements: its answer is a list of answers.
  const answers = [await pool.query<{ line: string }>(selects.join(';'))].flat()
  return tables
    .map(({ name }, i) =>
      [`# ${name} (${answers[i]?.rows.length ?? 0})`, ...(answers[i]?.rows ?? []).map((row) => row.line), ''].join('\n'),
    )
    .join('')
}

/** Tables with their primary keys; partitions show up in the table they are part of. */
async function listTables(pool: pg.Pool): Promise<{ name: string; key: string[] }[]> {
  const { rows } = await pool.query<{ name: string; key: string[] }>(`
    SELECT c.relname AS name, array_agg(a.attname::text ORDER BY k.ord) AS key
    FROM pg_class c
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> '_prisma_migrations'
    GROUP BY c.relname
    ORDER BY c.relname`)
  return rows
}
