/** Blocks as a tree of states: who descends from whom, cheaply enough to ask at every read. */

/** A run of blocks, each the parent of the next. A fork starts a new one. */
interface Branch {
  readonly origin: StateBlock | null
}

export interface StateBlock {
  /** In the order of creation, so an ancestor always has the smaller one. */
  readonly sequence: number
  readonly height: number
  readonly branch: Branch
}

export interface BlockTree {
  add(parent: StateBlock | null): StateBlock
  at(sequence: number): StateBlock
  readonly size: number
}

export function createBlockTree(): BlockTree {
  const blocks: StateBlock[] = []
  const tips = new Map<Branch, StateBlock>()
  return {
    add: (parent) => {
      const branch = parent !== null && tips.get(parent.branch) === parent ? parent.branch : { origin: parent }
      const block: StateBlock = { sequence: blocks.length, height: parent === null ? 0 : parent.height + 1, branch }
      blocks.push(block)
      tips.set(branch, block)
      return block
    },
    at: (sequence) => {
      const block = blocks[sequence]
      if (block === undefined) throw new Error(`no block ${sequence}`)
      return block
    },
    get size() {
      return blocks.length
    },
  }
}

export function isAncestorOrSelf(candidate: StateBlock, of: StateBlock): boolean {
  let block: StateBlock | null = of
  while (block !== null && block.branch !== candidate.branch) block = block.branch.origin
  return block !== null && candidate.sequence <= block.sequence
}
