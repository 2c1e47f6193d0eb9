export interface Window {
  size(): number
  /** An answer came. */
  widen(): void
  /** A connection was lost with requests under way. */
  narrow(hadAnswers: boolean): void
}

/**
 * How many requests may be under way. It shrinks when connections are lost and grows back with the answers: a node (or a proxy in
 * front of it) that closes a connection after so many requests, or on one particular request, would else never get to answer
 * any of a full window, and the same requests would be lost again and again.
 */
export function createWindow(max: number): Window {
  const growth = Math.max(1, max / 16)
  let size = max
  return {
    size: () => Math.floor(size),
    widen() {
      if (size < max) size = Math.min(max, size + growth / size)
    },
    narrow(hadAnswers) {
      size = Math.max(1, hadAnswers ? size / 2 : size / 4)
    },
  }
}
