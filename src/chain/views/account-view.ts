import type { AccountState, Hex } from '../../core/records.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from './subnet-view.js'

export type AccountView = Omit<AccountState, 'block'>

interface AccountInfo {
  nonce: number | bigint
  data: { free: bigint; reserved: bigint; frozen?: bigint; misc_frozen?: bigint; fee_frozen?: bigint }
}

export async function readAccounts(state: ChainState, addresses: readonly Hex[]): Promise<AccountView[]> {
  const keys = addresses.map((address) => [address])
  const [infos, staked] = await Promise.all([
    state.stored('System', 'Account', keys) as Promise<(AccountInfo | null)[]>,
    state.many(SUBTENSOR, 'TotalColdkeyStake', keys) as Promise<(bigint | null)[]>,
  ])
  return addresses.map((address, i) => accountView(address, infos[i] ?? null, staked[i] ?? null))
}

/** Every account of the chain; for a first state only, it is as large as the chain. */
export async function readAllAccounts(state: ChainState): Promise<AccountView[]> {
  const [infos, stakes] = await Promise.all([state.entries('System', 'Account'), state.entries(SUBTENSOR, 'TotalColdkeyStake')])
  const none = state.has(SUBTENSOR, 'TotalColdkeyStake') ? 0n : null
  const staked = new Map(stakes.map(({ args, value }) => [args[0] as Hex, value as bigint]))
  const known = infos.map(({ args, value }) => accountView(args[0] as Hex, value as AccountInfo, staked.get(args[0] as Hex) ?? none))
  const seen = new Set(known.map((account) => account.address))
  // A coldkey may have staked all it had: no account, but stake.
  const stakedOnly = [...staked]
    .filter(([address, amount]) => amount > 0n && !seen.has(address))
    .map(([address, amount]) => accountView(address, null, amount))
  return [...known, ...stakedOnly]
}

function accountView(address: Hex, info: AccountInfo | null, staked: bigint | null): AccountView {
  const data = info?.data
  const misc = data?.frozen ?? data?.misc_frozen ?? 0n
  const fee = data?.fee_frozen ?? 0n
  return {
    address,
    free: data?.free ?? 0n,
    reserved: data?.reserved ?? 0n,
    frozen: misc > fee ? misc : fee,
    nonce: BigInt(info?.nonce ?? 0),
    staked,
    alive: info !== null,
  }
}
