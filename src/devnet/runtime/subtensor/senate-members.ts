/** The SenateMembers pallet: an instance of pallet_membership, a sorted list of at most twelve accounts. Seats are given by the root network. */
import type { Hex } from '../../../core/records.js'
import { args, events, item, optionalItem } from '../define.js'
import { type CallDefinition, type Context, DispatchError, moduleError, type PalletDefinition } from '../types.js'
import type { Senate } from './config.js'
import { ensureRoot } from './origin.js'
import { callWeight } from './weight.js'

const PALLET = 'SenateMembers'
const ERRORS = ['AlreadyMember', 'NotMember', 'TooManyMembers'] as const

export const senate: Senate & { remove(ctx: Context, who: Hex): void } = {
  maxMembers: 12,
  members: (ctx) => ctx.get<readonly Hex[]>(PALLET, 'Members'),
  add(ctx, who) {
    const members = senate.members(ctx)
    ensure(!members.includes(who), 'AlreadyMember')
    ensure(members.length < senate.maxMembers, 'TooManyMembers')
    store(ctx, [...members, who])
    ctx.emit(PALLET, 'MemberAdded')
  },
  remove(ctx, who) {
    const members = senate.members(ctx)
    ensure(members.includes(who), 'NotMember')
    const rest = members.filter((member) => member !== who)
    store(ctx, rest)
    ctx.emit(PALLET, 'MemberRemoved')
  },
  swap(ctx, out, into) {
    if (out === into) return
    const members = senate.members(ctx)
    ensure(members.includes(out), 'NotMember')
    ensure(!members.includes(into), 'AlreadyMember')
    const swapped = members.map((member) => (member === out ? into : member))
    store(ctx, swapped)
    ctx.emit(PALLET, 'MembersSwapped')
  },
}

function store(ctx: Context, members: readonly Hex[]): void {
  ctx.set(PALLET, 'Members', [], members.toSorted())
  const prime = ctx.get<Hex | undefined>(PALLET, 'Prime')
  if (prime !== undefined && !members.includes(prime)) ctx.remove(PALLET, 'Prime')
}

function ensure(condition: boolean, error: (typeof ERRORS)[number]): void {
  if (!condition) throw moduleError(PALLET, error)
}

function accountOf(address: unknown): Hex {
  const { type, value } = address as { type: string; value: Hex }
  if (type !== 'Id') throw new DispatchError({ type: 'CannotLookup' })
  return value
}

/** For root alone. Those without `run` are refused to root as well. */
function call(
  index: number,
  name: string,
  arguments_: string,
  run?: (ctx: Context, args: Record<string, unknown>) => void,
): CallDefinition {
  return {
    index,
    name,
    args: args(arguments_),
    ...callWeight({ refTime: 15_000_000n, proofSize: 4687n, reads: 2, writes: 2 }),
    dispatch: (ctx, origin, values) => {
      ensureRoot(origin)
      if (!run) throw new DispatchError({ type: 'Unavailable' })
      run(ctx, values)
      return undefined
    },
  }
}

export function senateMembersPallet(): PalletDefinition {
  return {
    name: PALLET,
    index: 10,
    crate: 'pallet_membership',
    storage: [item('Members', 'BoundedVec<AccountId>', []), optionalItem('Prime', 'AccountId')],
    calls: [
      call(0, 'add_member', 'who: MultiAddress', (ctx, { who }) => senate.add(ctx, accountOf(who))),
      call(1, 'remove_member', 'who: MultiAddress', (ctx, { who }) => senate.remove(ctx, accountOf(who))),
      call(2, 'swap_member', 'remove: MultiAddress, add: MultiAddress', (ctx, { remove, add }) =>
        senate.swap(ctx, accountOf(remove), accountOf(add)),
      ),
      call(3, 'reset_members', 'members: Vec<AccountId>'),
      call(4, 'change_key', 'new: MultiAddress'),
      call(5, 'set_prime', 'who: MultiAddress'),
      call(6, 'clear_prime', ''),
    ],
    events: events('MemberAdded', 'MemberRemoved', 'MembersSwapped', 'MembersReset', 'KeyChanged', 'Dummy'),
    errors: [...ERRORS],
    constants: [],
  }
}
