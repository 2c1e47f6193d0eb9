/** Pallets that the devnet has for their indices, storage and names only: whoever calls them is refused. */
import { args, events, item, map, optionalItem, optionalMap, refusedCall } from '../define.js'
import type { CompositeDefinition, PalletDefinition } from '../types.js'

function layout(definition: Partial<PalletDefinition> & Pick<PalletDefinition, 'name' | 'index'>): PalletDefinition {
  return { storage: [], calls: [], events: [], errors: [], constants: [], ...definition }
}

/** `Data` of identities and commitments: nothing, up to `max` raw bytes, or a hash. */
function dataType(name: string, crate: string, max: number): CompositeDefinition {
  const raw = Array.from({ length: max + 1 }, (_, i) => ({ name: `Raw${i}`, index: i + 1, fields: [{ type: `[u8; ${i}]` }] }))
  const hashes = ['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((hash, i) => ({
    name: hash,
    index: max + 2 + i,
    fields: [{ type: '[u8; 32]' }],
  }))
  return { name, path: [crate, 'types', 'Data'], variants: [{ name: 'None', index: 0 }, ...raw, ...hashes] }
}

export function randomnessPallet(): PalletDefinition {
  return layout({ name: 'RandomnessCollectiveFlip', index: 1, storage: [item('RandomMaterial', 'BoundedVec<H256>', [])] })
}

function equivocation(name: string, vote: string): CompositeDefinition {
  return {
    name,
    path: ['finality_grandpa', 'Equivocation'],
    fields: args(`round_number: u64, identity: GrandpaId, first: (${vote}, GrandpaSignature), second: (${vote}, GrandpaSignature)`),
  }
}

export function grandpaPallet(): PalletDefinition {
  return layout({
    name: 'Grandpa',
    index: 4,
    types: [
      { name: 'Ed25519Public', path: ['sp_core', 'ed25519', 'Public'], fields: [{ type: '[u8; 32]' }] },
      { name: 'GrandpaId', path: ['sp_finality_grandpa', 'app', 'Public'], fields: [{ type: 'Ed25519Public' }] },
      { name: 'GrandpaSignature', path: ['sp_finality_grandpa', 'app', 'Signature'], fields: [{ type: 'Ed25519Signature' }] },
      { name: 'Prevote', path: ['finality_grandpa', 'Prevote'], fields: args('target_hash: H256, target_number: u32') },
      { name: 'Precommit', path: ['finality_grandpa', 'Precommit'], fields: args('target_hash: H256, target_number: u32') },
      equivocation('PrevoteEquivocation', 'Prevote'),
      equivocation('PrecommitEquivocation', 'Precommit'),
      {
        name: 'Equivocation',
        path: ['sp_finality_grandpa', 'Equivocation'],
        variants: [
          { name: 'Prevote', index: 0, fields: [{ type: 'PrevoteEquivocation' }] },
          { name: 'Precommit', index: 1, fields: [{ type: 'PrecommitEquivocation' }] },
        ],
      },
      {
        name: 'EquivocationProof',
        path: ['sp_finality_grandpa', 'EquivocationProof'],
        fields: args('set_id: u64, equivocation: Equivocation'),
      },
      {
        name: 'StoredState',
        path: ['pallet_grandpa', 'StoredState'],
        variants: [
          { name: 'Live', index: 0 },
          { name: 'PendingPause', index: 1, fields: args('scheduled_at: u32, delay: u32') },
          { name: 'Paused', index: 2 },
          { name: 'PendingResume', index: 3, fields: args('scheduled_at: u32, delay: u32') },
        ],
      },
      {
        name: 'StoredPendingChange',
        path: ['pallet_grandpa', 'StoredPendingChange'],
        fields: args('scheduled_at: u32, delay: u32, next_authorities: WeakBoundedVec<(GrandpaId, u64)>, forced: Option<u32>'),
      },
    ],
    storage: [
      item('State', 'StoredState', { type: 'Live' }),
      optionalItem('PendingChange', 'StoredPendingChange'),
      optionalItem('NextForced', 'u32'),
      optionalItem('Stalled', '(u32, u32)'),
      item('CurrentSetId', 'u64', 0n),
      optionalMap('SetIdSession', [['Twox64Concat', 'u64']], 'u32'),
    ],
    calls: [
      refusedCall(0, 'report_equivocation(equivocation_proof: EquivocationProof, key_owner_proof: Void)'),
      refusedCall(1, 'report_equivocation_unsigned(equivocation_proof: EquivocationProof, key_owner_proof: Void)'),
      refusedCall(2, 'note_stalled(delay: u32, best_finalized_block_number: u32)'),
    ],
    events: events('NewAuthorities(authority_set: Vec<(GrandpaId, u64)>)', 'Paused', 'Resumed'),
    errors: [
      ...['PauseFailed', 'ResumeFailed', 'ChangePending', 'TooSoon', 'InvalidKeyOwnershipProof', 'InvalidEquivocationProof'],
      'DuplicateOffenceReport',
    ],
    constants: [
      { name: 'MaxAuthorities', type: 'u32', value: 32 },
      { name: 'MaxSetIdSessionEntries', type: 'u64', value: 0n },
    ],
  })
}

export function triumviratePallet(): PalletDefinition {
  return layout({
    name: 'Triumvirate',
    index: 8,
    crate: 'pallet_collective',
    types: [
      {
        name: 'Votes',
        path: ['pallet_collective', 'Votes'],
        fields: args('index: u32, threshold: u32, ayes: Vec<AccountId>, nays: Vec<AccountId>, end: u32'),
      },
    ],
    storage: [
      item('Proposals', 'BoundedVec<H256>', []),
      optionalMap('ProposalOf', [['Identity', 'H256']], 'RuntimeCall'),
      optionalMap('Voting', [['Identity', 'H256']], 'Votes'),
      item('ProposalCount', 'u32', 0),
      item('Members', 'Vec<AccountId>', []),
      optionalItem('Prime', 'AccountId'),
    ],
    calls: [
      refusedCall(0, 'set_members(new_members: Vec<AccountId>, prime: Option<AccountId>, old_count: u32)'),
      refusedCall(1, 'execute(proposal: RuntimeCall, length_bound: Compact<u32>)'),
      refusedCall(2, 'propose(proposal: RuntimeCall, length_bound: Compact<u32>, duration: u32)'),
      refusedCall(3, 'vote(proposal: H256, index: Compact<u32>, approve: bool)'),
      refusedCall(
        4,
        'close_old_weight(proposal_hash: H256, index: Compact<u32>, proposal_weight_bound: Compact<OldWeight>, length_bound: Compact<u32>)',
      ),
      refusedCall(5, 'disapprove_proposal(proposal_hash: H256)'),
      refusedCall(6, 'close(proposal_hash: H256, index: Compact<u32>, proposal_weight_bound: Weight, length_bound: Compact<u32>)'),
    ],
    events: events(
      'Proposed(account: AccountId, proposal_index: u32, proposal_hash: H256, threshold: u32)',
      'Voted(account: AccountId, proposal_hash: H256, voted: bool, yes: u32, no: u32)',
      'Approved(proposal_hash: H256)',
      'Disapproved(proposal_hash: H256)',
      'Executed(proposal_hash: H256, result: DispatchResult)',
      'MemberExecuted(proposal_hash: H256, result: DispatchResult)',
      'Closed(proposal_hash: H256, yes: u32, no: u32)',
    ),
    errors: [
      ...['NotMember', 'DuplicateProposal', 'ProposalMissing', 'WrongIndex', 'DuplicateVote', 'AlreadyInitialized', 'TooEarly'],
      ...['TooManyProposals', 'WrongProposalWeight', 'WrongProposalLength', 'WrongDuration'],
    ],
  })
}

/** Pallet membership: the triumvirate's members here, the senate's in the subtensor folder. */
export function triumvirateMembersPallet(): PalletDefinition {
  return layout({
    name: 'TriumvirateMembers',
    index: 9,
    crate: 'pallet_membership',
    storage: [item('Members', 'BoundedVec<AccountId>', []), optionalItem('Prime', 'AccountId')],
    calls: [
      refusedCall(0, 'add_member(who: MultiAddress)'),
      refusedCall(1, 'remove_member(who: MultiAddress)'),
      refusedCall(2, 'swap_member(remove: MultiAddress, add: MultiAddress)'),
      refusedCall(3, 'reset_members(members: Vec<AccountId>)'),
      refusedCall(4, 'change_key(new: MultiAddress)'),
      refusedCall(5, 'set_prime(who: MultiAddress)'),
      refusedCall(6, 'clear_prime'),
    ],
    events: events('MemberAdded', 'MemberRemoved', 'MembersSwapped', 'MembersReset', 'KeyChanged', 'Dummy'),
    errors: ['AlreadyMember', 'NotMember', 'TooManyMembers'],
  })
}

export function multisigPallet(): PalletDefinition {
  return layout({
    name: 'Multisig',
    index: 13,
    types: [
      { name: 'Timepoint', path: ['pallet_multisig', 'Timepoint'], fields: args('height: u32, index: u32') },
      {
        name: 'Multisig',
        path: ['pallet_multisig', 'Multisig'],
        fields: args('when: Timepoint, deposit: u64, depositor: AccountId, approvals: BoundedVec<AccountId>'),
      },
    ],
    storage: [
      optionalMap(
        'Multisigs',
        [
          ['Twox64Concat', 'AccountId'],
          ['Blake2_128Concat', '[u8; 32]'],
        ],
        'Multisig',
      ),
    ],
    calls: [
      refusedCall(0, 'as_multi_threshold_1(other_signatories: Vec<AccountId>, call: RuntimeCall)'),
      refusedCall(
        1,
        'as_multi(threshold: u16, other_signatories: Vec<AccountId>, maybe_timepoint: Option<Timepoint>, call: RuntimeCall, max_weight: Weight)',
      ),
      refusedCall(
        2,
        'approve_as_multi(threshold: u16, other_signatories: Vec<AccountId>, maybe_timepoint: Option<Timepoint>, call_hash: [u8; 32], max_weight: Weight)',
      ),
      refusedCall(3, 'cancel_as_multi(threshold: u16, other_signatories: Vec<AccountId>, timepoint: Timepoint, call_hash: [u8; 32])'),
    ],
    events: events(
      'NewMultisig(approving: AccountId, multisig: AccountId, call_hash: [u8; 32])',
      'MultisigApproval(approving: AccountId, timepoint: Timepoint, multisig: AccountId, call_hash: [u8; 32])',
      'MultisigExecuted(approving: AccountId, timepoint: Timepoint, multisig: AccountId, call_hash: [u8; 32], result: DispatchResult)',
      'MultisigCancelled(cancelling: AccountId, timepoint: Timepoint, multisig: AccountId, call_hash: [u8; 32])',
    ),
    errors: [
      ...['MinimumThreshold', 'AlreadyApproved', 'NoApprovalsNeeded', 'TooFewSignatories', 'TooManySignatories', 'SignatoriesOutOfOrder'],
      ...[
        'SenderInSignatories',
        'NotFound',
        'NotOwner',
        'NoTimepoint',
        'WrongTimepoint',
        'UnexpectedTimepoint',
        'MaxWeightTooLow',
        'AlreadyStored',
      ],
    ],
    constants: [
      { name: 'DepositBase', type: 'u64', value: 108_000_000n },
      { name: 'DepositFactor', type: 'u64', value: 32_000_000n },
      { name: 'MaxSignatories', type: 'u32', value: 100 },
    ],
  })
}

export function preimagePallet(): PalletDefinition {
  return layout({
    name: 'Preimage',
    index: 14,
    types: [
      {
        name: 'RequestStatus',
        path: ['pallet_preimage', 'RequestStatus'],
        variants: [
          { name: 'Unrequested', index: 0, fields: args('deposit: (AccountId, u64), len: u32') },
          { name: 'Requested', index: 1, fields: args('deposit: Option<(AccountId, u64)>, count: u32, len: Option<u32>') },
        ],
      },
    ],
    storage: [
      optionalMap('StatusFor', [['Identity', 'H256']], 'RequestStatus'),
      optionalMap('PreimageFor', [['Identity', '(H256, u32)']], 'BoundedVec<u8>'),
    ],
    calls: [
      refusedCall(0, 'note_preimage(bytes: Vec<u8>)'),
      refusedCall(1, 'unnote_preimage(hash: H256)'),
      refusedCall(2, 'request_preimage(hash: H256)'),
      refusedCall(3, 'unrequest_preimage(hash: H256)'),
    ],
    events: events('Noted(hash: H256)', 'Requested(hash: H256)', 'Cleared(hash: H256)'),
    errors: ['TooBig', 'AlreadyNoted', 'NotAuthorized', 'NotNoted', 'Requested', 'NotRequested'],
  })
}

export function schedulerPallet(): PalletDefinition {
  return layout({
    name: 'Scheduler',
    index: 15,
    types: [
      {
        name: 'Bounded',
        path: ['frame_support', 'traits', 'preimages', 'Bounded'],
        variants: [
          { name: 'Legacy', index: 0, fields: args('hash: H256') },
          { name: 'Inline', index: 1, fields: [{ type: 'BoundedVec<u8>' }] },
          { name: 'Lookup', index: 2, fields: args('hash: H256, len: u32') },
        ],
      },
      {
        name: 'Scheduled',
        path: ['pallet_scheduler', 'Scheduled'],
        fields: args('maybe_id: Option<[u8; 32]>, priority: u8, call: Bounded, maybe_periodic: Option<(u32, u32)>, origin: OriginCaller'),
      },
    ],
    storage: [
      optionalItem('IncompleteSince', 'u32'),
      map('Agenda', [['Twox64Concat', 'u32']], 'BoundedVec<Option<Scheduled>>', []),
      optionalMap('Lookup', [['Twox64Concat', '[u8; 32]']], '(u32, u32)'),
    ],
    calls: [
      refusedCall(0, 'schedule(when: u32, maybe_periodic: Option<(u32, u32)>, priority: u8, call: RuntimeCall)'),
      refusedCall(1, 'cancel(when: u32, index: u32)'),
      refusedCall(2, 'schedule_named(id: [u8; 32], when: u32, maybe_periodic: Option<(u32, u32)>, priority: u8, call: RuntimeCall)'),
      refusedCall(3, 'cancel_named(id: [u8; 32])'),
      refusedCall(4, 'schedule_after(after: u32, maybe_periodic: Option<(u32, u32)>, priority: u8, call: RuntimeCall)'),
      refusedCall(5, 'schedule_named_after(id: [u8; 32], after: u32, maybe_periodic: Option<(u32, u32)>, priority: u8, call: RuntimeCall)'),
    ],
    events: events(
      'Scheduled(when: u32, index: u32)',
      'Canceled(when: u32, index: u32)',
      'Dispatched(task: (u32, u32), id: Option<[u8; 32]>, result: DispatchResult)',
      'CallUnavailable(task: (u32, u32), id: Option<[u8; 32]>)',
      'PeriodicFailed(task: (u32, u32), id: Option<[u8; 32]>)',
      'PermanentlyOverweight(task: (u32, u32), id: Option<[u8; 32]>)',
    ),
    errors: ['FailedToSchedule', 'NotFound', 'TargetBlockNumberInPast', 'RescheduleNoChange', 'Named'],
    constants: [
      { name: 'MaximumWeight', type: 'Weight', value: { ref_time: 3_200_000_000_000n, proof_size: 0xcccc_cccc_cccc_ccccn } },
      { name: 'MaxScheduledPerBlock', type: 'u32', value: 50 },
    ],
  })
}

export function registryPallet(): PalletDefinition {
  const data = 'IdentityData'
  return layout({
    name: 'Registry',
    index: 16,
    types: [
      dataType(data, 'pallet_registry', 64),
      {
        name: 'IdentityInfo',
        path: ['pallet_registry', 'types', 'IdentityInfo'],
        fields: args(
          `additional: BoundedVec<(${data}, ${data})>, display: ${data}, legal: ${data}, web: ${data}, riot: ${data}, email: ${data}, pgp_fingerprint: Option<[u8; 20]>, image: ${data}, twitter: ${data}`,
        ),
      },
      {
        name: 'IdentityRegistration',
        path: ['pallet_registry', 'types', 'Registration'],
        fields: args('deposit: u64, info: IdentityInfo'),
      },
    ],
    storage: [optionalMap('IdentityOf', [['Twox64Concat', 'AccountId']], 'IdentityRegistration')],
    calls: [
      refusedCall(0, 'set_identity(identified: AccountId, info: IdentityInfo)'),
      refusedCall(1, 'clear_identity(identified: AccountId)'),
    ],
    events: events('IdentitySet(who: AccountId)', 'IdentityDissolved(who: AccountId)'),
    errors: ['CannotRegister', 'TooManyFields', 'NotRegistered'],
    constants: [
      { name: 'MaxAdditionalFields', type: 'u32', value: 1 },
      { name: 'InitialDeposit', type: 'u64', value: 100_000_000n },
      { name: 'FieldDeposit', type: 'u64', value: 100_000_000n },
    ],
  })
}

export function commitmentsPallet(): PalletDefinition {
  const key: Parameters<typeof optionalMap>[1] = [
    ['Identity', 'u16'],
    ['Twox64Concat', 'AccountId'],
  ]
  return layout({
    name: 'Commitments',
    index: 17,
    types: [
      dataType('CommitmentData', 'pallet_commitments', 128),
      {
        name: 'CommitmentInfo',
        path: ['pallet_commitments', 'types', 'CommitmentInfo'],
        fields: args('fields: BoundedVec<CommitmentData>'),
      },
      {
        name: 'CommitmentRegistration',
        path: ['pallet_commitments', 'types', 'Registration'],
        fields: args('deposit: u64, block: u32, info: CommitmentInfo'),
      },
    ],
    storage: [optionalMap('CommitmentOf', key, 'CommitmentRegistration'), optionalMap('LastCommitment', key, 'u32')],
    calls: [refusedCall(0, 'set_commitment(netuid: u16, info: CommitmentInfo)')],
    events: events('Commitment(netuid: u16, who: AccountId)'),
    errors: ['TooManyFields', 'CannotCommit', 'RateLimitExceeded'],
    constants: [
      { name: 'MaxFields', type: 'u32', value: 1 },
      { name: 'InitialDeposit', type: 'u64', value: 0n },
      { name: 'FieldDeposit', type: 'u64', value: 0n },
      { name: 'RateLimit', type: 'u32', value: 100 },
    ],
  })
}
