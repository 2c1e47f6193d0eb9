/** Server-sent events as OpenAI-shaped servers send them: the data of each event, in order. */

/**
 * Reads the `data` of events out of pieces of text, however they were cut. Comments and other fields are passed over. Throws what `tooLong` gives when
 * more than `maxChars` come without an end of line, or one event has more.
 */
export async function* readEvents(pieces: AsyncIterable<string>, maxChars: number, tooLong: () => Error): AsyncGenerator<string> {
  let rest = ''
  let data: string[] = []
  let size = 0
  for await (const piece of pieces) {
    rest += piece
    // A carriage return at the very end may be half of a line end.
    const end = rest.endsWith('\r') ? rest.length - 1 : rest.length
    const lines = rest.slice(0, end).split(/\r\n|\n|\r/)
    rest = (lines.pop() as string) + rest.slice(end)
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
        size = 0
        continue
      }
      if (!line.startsWith('data:')) continue
      const value = line.slice(line[5] === ' ' ? 6 : 5)
      size += value.length
      if (size > maxChars) throw tooLong()
      data.push(value)
    }
    if (rest.length > maxChars) throw tooLong()
  }
}
