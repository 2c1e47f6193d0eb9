/** The prompt service put together: what asks validators, what is in front of it, and its faces. */
import type { PromptConfig } from '../core/config/index.js'
import type { GrpcService } from '../core/grpc/index.js'
import type { Access, HttpPlugin } from '../core/http/index.js'
import type { Limits } from '../core/limits.js'
import type { Readiness, Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { CreditLedger, PromptReads, PromptUsageLog } from '../core/prompting.js'
import { RAO_PER_TAO } from '../core/units/rao.js'
import { prepareKeys, type KeyPair } from '../core/wallet/keys.js'
import { createAdmission } from './admission/admission.js'
import { createHotkeyCallers } from './admission/callers.js'
import { createHotkeyProofs } from './admission/hotkey-proof.js'
import type { PromptEngine } from './contract.js'
import { createEpistulaDendrite } from './dendrite/epistula/dendrite.js'
import { createGrpcDendrite } from './dendrite/grpc/dendrite.js'
import { createHttpDendrite } from './dendrite/http/dendrite.js'
import { parseSynapses, SUBNET_1 } from './dendrite/http/synapse.js'
import { createEngine } from './engine/engine.js'
import { promptModels } from './engine/models.js'
import { createAgreementScorer } from './engine/scorer.js'
import { ENGINE_DEFAULTS } from './engine/settings.js'
import { promptGrpc } from './grpc/index.js'
import { promptRoutes } from './http/index.js'
import { countingUsage } from './request-metrics.js'
import { isDialable } from './targets/address.js'
import { systemClock } from './targets/clock.js'
import { knock } from './targets/knock.js'
import { createProtocolOf } from './targets/protocol.js'
import { createTargets, type Targets } from './targets/registry.js'

export interface PromptServiceOptions {
  config: PromptConfig
  /** The gateway's hotkey, which signs what is sent to validators. */
  pair: KeyPair
  reads: PromptReads
  access: Access
  limits: Limits
  /** Whether other instances have the same limits. */
  isShared: boolean
  credits: CreditLedger
  usage: PromptUsageLog
  /** 32 bytes that all instances share: proofs of hotkeys are made with it. */
  secret: Uint8Array
  /** Whether callers over gRPC are let in without being registered. */
  open: boolean
  /** Of one such caller. */
  requestsPerMinute: number
  log: Logger
  metrics: Metrics
}

export interface PromptService extends Service {
  engine: PromptEngine
  /** HTTP routes, for the server of whoever starts it. */
  plugins: HttpPlugin[]
  /** The gRPC service of SDK 5.x; null where the settings want none. */
  grpc: GrpcService | null
}

/** A metagraph is read again about once a block. */
const REFRESH_MS = 12_000
/** While nobody is known: the index may have just begun. */
const FIRST_REFRESH_MS = 500

/** Starts to keep up with the metagraph. Does not wait for it: there may be no index yet. */
export async function startPrompts(options: PromptServiceOptions): Promise<PromptService> {
  const { config, pair, reads, access, limits, log, metrics } = options
  const { netuids, allowPrivate } = config
  const clock = systemClock
  const usage = countingUsage(options.usage, metrics)
  await prepareKeys()
  const synapses = new Map(config.synapses.map(({ netuid, value }) => [netuid, parseSynapses(value)]))
  const dendrites = {
    grpc: createGrpcDendrite({ pair, allowPrivate }),
    http: createHttpDendrite({ pair, allowPrivate, synapsesOf: (netuid) => synapses.get(netuid) ?? SUBNET_1 }),
    epistula: createEpistulaDendrite({ pair, allowPrivate }),
  }
  const targets = createTargets({
    source: () => reads.neurons(netuids),
    isDialable,
    protocolOf: createProtocolOf(new Map(config.protocols.map(({ netuid, value }) => [netuid, value]))),
    settings: {
      ...{ netuids, allowPrivate, requireValidatorPermit: config.requirePermit, minStake: BigInt(config.minStake) * RAO_PER_TAO },
      ...{ pinnedHotkeys: config.hotkeys, ownHotkeys: [pair.address], refreshMs: REFRESH_MS, probeMs: config.probeSeconds * 1000 },
    },
    probe: (target, protocol, signal) =>
      protocol === 'http' ? dendrites.http.ping(target, { timeoutMs: PING_MS, signal }) : knock(target, { allowPrivate }, signal),
    ...{ clock, random: Math.random, log, metrics },
  })
  const models = promptModels(netuids, Math.floor(Date.now() / 1000))
  const asking = createEngine({
    ...{ targets, dendrites, models, scorer: createAgreementScorer(), clock, log, metrics },
    settings: {
      maxTopN: config.maxTargets,
      upstreamModels: new Map(config.models.map(({ netuid, value }) => [netuid, value])),
    },
  })
  const engine = createAdmission({
    ...{ engine: asking, limits, credits: options.credits, standing: reads.standing, clock, log, metrics },
    settings: { ...config, topN: ENGINE_DEFAULTS.topN, maxTopN: config.maxTargets },
  })
  const hotkeys = createHotkeyProofs({ limits, standing: reads.standing, secret: options.secret, gateway: `taogate ${pair.address}` })
  const requestLimits = {
    ...{ maxBodyBytes: config.maxBodyBytes, timeoutMs: config.timeoutMs, maxTimeoutMs: config.maxTimeoutMs },
    ...{ firstTokenMs: config.firstTokenMs, maxTargets: config.maxTargets },
  }
  const callers = createHotkeyCallers({
    ...{ limits, standing: reads.standing, clock },
    settings: {
      requestsPerMinute: options.requestsPerMinute,
      callers: options.open || config.grpcCallers === 'any' ? 'any' : 'registered',
      minStake: BigInt(config.grpcMinStake) * RAO_PER_TAO,
    },
  })
  const first = models[0]
  await targets.start()
  const stopLooking = lookUntilSomebody(targets)
  let closing: Promise<void> | undefined
  return {
    name: 'prompts',
    engine,
    plugins: promptRoutes({ engine, access, hotkeys, log, usage, limits: requestLimits }),
    grpc:
      config.grpcCallers === 'none' || first === undefined
        ? null
        : promptGrpc({
            engine,
            callers,
            hotkey: pair.address,
            usage,
            limits: requestLimits,
            ...(options.isShared ? { replays: limits } : {}),
            model: first.id,
            log,
          }),
    ready: () => Promise.resolve(readiness(targets, closing !== undefined)),
    close: () => (closing ??= close()),
  }

  async function close(): Promise<void> {
    stopLooking()
    targets.close()
    await Promise.all(Object.values(dendrites).map((dendrite) => dendrite.close()))
  }
}

const PING_MS = 5_000

/** Reads more often as long as there is nothing. */
function lookUntilSomebody(targets: Targets): () => void {
  let stop: () => void = () => {}
  const look = (): void => {
    if (targets.state().length > 0) return
    stop = systemClock.after(FIRST_REFRESH_MS, () => void targets.refresh().then(look))
  }
  look()
  return () => stop()
}

function readiness(targets: Targets, isClosing: boolean): Readiness {
  if (isClosing) return { ok: false, reasons: ['prompts: stopping'] }
  if (targets.state().some(({ refusal }) => refusal === null)) return { ok: true }
  return { ok: false, reasons: ['prompts: there is no validator that may be asked; GET /v1/targets says why'] }
}
