import DataLoader from 'dataloader'
import type { Entity, Page, PagePlan, PageWants, ReadSession, Row } from '../../store/read/index.js'

/**
 * Batching for one request: whatever is asked for at the same place of the answer (a field's path without list positions), for any
 * number of parent rows, becomes one statement. So the query alone decides how many statements there are.
 */
export interface Loaders {
  /** The page of one parent. */
  page<E extends Entity>(place: string, request: ChildPages<E>, key: readonly unknown[]): Promise<Page<Row<E>>>
  /** One row by the values of `columns`. */
  row<E extends Entity>(
    place: string,
    entity: E,
    columns: readonly string[],
    key: readonly unknown[],
    heavy?: readonly string[],
  ): Promise<Row<E> | null>
  /** Anything else that can be read for many keys at once. */
  custom<K, V>(place: string, load: (keys: readonly K[]) => Promise<readonly V[]>, key: K): Promise<V>
}

export interface ChildPages<E extends Entity> {
  plan: PagePlan & { entity: E }
  wants: PageWants
  branches: readonly (readonly string[])[]
}

export function createLoaders(session: ReadSession): Loaders {
  const loaders = new Map<string, DataLoader<unknown, unknown, string>>()

  function batched<K, V>(name: string, load: (keys: readonly K[]) => Promise<readonly V[]>, key: K): Promise<V> {
    let loader = loaders.get(name)
    if (loader === undefined) {
      loader = new DataLoader<unknown, unknown, string>((keys) => load(keys as readonly K[]), {
        cacheKeyFn: (value) => JSON.stringify(value),
      })
      loaders.set(name, loader)
    }
    return loader.load(key) as Promise<V>
  }

  return {
    page: (place, { plan, wants, branches }, key) =>
      batched(`page ${place}`, (keys: readonly (readonly unknown[])[]) => session.pages(plan, wants, { branches, keys }), key),
    row: (place, entity, columns, key, heavy = []) =>
      batched(
        `row ${place} ${entity.name} ${columns.join()} ${heavy.join()}`,
        (keys: readonly (readonly unknown[])[]) => session.rowsBy(entity, columns, keys, heavy),
        key,
      ),
    custom: (place, load, key) => batched(`custom ${place}`, load, key),
  }
}
