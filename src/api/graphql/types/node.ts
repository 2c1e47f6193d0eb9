import { Field, ID, InterfaceType } from '../decorators.js'

/** Anything that can be fetched again by one id. */
@InterfaceType('Node', {
  description: 'Anything that can be fetched again by its global id with `node(id)`.',
  resolveType: (value: { __typename: string }) => value.__typename,
})
export abstract class Node {
  @Field(() => ID, { description: 'Global id: opaque, unique over all types.' })
  nodeId!: string
}

/** The global id of a row: base64url of [type, key...]. */
export function encodeNodeId(type: string, key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([type, ...key])).toString('base64url')
}

/** Adds what every node object has; the id is only made when it is asked for. */
export function asNode<T extends object>(type: string, key: readonly (string | number)[], row: T) {
  return { ...row, __typename: type, nodeId: () => encodeNodeId(type, key) }
}
