/** The environment, for what is named by files and wallets rather than by settings. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env
}
