// The proxy of `bench/prompt.mjs`, in a process of its own: the parts of `taogate prompt-proxy` without its database and its chain. The metagraph is what comes from
// the process that started it.
import { createAccess, createHttpServer } from '../../dist/core/http/index.js'
import { createLogger } from '../../dist/core/log.js'
import { createMetrics } from '../../dist/core/metrics.js'
import { createEpistulaDendrite } from '../../dist/prompt-proxy/dendrite/epistula/dendrite.js'
import { createGrpcDendrite } from '../../dist/prompt-proxy/dendrite/grpc/dendrite.js'
import { createHttpDendrite } from '../../dist/prompt-proxy/dendrite/http/dendrite.js'
import { createEngine } from '../../dist/prompt-proxy/engine/engine.js'
import { promptModels } from '../../dist/prompt-proxy/engine/models.js'
import { createAgreementScorer } from '../../dist/prompt-proxy/engine/scorer.js'
import { promptRoutes } from '../../dist/prompt-proxy/http/index.js'
import { isDialable } from '../../dist/prompt-proxy/targets/address.js'
import { systemClock } from '../../dist/prompt-proxy/targets/clock.js'
import { createProtocolOf } from '../../dist/prompt-proxy/targets/protocol.js'
import { createTargets } from '../../dist/prompt-proxy/targets/registry.js'
import { API_KEY, HOST, pairOf, SUBNETS } from './world.mjs'

const LOOPBACK = 0x7f000001n
const RAO_PER_TAO = 1_000_000_000n
const LIMITS = { maxBodyBytes: 262_144, timeoutMs: 60_000, maxTimeoutMs: 120_000, firstTokenMs: 20_000, maxTargets: 10 }
const NO_LIMITS = { requestsPerMinute: 1e9, activeJobs: null, tokensPerMinute: null, concurrentPrompts: null, monthlyCredits: null }

async function main(axons) {
  const [pair, log, metrics] = [await pairOf(0), createLogger({ level: 'silent' }), createMetrics()]
  const targets = createTargets({
    source: () => Promise.resolve(axons.map(neuronOf)),
    settings: { netuids: Object.values(SUBNETS), allowPrivate: true },
    ...{ isDialable, protocolOf: createProtocolOf(new Map([[SUBNETS.epistula, 'epistula']])), probe: null },
    ...{ clock: systemClock, random: Math.random, log, metrics },
  })
  await targets.start()
  const engine = createEngine({
    dendrites: {
      http: createHttpDendrite({ pair, ownIp: HOST, allowPrivate: true }),
      grpc: createGrpcDendrite({ pair, allowPrivate: true }),
      epistula: createEpistulaDendrite({ pair, allowPrivate: true }),
    },
    ...{ targets, models: promptModels(Object.values(SUBNETS), 1_683_000_000), scorer: createAgreementScorer() },
    ...{ clock: systemClock, log, metrics },
  })
  const access = createAccess({
    keys: {
      caller: (key) => (key === API_KEY ? Promise.resolve({ customer: key, limits: NO_LIMITS }) : Promise.reject(new Error('unknown key'))),
    },
    ...{ open: false, requestsPerMinute: 1e9 },
  })
  const ready = () => Promise.resolve({ ok: true })
  const server = await createHttpServer({ name: 'prompt', host: HOST, port: 0, maxBodyBytes: LIMITS.maxBodyBytes, log, metrics, ready })
  for (const plugin of promptRoutes({ engine, access, log, limits: LIMITS, usage: { add: () => undefined } })) await server.mount(plugin)
  const { url } = await server.listen()
  process.send({ ready: { url } })
}

function neuronOf({ netuid, uid, hotkey, port, version }) {
  return {
    ...{ netuid, uid, hotkey, port, version, ip: LOOPBACK, ipType: 4, stake: BigInt(10_000 + uid) * RAO_PER_TAO },
    ...{ validatorPermit: true, active: true, lastUpdate: 1n, incentive: 0, validatorTrust: 60_000 },
  }
}

await main(JSON.parse(process.argv[2]))
