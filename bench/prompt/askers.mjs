// Ways to ask, for the load of `bench/prompt.mjs`: through a gateway, and axons directly. Each asks once with a prompt, tells of the first piece of the answer, and
// resolves when the answer is at its end. What a direct request has to be signed with is made before its time begins.
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { epistulaHeaders } from '../../dist/prompt-proxy/dendrite/epistula/signing.js'
import { V5_CODECS } from '../../dist/prompt-proxy/dendrite/grpc/messages.js'
import { buildRequest } from '../../dist/prompt-proxy/dendrite/http/request.js'
import { promptFields, PROMPTING, STREAM_PROMPTING } from '../../dist/prompt-proxy/dendrite/http/synapse.js'
import { createNonceSource } from '../../dist/prompt-proxy/dendrite/nonce.js'
import { signV5Call } from '../../dist/prompt-proxy/grpc-auth.js'
import { ANSWER, API_KEY, HOST, MARK, pairOf } from './world.mjs'

const TIMEOUT_MS = 60_000

/** An OpenAI-shaped gateway. `ask(prompt, slot)` gives the milliseconds to the first piece, and to the end. */
export function gatewayAsker(url, { model, stream, headers = {}, connections = 64 }) {
  const post = poster(url, connections)
  const sent = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers }
  return {
    ask(prompt) {
      const body = JSON.stringify({ model, messages: messagesOf(prompt), stream })
      return post('/v1/chat/completions', sent, body, stream ? checkFrames : checkCompletion)
    },
    close: () => post.close(),
  }
}

/** An OpenAI-shaped server, asked directly. */
export function openAiAsker(port, stream) {
  return gatewayAsker(`http://${HOST}:${port}`, { model: 'mock', stream })
}

/** An axon of SDK 6 to 10. */
export async function httpAxonAsker(axon, stream) {
  const [pair, post] = [await pairOf(0), poster(`http://${HOST}:${axon.port}`)]
  const target = { ...axon, ip: HOST }
  const nonces = eachSlot(() => createNonceSource())
  return {
    ask(prompt, slot) {
      const { uuid, next } = nonces(slot)
      const request = buildRequest({
        ...{ signer: pair, target, spec: stream ? STREAM_PROMPTING : PROMPTING, fields: promptFields(messagesOf(prompt)) },
        ...{ nonce: next(), uuid, version: axon.version, ownIp: HOST, timeoutMs: TIMEOUT_MS },
      })
      const headers = [...request.headers, 'content-type', 'application/json']
      return post(request.path, headers, request.body, stream ? checkWhole : checkSynapse)
    },
    close: () => post.close(),
  }
}

/** An Epistula axon. */
export async function epistulaAsker(axon, stream) {
  const [pair, post] = [await pairOf(0), poster(`http://${HOST}:${axon.port}`)]
  return {
    ask(prompt) {
      const body = Buffer.from(JSON.stringify({ messages: messagesOf(prompt), stream }))
      const signed = { body, uuid: randomUUID(), timestampMs: Date.now(), signedFor: axon.hotkey }
      const headers = [...epistulaHeaders(pair, signed), 'content-type', 'application/json']
      return post('/v1/chat/completions', headers, body, stream ? checkFrames : checkCompletion)
    },
    close: () => post.close(),
  }
}

/** An axon of SDK 5.x, which has no streams. */
export async function grpcAxonAsker(axon) {
  const pair = await pairOf(0)
  const client = new Client(`ipv4:${HOST}:${axon.port}`, credentials.createInsecure())
  const nonces = eachSlot(() => createNonceSource())
  const { path, encodeRequest, decodeResponse } = V5_CODECS.Forward
  return {
    async ask(prompt, slot) {
      const { uuid, next } = nonces(slot)
      const metadata = new Metadata()
      for (const [key, value] of signV5Call(pair, { axon: axon.hotkey, nonce: next(), uuid, version: axon.version }))
        metadata.set(key, value)
      const messages = messagesOf(prompt).map((message) => JSON.stringify(message))
      const request = { messages, version: axon.version, hotkey: pair.address, timeout: TIMEOUT_MS / 1000 }
      const startedAt = performance.now()
      const answer = await new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + TIMEOUT_MS }
        const done = (error, response) => (error ? reject(error) : resolve(response))
        client.makeUnaryRequest(path, encodeRequest, decodeResponse, request, metadata, options, done)
      })
      const ms = performance.now() - startedAt
      if (answer.response !== ANSWER) throw new Error(`the axon answered with return code ${answer.returnCode}: ${answer.returnMessage}`)
      return { firstMs: ms, ms }
    },
    close: () => client.close(),
  }
}

function messagesOf(prompt) {
  return [{ role: 'user', content: prompt }]
}

/** Requests side by side may overtake each other, and their nonces may not: each slot of the load is a caller of its own. */
function eachSlot(make) {
  const made = []
  return (slot) => (made[slot] ??= make())
}

/** POST without anything around it; `check` throws where the text of the answer is not the one that was asked for. */
function poster(origin, connections = 64) {
  const pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  const post = (path, headers, body, check) =>
    new Promise((resolve, reject) => {
      const startedAt = performance.now()
      let text = ''
      let status = 0
      let firstMs = null
      pool.dispatch(
        { path, method: 'POST', headers, body },
        {
          onRequestStart() {},
          onResponseStart(_controller, code) {
            status = code
          },
          onResponseData(_controller, chunk) {
            text += chunk
            if (firstMs === null && text.includes(MARK)) firstMs = performance.now() - startedAt
          },
          onResponseEnd() {
            const ms = performance.now() - startedAt
            try {
              if (status !== 200) throw new Error(`status ${status}: ${text.slice(0, 500)}`)
              check(text)
              resolve({ firstMs: firstMs ?? ms, ms })
            } catch (error) {
              reject(error)
            }
          },
          onResponseError: (_controller, error) => reject(error),
        },
      )
    })
  return Object.assign(post, { close: () => pool.destroy() })
}

function checkCompletion(text) {
  same(JSON.parse(text).choices[0].message.content)
}

function checkSynapse(text) {
  same(JSON.parse(text).completion)
}

function checkWhole(text) {
  same(text)
}

function checkFrames(text) {
  if (!text.endsWith('data: [DONE]\n\n')) throw new Error(`the stream did not end: ${text.slice(-200)}`)
  let answer = ''
  for (const line of text.split('\n')) if (line.startsWith('data: {')) answer += JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? ''
  same(answer)
}

function same(answer) {
  if (answer !== ANSWER) throw new Error(`another answer than was asked for: ${String(answer).slice(0, 200)}`)
}
