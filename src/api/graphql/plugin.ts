import type { ApolloServerPlugin, GraphQLRequestContext, GraphQLRequestContextWillSendResponse } from '@apollo/server'
import { getVariableValues, Kind, OperationTypeNode } from 'graphql'
import { AppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { ApiMetrics } from '../metrics.js'
import type { ApiContext } from './context.js'
import { causeOf, statusOf } from './errors.js'
import type { CostModel } from './limits/cost.js'
import { limitsOf } from './list.js'

interface PluginDeps {
  log: Logger
  metrics: ApiMetrics
  costModel: CostModel
}

/** What every request gets: its cost checked before it runs, and the cost and the block it was read at in the answer. */
export function requestPlugin({ log, metrics, costModel }: PluginDeps): ApolloServerPlugin<ApiContext> {
  return {
    async requestDidStart({ contextValue }) {
      const started = performance.now()
      const { requestId } = contextValue
      return {
        async didResolveOperation(request) {
          checkCost(request, costModel, metrics)
        },
        async didEncounterErrors({ errors }) {
          for (const error of errors) {
            const cause = causeOf(error)
            if (cause.code === 'INTERNAL') log.error({ err: cause.cause ?? cause, requestId, path: error.path }, 'request failed')
            else if (cause.code === 'DATABASE_DOWN' || cause.code === 'QUERY_TIMEOUT')
              log.warn({ err: cause.cause ?? cause, requestId }, cause.message)
            else log.debug({ code: cause.code, reason: error.message, requestId }, 'request refused')
          }
        },
        async willSendResponse(request) {
          const { session } = contextValue
          await session.close()
          const outcome = finish(request, contextValue)
          metrics.answered(outcome, (performance.now() - started) / 1000, session.statements)
        },
      }
    },
  }
}

type Resolved = Pick<GraphQLRequestContext<ApiContext>, 'document' | 'operation' | 'request' | 'schema' | 'contextValue' | 'response'>

function checkCost(
  { document, operation, request, schema, contextValue, response }: Resolved,
  model: CostModel,
  metrics: ApiMetrics,
): void {
  if (document === undefined || operation === undefined || operation.operation !== OperationTypeNode.QUERY) return
  const limits = limitsOf(contextValue)
  const { maxCost } = contextValue.config
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], request.variables ?? {})
  // Values that do not fit their types are refused by execution itself, with the place of each.
  if (coerced === undefined) return
  const cost = model.costOf(document, operation, coerced, limits)
  metrics.cost(cost)
  Object.assign(contextValue.measured, { value: cost, limit: maxCost })
  response.http.headers.set('query-complexity', String(cost))
  response.http.headers.set('max-query-complexity', String(maxCost))
  if (cost > maxCost)
    throw new AppError('TOO_COMPLEX', `the query costs ${cost}; the limit is ${maxCost}. Ask for fewer rows, above all in nested lists`, {
      cost: { ...contextValue.measured },
      limit: maxCost,
    })
}

/** Completes the answer; tells its outcome. */
function finish({ response, document }: GraphQLRequestContextWillSendResponse<ApiContext>, context: ApiContext): string {
  if (response.body.kind !== 'single') return 'OK'
  const result = response.body.singleResult
  const head = context.session.knownHead
  const reads = document?.definitions.some((definition) => definition.kind === Kind.OPERATION_DEFINITION) ?? false
  result.extensions = {
    ...result.extensions,
    ...(reads ? { cost: context.measured } : {}),
    ...(head === null ? {} : { block: { height: head.height, hash: head.hash } }),
  }
  const { errors } = result
  if (errors === undefined || errors.length === 0) return 'OK'
  result.errors = errors.map((error) =>
    error.extensions?.['code'] === 'INTERNAL' ? { ...error, extensions: { ...error.extensions, requestId: context.requestId } } : error,
  )
  const anything = Object.values(result.data ?? {}).some((value) => value !== null)
  if (!anything) response.http.status = statusOf(errors)
  const code = errors[0]?.extensions?.['code']
  return typeof code === 'string' ? code : 'INTERNAL'
}
