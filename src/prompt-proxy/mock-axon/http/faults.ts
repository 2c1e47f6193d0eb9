/** What a mock axon can do wrong. It lasts until another is set. */
export type HttpAxonFault =
  /** Answers, but late. */
  | { kind: 'delay'; ms: number }
  /** Takes the request, and never answers. */
  | { kind: 'hang' }
  /** Begins to answer, and cuts the connection after so many pieces; an answer in one piece is cut in half. */
  | { kind: 'die'; afterPieces: number }
  /** Takes connections, and cuts them. */
  | { kind: 'drop' }
  /** Does not listen. */
  | { kind: 'refuse' }
  /** Lies in its headers: a signature of other bytes, one that was used before, another hotkey, another synapse. */
  | { kind: 'forge' | 'replay' | 'wrong-hotkey' | 'wrong-name' }
  /** A body of no encoding, and an answer with nothing in it. */
  | { kind: 'garbage' | 'empty' }
  /** An answer, or a header, of so many bytes. */
  | { kind: 'huge' | 'huge-header'; bytes: number }
  | { kind: 'redirect'; to: string }
  /** One byte of the answer each so often. */
  | { kind: 'drip'; ms: number }
  /** This status in place of an answer, as a server before the axon would send it. */
  | { kind: 'status'; status: number; message: string }
