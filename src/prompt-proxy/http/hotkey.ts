/** How callers show that they hold a hotkey, and what says so in their requests. */
import type { FastifyInstance } from 'fastify'
import { callerOf } from '../../core/http/index.js'
import { toAppError } from '../../core/errors.js'
import type { HotkeyProofs } from '../admission/hotkey-proof.js'
import { challengeSchema, parseBody, proofSchema } from './input.js'

/** Header of a request: a token of `POST /v1/hotkey/proof`. */
const HEADER = 'x-taogate-hotkey'
const MAX_BODY_BYTES = 4096

/** Takes the hotkey that a request's token stands for as its caller's; UNAUTHORIZED for a token that is not good. To be called behind `registerAccess`. */
export function registerHotkey(app: FastifyInstance, hotkeys: HotkeyProofs): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const token = request.headers[HEADER]
    if (token === undefined) return done()
    try {
      const caller = callerOf(request)
      // The caller may be one that other requests have as well.
      request.caller = { ...caller, hotkey: hotkeys.hotkeyOf(caller, String(token)) }
      done()
    } catch (error) {
      done(toAppError(error))
    }
  })
}

/** A text to sign, and a token for its signature. */
export function registerHotkeyRoutes(app: FastifyInstance, { hotkeys }: { hotkeys: HotkeyProofs }): void {
  app.post('/challenge', { bodyLimit: MAX_BODY_BYTES }, (request) => {
    const { hotkey } = parseBody(challengeSchema, request.body)
    const { challenge, expiresAt } = hotkeys.challenge(callerOf(request), hotkey)
    return Promise.resolve({ challenge, expires_at: expiresAt.toISOString() })
  })

  app.post('/proof', { bodyLimit: MAX_BODY_BYTES }, async (request) => {
    const proof = parseBody(proofSchema, request.body)
    const { token, expiresAt, isRegistered, stake } = await hotkeys.prove(callerOf(request), proof)
    return { token, expires_at: expiresAt.toISOString(), hotkey: proof.hotkey, registered: isRegistered, stake: String(stake) }
  })
}
