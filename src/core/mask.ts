export const MASK = '***'

/** Node providers put API keys in the path as one long random segment; words with dashes are not that. */
const KEY_SEGMENT = /^(?=.*\d)[A-Za-z0-9_-]{20,}$/

/**
 * A URL fit to be shown: its password, its query values and path segments that look like API keys are replaced. Text that is no
 * URL but may hold credentials comes back masked whole.
 */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return text.includes('@') ? MASK : text
  const url = new URL(text)
  const segments = url.pathname.split('/').map((segment) => (KEY_SEGMENT.test(segment) ? MASK : segment))
  const keys = new Set(url.searchParams.keys())
  // Unchanged text is shown as the user wrote it; the URL class would drop default ports and add slashes.
  if (url.password === '' && keys.size === 0 && segments.join('/') === url.pathname) return text
  if (url.password !== '') url.password = MASK
  for (const key of keys) url.searchParams.set(key, MASK)
  url.pathname = segments.join('/')
  return url.toString()
}
