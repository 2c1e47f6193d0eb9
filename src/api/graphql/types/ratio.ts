/** A u16 of the chain as the fraction it stands for. */
export function ratio(raw: number): number
export function ratio(raw: number | null): number | null
export function ratio(raw: number | null): number | null {
  return raw === null ? null : raw / 65_535
}
