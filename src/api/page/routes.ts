import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { randomBytes } from 'node:crypto'
import { type Asset, findAssets } from './assets.js'
import { pageHtml, START_PATH, START_SCRIPT } from './html.js'

/** GraphiQL at `/graphql`, everything of it from this server. */

const YEAR_SECONDS = 365 * 24 * 3600

/** Whether a browser opened `/graphql`, as opposed to a program asking it something. */
export function wantsPage(request: FastifyRequest): boolean {
  const { accept = '' } = request.headers
  const asks = typeof request.query === 'object' && request.query !== null && 'query' in request.query
  return request.method === 'GET' && !asks && accept.includes('text/html')
}

/** Serves the files of the page; returns what sends the page itself. */
export async function registerPage(app: FastifyInstance): Promise<(reply: FastifyReply) => FastifyReply> {
  const assets = await findAssets()
  for (const asset of [...assets.styles, ...assets.scripts]) app.get(asset.path, (request, reply) => sendAsset(asset, request, reply))
  app.get(START_PATH, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(START_SCRIPT),
  )
  return (reply) => {
    const nonce = randomBytes(16).toString('base64')
    return reply
      .type('text/html; charset=utf-8')
      .headers({ 'cache-control': 'no-store', vary: 'accept', 'content-security-policy': pagePolicy(nonce) })
      .send(pageHtml(assets, nonce))
  }
}

async function sendAsset(asset: Asset, { headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { plain, gzipped } = await asset.load()
  void reply.type(asset.type).headers({ 'cache-control': `public, max-age=${YEAR_SECONDS}, immutable`, vary: 'accept-encoding' })
  if (!/\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))) return reply.send(plain)
  return reply.header('content-encoding', 'gzip').send(gzipped)
}

/** Scripts come from this server only, and the page talks to nobody else. Fonts and some pictures are inside the style sheet. */
function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';')
}
