import type pg from 'pg'
import { AppError } from '../../core/errors.js'
import type { ChainIdentity } from '../../core/records.js'
import { hex } from './transaction.js'

/** The first claim stores the chain; later ones must be of the same genesis. */
export async function claimChain(client: pg.ClientBase, chain: ChainIdentity): Promise<void> {
  const { rows } = await client.query<{ genesis_hash: Buffer; name: string }>('SELECT genesis_hash, name FROM chain')
  const stored = rows[0]
  if (stored === undefined) {
    await client.query(
      `INSERT INTO chain (id, genesis_hash, name, spec_name, ss58_format, token_decimals, token_symbol) VALUES (1, $1, $2, $3, $4, $5, $6)`,
      [
        Buffer.from(chain.genesisHash.slice(2), 'hex'),
        chain.name,
        chain.specName,
        chain.ss58Format,
        chain.tokenDecimals,
        chain.tokenSymbol,
      ],
    )
    return
  }
  const found = hex(stored.genesis_hash)
  if (found === chain.genesisHash) return
  throw new AppError(
    'WRONG_CHAIN',
    `this database holds the chain "${stored.name}" (genesis ${found}), the node is on "${chain.name}" (genesis ${chain.genesisHash}); ` +
      'use another database or data folder for it',
    { stored: found, node: chain.genesisHash },
  )
}
