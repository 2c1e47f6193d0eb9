import type pg from 'pg'
import { toDatabaseError } from '../../core/pg-errors.js'
import type { Hex } from '../../core/records.js'
import type { PromptNeuron, PromptReads } from '../../core/prompting.js'
import { parseIp } from '../../core/units/ip.js'
import { decodeSs58, encodeSs58 } from '../../core/units/ss58.js'

/** What the prompt service reads of the index: the chain as it is at the checkpoint. One statement each; nothing is kept between calls. */
export function createPromptReads({ pool }: { pool: pg.Pool }): PromptReads {
  return {
    async neurons(netuids) {
      try {
        const { rows } = await pool.query<Row>({ text: NEURONS, values: [[...new Set(netuids)]], rowMode: 'array' })
        return rows.map(toNeuron)
      } catch (error) {
        throw toDatabaseError(error, 'the neurons of subnets were read')
      }
    },

    async standing(hotkey) {
      const account = Buffer.from(decodeSs58(hotkey).slice(2), 'hex')
      try {
        const { rows } = await pool.query<{ registered: boolean; stake: string }>(STANDING, [account])
        return { isRegistered: rows[0]?.registered ?? false, stake: BigInt(rows[0]?.stake ?? 0) }
      } catch (error) {
        throw toDatabaseError(error, 'the standing of a hotkey was read')
      }
    },
  }
}

type Row = [
  netuid: number,
  uid: number,
  hotkey: string,
  stake: string | null,
  permit: boolean,
  active: boolean,
  lastUpdate: string,
  incentive: number,
  validatorTrust: number,
  ip: string | null,
  ipType: number | null,
  port: number | null,
  version: string | null,
]

/** Rows of weights and bonds are wide: only what is needed is read. */
const NEURONS = `
  SELECT netuid, uid, encode(hotkey, 'hex'), stake, validator_permit, active, last_update, incentive, validator_trust,
    axon->>'ip', (axon->>'ipType')::int, (axon->>'port')::int, axon->>'version'
  FROM neurons WHERE netuid = ANY ($1::int[]) ORDER BY netuid, uid`

const STANDING = `
  SELECT EXISTS (SELECT FROM neurons WHERE hotkey = $1) AS registered,
    coalesce((SELECT total_stake FROM hotkeys WHERE hotkey = $1), (SELECT max(stake) FROM neurons WHERE hotkey = $1), 0)::text AS stake`

function toNeuron(row: Row): PromptNeuron {
  const [netuid, uid, hotkey, stake, validatorPermit, active, lastUpdate, incentive, validatorTrust, ip, ipType, port, version] = row
  const hex: Hex = `0x${hotkey}`
  return {
    netuid,
    uid,
    hotkey: encodeSs58(hex),
    ip: ip === null ? 0n : numberOf(ip),
    ipType: ipType ?? 4,
    port: port ?? 0,
    version: Number(version ?? 0),
    stake: BigInt(stake ?? 0),
    validatorPermit,
    active,
    lastUpdate: BigInt(lastUpdate),
    incentive,
    validatorTrust,
  }
}

/** The index writes an address that its type cannot have as its number: it stays what it is, and nobody dials it. */
function numberOf(ip: string): bigint {
  return /^\d+$/.test(ip) ? BigInt(ip) : parseIp(ip).ip
}
