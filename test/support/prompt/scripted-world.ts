import { silentLog } from '../../../src/core/log.js'
import { createMetrics, type Metrics } from '../../../src/core/metrics.js'
import { NO_LIMITS, type Caller } from '../../../src/core/api-keys.js'
import type { PromptEngine, PromptRequest } from '../../../src/prompt-proxy/contract.js'
import {
  DendriteError,
  type AxonTarget,
  type Dendrite,
  type DendriteProtocol,
  type PromptCall,
} from '../../../src/prompt-proxy/dendrite/types.js'
import type { FailureCode } from '../../../src/prompt-proxy/targets/back-off.js'
import type { PromptNeuron } from '../../../src/core/prompting.js'
import { createTargets, type Targets } from '../../../src/prompt-proxy/targets/registry.js'
import type { TargetSettings } from '../../../src/prompt-proxy/targets/settings.js'
import { createVirtualClock, seededRandom, type VirtualClock } from './virtual-clock.js'
import { createEngine } from '../../../src/prompt-proxy/engine/engine.js'
import { promptModels } from '../../../src/prompt-proxy/engine/models.js'
import { createAgreementScorer, type Scorer } from '../../../src/prompt-proxy/engine/scorer.js'
import type { EngineSettings } from '../../../src/prompt-proxy/engine/settings.js'
import type { StopSignal } from '../../../src/prompt-proxy/stop-signal.js'

/** What a target does with a request, from `afterMs` after it came. */
export type Script =
  | { does: 'answer'; afterMs: number; pieces?: readonly string[]; gapMs?: number }
  | { does: 'fail'; afterMs: number; code: FailureCode }
  /** Gives its first pieces and then an error. */
  | { does: 'break'; afterMs: number; pieces: readonly string[]; gapMs?: number; code: FailureCode }
  /** Gives its first pieces and then never anything, heeding nothing. */
  | { does: 'stall'; afterMs: number; pieces: readonly string[] }
  /** Ends its answer without a word. */
  | { does: 'end'; afterMs: number }
  /** Never answers; heeds the signal. */
  | { does: 'hang' }
  /** Never answers and heeds nothing. */
  | { does: 'ignore' }
  /** Throws something that is no DendriteError, before it returns. */
  | { does: 'throw' }

/** A call as the dendrite saw it. */
export interface Asked {
  uid: number
  at: number
  call: PromptCall
  abortedAt: number | null
  overAt: number | null
}

export interface World {
  clock: VirtualClock
  engine: PromptEngine
  targets: Targets
  metrics: Metrics
  asked: Asked[]
  /** What uid does from now on. */
  set(uid: number, script: Script): void
  request(over?: Partial<PromptRequest>): PromptRequest
  /** Asks, lets time pass until it is decided (`limitMs` at most), and tells how it ended and when. */
  ask(over?: Partial<PromptRequest>, limitMs?: number): Promise<Ended>
}

export type Ended =
  | { ok: true; uid: number; text: string; ms: number; failed: string[] }
  | { ok: false; code: string; ms: number; failed: string[]; error: unknown }
  | { ok: null }

export interface WorldOptions {
  scripts: readonly Script[]
  /** rao, by uid; 2,000 TAO each otherwise. */
  stakes?: readonly bigint[]
  seed?: number
  engine?: Partial<EngineSettings>
  targets?: Partial<TargetSettings>
  scorer?: Scorer
}

export const NOBODY: Caller = { customer: 'open', limits: NO_LIMITS }
export const TAO = 1_000_000_000n

export function aNeuron(uid: number, over: Partial<PromptNeuron> = {}): PromptNeuron {
  const axon = { ip: 0x5db8d800n + BigInt(uid), ipType: 4, port: 8091, version: 510 }
  const place = { netuid: 1, uid, hotkey: `hotkey-${uid}`, ...axon, stake: 2_000n * TAO, validatorPermit: true }
  return { ...place, active: true, lastUpdate: 1n, incentive: 0, validatorTrust: 0, ...over }
}

/** Targets of subnet 1 that play their scripts on a virtual clock, with the real registry and the real engine. */
export async function createWorld(options: WorldOptions): Promise<World> {
  const clock = createVirtualClock()
  const metrics = createMetrics()
  const scripts = new Map(options.scripts.entries())
  const asked: Asked[] = []
  const rows = options.scripts.map((_, uid) => aNeuron(uid, { stake: options.stakes?.[uid] ?? 2_000n * TAO }))
  const targets = createTargets({
    source: async () => rows,
    isDialable: () => true,
    protocolOf: () => 'grpc',
    settings: { netuids: [1], ...options.targets },
    probe: null,
    random: seededRandom(options.seed ?? 1),
    ...{ clock, log: silentLog, metrics },
  })
  await targets.refresh()

  function dendrite(protocol: DendriteProtocol): Dendrite {
    const prompt = (target: AxonTarget, call: PromptCall): AsyncIterable<string> => {
      const script = scripts.get(target.uid) ?? { does: 'hang' }
      const record: Asked = { uid: target.uid, at: clock.now(), call, abortedAt: null, overAt: null }
      asked.push(record)
      call.signal.addEventListener('abort', () => (record.abortedAt = clock.now()), { once: true })
      if (script.does === 'throw') {
        record.overAt = clock.now()
        throw new TypeError('broken dendrite')
      }
      return play(script, record)
    }
    return { protocol, prompt, close: async () => undefined }
  }

  async function* play(script: Script, record: Asked): AsyncGenerator<string> {
    const { signal } = record.call
    try {
      if (script.does === 'hang' || script.does === 'ignore' || script.does === 'throw') {
        await sleep(Infinity, script.does === 'ignore' ? null : signal)
        return
      }
      await sleep(script.afterMs, signal)
      if (script.does === 'fail') throw new DendriteError(script.code, `scripted ${script.code}`)
      if (script.does === 'end') return
      const pieces = script.pieces ?? [`answer of ${record.uid}`]
      for (const [i, piece] of pieces.entries()) {
        if (i > 0 && script.does !== 'stall' && script.gapMs !== undefined) await sleep(script.gapMs, signal)
        yield piece
      }
      if (script.does === 'stall') await sleep(Infinity, null)
      if (script.does === 'break') throw new DendriteError(script.code, 'scripted break')
    } finally {
      record.overAt = clock.now()
    }
  }

  function sleep(ms: number, signal: StopSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (Number.isFinite(ms)) clock.after(ms, resolve)
      signal?.addEventListener('abort', () => reject(new DendriteError('TIMEOUT', 'aborted')), { once: true })
    })
  }

  const engine = createEngine({
    targets,
    dendrites: { grpc: dendrite('grpc'), http: dendrite('http'), epistula: dendrite('epistula') },
    models: promptModels([1], 0),
    scorer: options.scorer ?? createAgreementScorer(),
    settings: options.engine ?? {},
    ...{ clock, log: silentLog, metrics },
  })

  function request(over: Partial<PromptRequest> = {}): PromptRequest {
    return { model: 'bittensor/sn1', messages: [{ role: 'user', content: 'hello' }], stream: false, timeoutMs: 10_000, ...over }
  }

  return {
    ...{ clock, engine, targets, metrics, asked, request },
    set: (uid, script) => scripts.set(uid, script),
    async ask(over = {}, limitMs = 60_000) {
      let ended: Ended = { ok: null }
      const startedAt = clock.now()
      void read(request(over)).then((how) => (ended = how))
      for (let passed = 0; ended.ok === null && passed < limitMs; passed += 50) await clock.pass(50)
      return ended

      async function read(wanted: PromptRequest): Promise<Ended> {
        try {
          const { target, pieces, failed } = await engine.prompt(NOBODY, wanted, new AbortController().signal)
          let text = ''
          for await (const piece of pieces) text += piece
          return { ok: true, uid: target.uid, text, ms: clock.now() - startedAt, failed: failed.map(({ returnCode }) => returnCode) }
        } catch (error) {
          const { code, detail } = error as { code: string; detail?: { failed?: { returnCode: string }[] } }
          return { ok: false, code, ms: clock.now() - startedAt, failed: (detail?.failed ?? []).map(({ returnCode }) => returnCode), error }
        }
      }
    },
  }
}
