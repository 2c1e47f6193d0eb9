import { expect, test } from 'vitest'
import { sharedSecret } from '../../../src/store/index.js'
import { testDatabase } from '../../support/database.js'

test('whoever asks first makes a secret, and all others get the same one', async () => {
  await using db = await testDatabase()
  const secrets = await Promise.all(Array.from({ length: 12 }, () => sharedSecret(db.pool, 'one')))
  expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1)
  expect(secrets[0]).toHaveLength(32)
  expect(await sharedSecret(db.pool, 'one')).toEqual(secrets[0])
  expect(await sharedSecret(db.pool, 'another')).not.toEqual(secrets[0])
})
