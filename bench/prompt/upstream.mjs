// The upstream of `bench/prompt.mjs`, in a process of its own: the mock axons, and a server shaped as OpenAI's with the same answers.
import { createServer } from 'node:http'
import { startGrpcMockAxon } from '../../dist/prompt-proxy/mock-axon/grpc/axon.js'
import { startHttpMockAxon } from '../../dist/prompt-proxy/mock-axon/http/axon.js'
import { answerTo, HOST, MANY_AXONS, pairOf, SUBNETS } from './world.mjs'

const HTTP_RELEASE = '10.2.0'
const GRPC_VERSION = 520
/** An axon's own bounds (ten threads) are not what is measured. */
const GRPC_LIMITS = { maxCalls: 10_000, threads: 10_000, workers: 10_000, queue: 10_000, maxWaitMs: 60_000 }

async function main() {
  const axons = [await httpAxon(SUBNETS.http, 0, 1), await grpcAxon(SUBNETS.grpc, 0, 2), await httpAxon(SUBNETS.epistula, 0, 3)]
  for (let uid = 0; uid < MANY_AXONS; uid++) axons.push(await httpAxon(SUBNETS.many, uid, 10 + uid))
  process.send({ ready: { axons, openAiPort: await startOpenAi() } })
}

async function httpAxon(netuid, uid, key) {
  const pair = await pairOf(key)
  const answer = ({ messages, stream }) => answerTo(messages.at(-1).content, stream)
  const axon = await startHttpMockAxon({ pair, host: HOST, port: 0, version: HTTP_RELEASE, answer })
  return { netuid, uid, hotkey: pair.address, port: axon.port, version: axon.versionInteger }
}

async function grpcAxon(netuid, uid, key) {
  const pair = await pairOf(key)
  const answer = ({ messages }) => answerTo(messages.at(-1).content, false)
  const axon = await startGrpcMockAxon({ pair, host: HOST, port: 0, version: GRPC_VERSION, limits: GRPC_LIMITS, answer })
  return { netuid, uid, hotkey: pair.address, port: axon.port, version: GRPC_VERSION }
}

function startOpenAi() {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => void reply(JSON.parse(body), response))
  })
  return new Promise((resolve) => server.listen(0, HOST, () => resolve(server.address().port)))
}

async function reply({ model, messages, stream }, response) {
  const base = { id: 'chatcmpl-bench', created: Math.floor(Date.now() / 1000), model }
  const answer = answerTo(messages.at(-1).content, stream === true)
  if (stream !== true) {
    const message = { role: 'assistant', content: await answer }
    const usage = { prompt_tokens: 80, completion_tokens: 25, total_tokens: 105 }
    const body = { ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }], usage }
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  const frame = (delta, reason) => {
    const body = { ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] }
    response.write(`data: ${JSON.stringify(body)}\n\n`)
  }
  frame({ role: 'assistant', content: '' }, null)
  for await (const content of answer) frame({ content }, null)
  frame({}, 'stop')
  response.end('data: [DONE]\n\n')
}

await main()
