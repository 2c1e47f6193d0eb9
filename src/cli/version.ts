import { readFileSync } from 'node:fs'

/** The version of this program, from package.json, which lies beside both `src` and `dist`. */
export function readVersion(): string {
  const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return packageJson.version
}
