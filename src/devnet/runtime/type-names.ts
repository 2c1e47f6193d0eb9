/** Parses the Rust spelling of types that pallet definitions use. */
import type { TypeName } from './types.js'

export type TypeNode =
  { kind: 'name'; name: string; args: TypeNode[] } | { kind: 'array'; item: TypeNode; count: number } | { kind: 'tuple'; items: TypeNode[] }

export function parseTypeName(text: TypeName): TypeNode {
  const tokens = text.match(/[A-Za-z_][A-Za-z0-9_]*|\d+|[<>()[\],;]/g) ?? []
  let at = 0
  const peek = () => tokens[at]
  const take = (wanted?: string): string => {
    const token = tokens[at++]
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`type "${text}": wanted ${wanted ?? 'more'}, found ${token ?? 'its end'}`)
    return token
  }
  const list = (close: string): TypeNode[] => {
    const items: TypeNode[] = []
    while (peek() !== close) {
      items.push(type())
      if (peek() === ',') take()
    }
    take(close)
    return items
  }
  const type = (): TypeNode => {
    const token = take()
    if (token === '(') return { kind: 'tuple', items: list(')') }
    if (token === '[') {
      const item = type()
      take(';')
      const count = Number(take())
      take(']')
      return { kind: 'array', item, count }
    }
    if (!/^[A-Za-z_]/.test(token)) throw new Error(`type "${text}": unexpected ${token}`)
    if (peek() !== '<') return { kind: 'name', name: token, args: [] }
    take('<')
    return { kind: 'name', name: token, args: list('>') }
  }
  const node = type()
  if (at !== tokens.length) throw new Error(`type "${text}": unexpected ${tokens[at] ?? ''}`)
  return node
}

/** One spelling per type, whatever the spaces. */
export function printTypeNode(node: TypeNode): string {
  if (node.kind === 'array') return `[${printTypeNode(node.item)}; ${node.count}]`
  if (node.kind === 'tuple') return `(${node.items.map(printTypeNode).join(', ')})`
  return node.args.length === 0 ? node.name : `${node.name}<${node.args.map(printTypeNode).join(', ')}>`
}

export function isByte(node: TypeNode): boolean {
  return node.kind === 'name' && node.name === 'u8'
}

const ALIASES: Record<string, TypeName> = {
  AccountId: 'AccountId32',
  Balance: 'u64',
  BlockNumber: 'u32',
  Hash: 'H256',
  DispatchResult: 'Result<(), DispatchError>',
}

/** The node with aliases replaced and `Box` taken off: what stands for the type everywhere. */
export function resolveAliases(node: TypeNode): TypeNode {
  if (node.kind === 'array') return { ...node, item: resolveAliases(node.item) }
  if (node.kind === 'tuple') return { ...node, items: node.items.map(resolveAliases) }
  if (node.name === 'Box' && node.args[0] !== undefined) return resolveAliases(node.args[0])
  const alias = ALIASES[node.name]
  if (alias !== undefined && node.args.length === 0) return parseTypeName(alias)
  return { ...node, args: node.args.map(resolveAliases) }
}
