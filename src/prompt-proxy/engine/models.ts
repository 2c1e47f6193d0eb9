import { STRATEGIES, type PromptModel, type Strategy } from '../contract.js'

/**
 * The models of the subnets offered: `bittensor/sn<netuid>` with the default strategy, and `bittensor/sn<netuid>:<strategy>` for every strategy.
 * `created` is in unix seconds.
 */
export function promptModels(netuids: readonly number[], created: number, byDefault: Strategy = 'fastest'): PromptModel[] {
  return netuids.flatMap((netuid) => {
    const id = `bittensor/sn${netuid}`
    const model = { netuid, created, ownedBy: 'bittensor' }
    return [{ ...model, id, strategy: byDefault }, ...STRATEGIES.map((strategy) => ({ ...model, id: `${id}:${strategy}`, strategy }))]
  })
}
