import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CLIENT } from './client.js'
import { PAGE } from './html.js'
import { STYLES } from './styles.js'

/** A page to write queries in: one document, one script and one style sheet, all from this server. */

/** Whether a browser opened `/graphql`, as opposed to a program asking it something. */
export function wantsPage(request: FastifyRequest): boolean {
  const { accept = '' } = request.headers
  const asks = typeof request.query === 'object' && request.query !== null && 'query' in request.query
  return request.method === 'GET' && !asks && accept.includes('text/html')
}

export function sendPage(reply: FastifyReply): FastifyReply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(PAGE)
}

export function registerPage(app: FastifyInstance): void {
  app.get('/graphql/page.js', (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(CLIENT),
  )
  app.get('/graphql/page.css', (_request, reply) => reply.type('text/css; charset=utf-8').header('cache-control', 'no-cache').send(STYLES))
}
