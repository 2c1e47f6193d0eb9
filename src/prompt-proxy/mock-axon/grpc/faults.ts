/** What a mock axon can do wrong. It lasts until another is set. */
export type GrpcAxonFault =
  /** Answers, but late. */
  | { kind: 'delay'; ms: number }
  /** Takes the call, and never answers. */
  | { kind: 'hang' }
  /** Takes the call, and cuts the connection. */
  | { kind: 'die' }
  /** Takes connections, and cuts them. */
  | { kind: 'drop' }
  /** Does not listen. */
  | { kind: 'refuse' }
  /** Says that another hotkey answered; sends bytes that are no message; sends a good answer with nothing in it. */
  | { kind: 'wrong-hotkey' | 'garbage' | 'empty' }
  /** Sends an answer of so many bytes. */
  | { kind: 'huge'; bytes: number }
  /** Sends this return code in place of an answer. */
  | { kind: 'code'; code: number; message: string }
