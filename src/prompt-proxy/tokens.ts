/** Bytes of UTF-8 that are taken for one token: what tokenizers of large models need for English, less for code, more for scripts of 3 bytes a character. */
export const TOKEN_BYTES = 4

/** Tokens that a text is taken to have: its UTF-8 bytes / 4, rounded up. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / TOKEN_BYTES)
}
