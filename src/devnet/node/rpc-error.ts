/** An error as JSON-RPC carries it. */
export class RpcError extends Error {
  override readonly name = 'RpcError'

  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message)
  }
}

export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600

export function invalidParams(message: string): RpcError {
  return new RpcError(INVALID_PARAMS, 'Invalid params', message)
}
