#!/usr/bin/env node
// What the prompt proxy costs: the time it adds to asking the same mock axon directly, requests by CPU time beside a public gateway in the same run, and its memory with
// many open streams. Every row has its turn in each round, so that whatever else the machine does is spread over all; medians. Upstream, gateways and load are processes
// of their own.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compared, openBaseline, thisMachine } from './lib/baseline.mjs'
import { epistulaAsker, gatewayAsker, grpcAxonAsker, httpAxonAsker, openAiAsker } from './prompt/askers.mjs'
import { startChild } from './prompt/children.mjs'
import { median, percentile, runLoad } from './prompt/load.mjs'
import { installPortkey, PORTKEY, portkeyHeaders, startPortkey } from './prompt/portkey.mjs'
import { measureStreams } from './prompt/streams.mjs'
import { MANY_AXONS, SUBNETS } from './prompt/world.mjs'

const USAGE = `
npm run bench:prompt        measures the prompt proxy of dist/ (npm run build), beside ${PORTKEY}, which it installs into a temporary folder

  --rounds N         turns of each row (default 5)
  --seconds S        length of a turn (default 3)
  --concurrency N    callers at once (default 50)
  --answer-ms A-B    how long answers take where time is measured (default 50-150)
  --streams N        open streams (default 2000; 0: none)
  --no-portkey       the proxy alone
  --only TEXT        only rows with that in their name
  --save             keep the results in bench/baseline.json
`
/** Answers take that long where time is measured: the machine is then busy, and not full. Milliseconds. */
const ANSWER_MS = '50-150'
/** Where CPU time is measured, upstreams answer at once, and all that comes is load. */
const FULL = { waitMs: [0, 0], gapMs: 0 }
/** So many requests before anything is measured: by then the compiler has done its work. */
const WARM_UP = { ...FULL, requests: 3000 }

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '50' },
    'answer-ms': { type: 'string', default: ANSWER_MS },
    streams: { type: 'string', default: '2000' },
    'no-portkey': { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const concurrency = Number(flags.concurrency)
const seconds = Number(flags.seconds)
const LATENCY = { waitMs: flags['answer-ms'].split('-').map(Number), gapMs: 5 }

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  if (!existsSync(new URL('../dist/main.js', import.meta.url))) throw new Error('dist/main.js is not there: npm run build')
  const baseline = openBaseline('prompt')
  console.log(`prompt proxy on ${thisMachine()}${baseline.machine ? `; baseline from ${baseline.machine}` : '; no baseline yet'}`)
  const folder = mkdtempSync(join(tmpdir(), 'taogate-bench-prompt-'))
  const children = []
  const start = async (starting) => {
    const child = await starting
    children.push(child)
    return child
  }
  try {
    const upstream = await start(startChild(fileURLToPath(new URL('prompt/upstream.mjs', import.meta.url))))
    const proxy = await start(startProxy(upstream))
    const script = flags['no-portkey'] ? null : installPortkey(folder)
    const portkey = script === null ? null : await start(startPortkey(script))
    const results = await measureRows(rowsOf({ upstream, proxy, portkey }), baseline)
    await proxy.close()
    if (Number(flags.streams) > 0) results['open streams'] = await openStreams(upstream, baseline)
    if (flags.save) baseline.save(results)
  } finally {
    await Promise.all(children.map((child) => child.close()))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Without its database and its chain, which no request waits for. */
function startProxy({ axons }) {
  return startChild(fileURLToPath(new URL('prompt/proxy.mjs', import.meta.url)), { args: [JSON.stringify(axons)] })
}

/** What is measured: a gateway, how it is asked, and how what is behind it is asked directly. */
function rowsOf({ upstream, proxy, portkey }) {
  const axonOf = (netuid) => upstream.axons.find((axon) => axon.netuid === netuid)
  const ours = (netuid, stream) => gatewayAsker(proxy.url, { model: `bittensor/sn${netuid}`, stream })
  const axon = { http: axonOf(SUBNETS.http), grpc: axonOf(SUBNETS.grpc), epistula: axonOf(SUBNETS.epistula) }
  const rows = [false, true].flatMap((stream) => {
    const row = (name, gateway, direct, through) => ({ name: `${name}${stream ? ', stream' : ''}`, stream, gateway, direct, through })
    const all = [
      row(
        'HTTP axon',
        proxy,
        () => httpAxonAsker(axon.http, stream),
        () => ours(SUBNETS.http, stream),
      ),
      row(
        'gRPC axon',
        proxy,
        () => grpcAxonAsker(axon.grpc),
        () => ours(SUBNETS.grpc, stream),
      ),
      row(
        'Epistula axon',
        proxy,
        () => epistulaAsker(axon.epistula, stream),
        () => ours(SUBNETS.epistula, stream),
      ),
    ]
    if (portkey === null) return all
    const headers = portkeyHeaders(upstream.openAiPort)
    const direct = () => openAiAsker(upstream.openAiPort, stream)
    return [...all, row('Portkey', portkey, direct, () => gatewayAsker(portkey.url, { model: 'mock', stream, headers }))]
  })
  // The answer of an axon without streams comes in one piece: it has no gaps.
  return rows.map((one) => ({ ...one, gaps: one.stream && !one.name.startsWith('gRPC') })).filter(({ name }) => name.includes(flags.only))
}

async function measureRows(rows, baseline) {
  const turns = new Map(rows.map(({ name }) => [name, []]))
  for (const row of rows) await askedBy(row.through, (asker) => runLoad(asker, { ...WARM_UP, concurrency, stream: row.gaps }))
  for (let round = 0; round < Number(flags.rounds); round++) for (const row of rows) turns.get(row.name).push(await turnOf(row))

  const results = {}
  for (const { name } of rows) {
    const of = (field) => Number(median(turns.get(name).map((turn) => turn[field])).toFixed(3))
    results[name] = Object.fromEntries(Object.keys(turns.get(name)[0]).map((field) => [field, of(field)]))
  }
  for (const { name, stream } of rows) report(name, stream, results, baseline.get(name))
  return results
}

/** What the gateway added to the time of a direct request, and how many requests a second of its CPU time was enough for. */
async function turnOf({ gateway, direct, through, stream, gaps }) {
  const load = { ...LATENCY, concurrency, seconds, stream: gaps }
  const alone = await askedBy(direct, (asker) => runLoad(asker, load))
  const [with_, full] = await askedBy(through, async (asker) => [
    await runLoad(asker, load),
    await metered(gateway, () => runLoad(asker, { ...FULL, concurrency, seconds, stream: gaps })),
  ])
  const added = (share, what) => percentile(with_[what], share) - percentile(alone[what], share)
  // Of a stream, what a reader waits for is its first piece.
  const what = stream ? 'first' : 'whole'
  return { p50Ms: added(0.5, what), p99Ms: added(0.99, what), directP50Ms: percentile(alone[what], 0.5), ...full }
}

async function metered(gateway, run) {
  const before = await gateway.usage()
  const { requests, seconds: wall } = await run()
  const after = await gateway.usage()
  return { perCpuSecond: requests / ((after.cpuMs - before.cpuMs) / 1000), perSecond: requests / wall }
}

async function askedBy(make, run) {
  const asker = await make()
  try {
    return await run(asker)
  } finally {
    await asker.close()
  }
}

function report(name, stream, results, before) {
  const { p50Ms, p99Ms, perCpuSecond, perSecond } = results[name]
  const portkey = results[stream ? 'Portkey, stream' : 'Portkey']
  const times = portkey === undefined || name.startsWith('Portkey') ? '' : `, ${(perCpuSecond / portkey.perCpuSecond).toFixed(2)}x Portkey`
  console.log(
    `${name}: adds ${compared(p50Ms, before?.p50Ms, 2)} ms at p50, ${compared(p99Ms, before?.p99Ms, 2)} ms at p99 ${stream ? 'to the first piece' : 'to the answer'}; ` +
      `${compared(perCpuSecond, before?.perCpuSecond)} requests a CPU second${times} (${perSecond.toFixed(0)}/s by the clock)`,
  )
}

async function openStreams(upstream, baseline) {
  const before = baseline.get('open streams')
  const proxy = await startProxy(upstream)
  try {
    const asker = gatewayAsker(proxy.url, { model: `bittensor/sn${SUBNETS.many}`, stream: true, connections: Number(flags.streams) })
    const { open, idleRssMb, rssMb } = await measureStreams(asker, proxy, Number(flags.streams))
    await asker.close()
    console.log(
      `${open} open streams to ${MANY_AXONS} axons: ${compared(rssMb, before?.rssMb)} MB resident at most, ${idleRssMb.toFixed(0)} MB before`,
    )
    return { open, rssMb: Math.round(rssMb), idleRssMb: Math.round(idleRssMb) }
  } finally {
    await proxy.close()
  }
}

await main()
