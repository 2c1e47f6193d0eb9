/** Who may call the services that cost the operator something, and how much. */

/** What a key opens. */
export const SCOPES = ['pow', 'prompt'] as const
export type Scope = (typeof SCOPES)[number]

export interface ApiKeyLimits {
  /** null: as the settings say. */
  requestsPerMinute: number | null
  /** Registrations that may be under way at once; null: as the settings say. */
  activeJobs: number | null
}

/** A key as it is stored. The key itself is shown once, when it is made; only a hash of it is kept. */
export interface ApiKeyRecord {
  /** The public part of the key. */
  id: string
  name: string
  scopes: Scope[]
  limits: ApiKeyLimits
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
  lastUsedAt: Date | null
}

/** Who makes a request. */
export interface Caller {
  /** Id of the key; `open` where none is needed. Jobs and usage are counted by it. */
  customer: string
  limits: ApiKeyLimits
}

/** What services need of the stored keys. */
export interface ApiKeyReader {
  /** The caller a key stands for. Throws UNAUTHORIZED for what is not a key, is unknown, revoked or expired, FORBIDDEN for one without the scope. */
  caller(key: string, scope: Scope): Promise<Caller>
}
