/** The migrated database that test databases are cloned from. */
export const TEMPLATE = 'taogate_template'

/** The same server and login, another database. */
export function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}
