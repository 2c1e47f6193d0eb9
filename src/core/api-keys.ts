/** Who may call the services that cost the operator something, and how much. */

/** What a key opens. */
export const SCOPES = ['pow', 'prompt'] as const
export type Scope = (typeof SCOPES)[number]

export interface ApiKeyLimits {
  /** null: as the settings say. */
  requestsPerMinute: number | null
  /** Registrations that may be under way at once; null: as the settings say. */
  activeJobs: number | null
  /** Tokens of prompts and answers in a minute; null: as the settings say. */
  tokensPerMinute: number | null
  /** Prompts that may be under way at once; null: as the settings say. */
  concurrentPrompts: number | null
  /** Credits for each month of UTC; an answer costs one. null: as many as one likes. */
  monthlyCredits: number | null
}

/** Of whoever has no key with limits of its own. */
export const NO_LIMITS: ApiKeyLimits = {
  requestsPerMinute: null,
  activeJobs: null,
  tokensPerMinute: null,
  concurrentPrompts: null,
  monthlyCredits: null,
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
  /** Whom limits count, where many callers are one customer; otherwise the customer. */
  party?: string
  /** ss58, format 42: a hotkey that the caller has shown to hold. */
  hotkey?: string
}

/** What services need of the stored keys. */
export interface ApiKeyReader {
  /** Whether a text is meant to be one of these keys, good or not. */
  isKey(text: string): boolean
  /** The caller a key stands for. Throws UNAUTHORIZED for what is not a key, is unknown, revoked or expired, FORBIDDEN for one without the scope. */
  caller(key: string, scope: Scope): Promise<Caller>
}
