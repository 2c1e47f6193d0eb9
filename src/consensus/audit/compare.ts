import type { EmissionRecord, NeuronFields } from '../../core/records.js'
import { rowOf, type SparseRows } from '../sparse-rows.js'
import type { RootEpochOutputs, SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import type { RootAuditInputs } from './inputs.js'

/** What the chain holds of a neuron after the epoch's block, as far as epochs write it. */
export type StoredNeuron = Pick<
  NeuronFields,
  | 'uid'
  | 'registeredBlock'
  | 'active'
  | 'rank'
  | 'trust'
  | 'consensus'
  | 'incentive'
  | 'dividends'
  | 'validatorTrust'
  | 'pruningScore'
  | 'validatorPermit'
  | 'emission'
  | 'bondUids'
  | 'bondValues'
>

/** What the epoch left to be paid to the hotkey that had the uid. */
export type StoredPayment = Pick<EmissionRecord, 'uid' | 'server' | 'validator' | 'total'>

export type StoredOutputs =
  | { readonly kind: 'subnet'; readonly neurons: readonly StoredNeuron[]; readonly payments: readonly StoredPayment[] }
  /** EmissionValues of the subnets that are still there after the block. */
  | { readonly kind: 'root'; readonly emissionValues: readonly { netuid: number; value: bigint }[] }

/** One value that is not what it should be. Of the root network, `uid` is the netuid of the subnet. */
export interface AuditDifference {
  readonly uid: number
  readonly field: string
  readonly chain: string
  readonly computed: string
}

const ABSENT = 'absent'
const U16_FIELDS = ['rank', 'trust', 'consensus', 'incentive', 'dividends', 'validatorTrust'] as const

/**
 * Differences between what an epoch gives by the rules and what is stored after its block. The block's extrinsics run after the epoch, so what they write is
 * left out: uids that came in this block, and of uids that changed hands in it `active` and the pruning score.
 */
export function compareSubnet(
  inputs: SubnetEpochInputs,
  computed: SubnetEpochOutputs,
  stored: Extract<StoredOutputs, { kind: 'subnet' }>,
): AuditDifference[] {
  const found: AuditDifference[] = []
  const neurons = new Map(stored.neurons.map((neuron) => [neuron.uid, neuron]))
  const payments = new Map(stored.payments.map((payment) => [payment.uid, payment]))
  for (let uid = 0; uid < inputs.n; uid++) {
    if (inputs.registered[uid] === 0) continue
    const neuron = neurons.get(uid)
    const check = (field: string, chain: unknown, value: unknown): void => {
      if (chain !== value) found.push({ uid, field, chain: String(chain), computed: String(value) })
    }
    if (!neuron) {
      check('neuron', ABSENT, 'present')
      continue
    }
    for (const field of U16_FIELDS) check(field, neuron[field], computed[field][uid])
    check('validatorPermit', neuron.validatorPermit, computed.validatorPermit[uid] === 1)
    check('emission', neuron.emission, computed.emission[uid])
    if (!sameRow(neuron, computed.bonds, uid)) check('bonds', bondsText(neuron), rowText(rowOf(computed.bonds, uid)))
    const payment = payments.get(uid)
    if (computed.validatorEmission) {
      check('serverEmission', payment?.server ?? ABSENT, computed.serverEmission[uid])
      check('validatorEmission', payment?.validator ?? ABSENT, computed.validatorEmission[uid])
    } else check('paidEmission', payment?.total ?? ABSENT, computed.serverEmission[uid])
    if (Number(neuron.registeredBlock) === inputs.block) continue
    check('active', neuron.active, computed.active[uid] === 1)
    check('pruningScore', neuron.pruningScore, computed.pruningScore[uid])
  }
  return found
}

/** An epoch of the root network that fails leaves the values as they were. Subnets that were removed in the block have none any more. */
export function compareRoot(
  inputs: RootAuditInputs,
  computed: RootEpochOutputs,
  stored: Extract<StoredOutputs, { kind: 'root' }>,
): AuditDifference[] {
  const values = new Map(stored.emissionValues.map(({ netuid, value }) => [netuid, value]))
  const expected = computed.ok ? computed.emissionValues : inputs.before
  return inputs.netuids.flatMap((netuid, i) => {
    const chain = values.get(netuid)
    const value = expected[i] as bigint
    return chain === undefined || chain === value
      ? []
      : [{ uid: netuid, field: 'emissionValue', chain: String(chain), computed: String(value) }]
  })
}

function sameRow({ bondUids, bondValues }: StoredNeuron, { starts, uids, values }: SparseRows, uid: number): boolean {
  const start = starts[uid] as number
  const size = (starts[uid + 1] as number) - start
  if (bondUids.length !== size || bondValues.length !== size) return false
  for (let i = 0; i < size; i++) if (bondUids[i] !== uids[start + i] || bondValues[i] !== values[start + i]) return false
  return true
}

function bondsText(neuron: StoredNeuron): string {
  return rowText(neuron.bondUids.map((uid, i) => [uid, neuron.bondValues[i] as number]))
}

function rowText(row: readonly (readonly [number, number])[]): string {
  return row.map(([uid, value]) => `${uid}:${value}`).join(' ')
}
