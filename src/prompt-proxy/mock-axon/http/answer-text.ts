/** A whole text, or its pieces. */
export type AnswerText = string | Promise<string> | AsyncIterable<string>

export async function joined(text: AnswerText): Promise<string> {
  let all = ''
  for await (const piece of piecesOf(text)) all += piece
  return all
}

export async function* piecesOf(text: AnswerText): AsyncGenerator<string> {
  const known = await text
  if (typeof known === 'string') yield known
  else yield* known
}

/** The pieces, and then what is to be done whether they came to an end or not. */
export async function* untilDone(pieces: AsyncIterable<string>, done: () => void): AsyncGenerator<string> {
  try {
    yield* pieces
  } finally {
    done()
  }
}
