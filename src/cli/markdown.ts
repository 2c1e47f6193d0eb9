/** Text that stands in one cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
