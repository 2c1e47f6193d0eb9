import { z } from 'zod'
import type { Caller } from '../../core/api-keys.js'
import { credentialsOf, type GrpcCall, type GrpcMethod, type GrpcService } from '../../core/grpc/index.js'
import type { Access } from '../../core/http/index.js'
import type { PowService } from '../contract.js'
import { toWire } from '../http/wire.js'
import { parseListQuery, parseQuoteQuery, parseRegistrationId, parseRegistrationInput, registrationInput } from '../input.js'

export interface PowGrpcDeps {
  service: PowService
  access: Pick<Access, 'authenticate'>
}

const withId = z.object({ id: z.string().optional() })

/**
 * The gRPC face of the service: what `powRoutes` is over HTTP. `null` in a view is a field that is not sent. The loader gives messages names in camel
 * case and takes them back; problems are told by the names of the file, which are those of HTTP.
 */
export function powGrpc({ service, access }: PowGrpcDeps): GrpcService {
  const callerOf = (call: GrpcCall): Promise<Caller> => access.authenticate(credentialsOf(call), 'pow')

  function unary(method: (caller: Caller, request: unknown) => Promise<object>): GrpcMethod {
    return { unary: async (call) => method(await callerOf(call), call.request) }
  }

  async function* watch(call: GrpcCall): AsyncGenerator<object> {
    const caller = await callerOf(call)
    yield* service.watch(caller, idOf(call.request), call.signal)
  }

  return {
    proto: 'taogate/pow/v1/pow.proto',
    name: 'taogate.pow.v1.Registrations',
    methods: {
      Create: unary((caller, request) => service.create(caller, parseRegistrationInput(toWire(registrationInput, request)))),
      Get: unary((caller, request) => service.get(caller, idOf(request))),
      List: unary((caller, request) => service.list(caller, parseListQuery(request))),
      Cancel: unary((caller, request) => service.cancel(caller, idOf(request))),
      Watch: { stream: watch },
      GetQuote: unary((_caller, request) => service.quote(parseQuoteQuery(request))),
    },
  }
}

function idOf(request: unknown): string {
  return parseRegistrationId(withId.parse(request).id ?? '')
}
