/** The registration service on a devnet, with an HTTP server, and workers as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createChainReader, createRpcClient } from '../../src/chain/index.js'
import { createSubmitter } from '../../src/chain/submit/index.js'
import { keyPairOf } from '../../src/chain/submit/keys.js'
import { createAccess, createHttpServer } from '../../src/core/http/index.js'
import { silentLog } from '../../src/core/log.js'
import { createMetrics } from '../../src/core/metrics.js'
import type { Hex } from '../../src/core/records.js'
import { startDevnet, type Devnet } from '../../src/devnet/index.js'
import { openJobs, type JobsTiming } from '../../src/jobs/index.js'
import {
  createHashPool,
  createProxySender,
  createRegistrationClient,
  openJournal,
  powRoutes,
  startPow,
  submitWork,
  type HashPool,
} from '../../src/pow-service/index.js'
import { createApiKeyStore, createPool, createRegistrationStore } from '../../src/store/index.js'
import { eventually } from './waiting.js'

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface PowWorldOptions {
  databaseUrl: string
  redisUrl?: string
  blockMs?: number
  /** Difficulty of every subnet. */
  difficulty?: bigint
  /** CPU threads of the service's own. */
  threads?: number
  timing?: Partial<JobsTiming>
  /** A devnet that is kept, to be stopped and started under the service. */
  devnetDir?: string
  /** A node in place of a devnet. */
  nodeUrl?: string
  /** Offers proxy mode, with //Alice as the proxy, on a devnet that has proxies. */
  proxy?: boolean
  /** A devnet that sells places and takes no work, as runtimes from spec 401 on do. */
  paid?: boolean
}

export async function startPowWorld(options: PowWorldOptions) {
  const { databaseUrl, redisUrl, blockMs = 500, difficulty, threads = 1, timing, devnetDir, nodeUrl, proxy = false, paid = false } = options
  const folder = await mkdtemp(join(tmpdir(), 'taogate-pow-'))
  let devnet = nodeUrl === undefined ? await bootDevnet(0) : null
  const rpc = createRpcClient({ endpoints: [nodeUrl ?? devnet?.url ?? ''], log: silentLog })
  const reader = createChainReader(rpc)
  const genesisHash = await reader.hashOf(0)
  if (difficulty !== undefined)
    await set({
      Difficulty: [
        [[1], String(difficulty)],
        [[2], String(difficulty)],
      ],
    })
  const metrics = createMetrics()
  const pool = createPool({ url: databaseUrl, applicationName: 'pow test', maxConnections: 5, log: silentLog })
  const store = createRegistrationStore({ pool })
  const workers = new Set<ChildProcess>()
  let service = await boot()

  async function bootDevnet(port: number): Promise<Devnet> {
    const kept = devnetDir === undefined ? {} : { dataDir: devnetDir }
    return startDevnet({
      blockMs,
      port,
      subnets: 2,
      neurons: 16,
      cast: false,
      finalityLag: 1,
      log: silentLog,
      ...kept,
      later: { proxies: proxy, paidRegistration: paid },
    })
  }

  async function set(items: Record<string, unknown>): Promise<unknown> {
    return rpc.request('dev_setStorage', [{ SubtensorModule: items }])
  }

  async function proxySender() {
    if (!proxy) return null
    const submitter = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: blockMs })
    return createProxySender({ submitter, pair: await keyPairOf('//Alice'), isLocal: true })
  }

  async function boot() {
    const jobs = await openJobs({ redisUrl, databaseUrl, log: silentLog, metrics: createMetrics(), timing })
    const solvers: HashPool | null = await createHashPool({ solver: 'auto', threads, nice: 0, log: silentLog, metrics: createMetrics() })
    const stop = new AbortController()
    const pow = await startPow({
      ...{
        rpc,
        reader,
        genesisHash,
        isLocal: true,
        store,
        jobs,
        pool: solvers,
        proxy: await proxySender(),
        metrics: createMetrics(),
        log: silentLog,
      },
      ...{ signal: stop.signal, config: { maxActive: 50, maxSolutions: 1000, maxDeadlineHours: 1 } },
    })
    const access = createAccess({ keys: createApiKeyStore({ pool }), open: 'loopback', requestsPerMinute: 100_000 })
    const http = await createHttpServer({
      ...{ name: 'pow', host: '127.0.0.1', port: 0, maxBodyBytes: 65_536, log: silentLog, metrics, ready: () => pow.ready() },
    })
    await http.mount(powRoutes({ service: pow, access, log: silentLog }))
    const { url } = await http.listen()
    return {
      url,
      pow,
      async close() {
        await http.close()
        await pow.close()
        await solvers?.close()
        await jobs.close()
        stop.abort()
      },
    }
  }

  /** Starts a worker and waits until it solves for this service. */
  async function startWorker(): Promise<ChildProcess> {
    const place = redisUrl === undefined ? ['--database-url', databaseUrl] : ['--redis-url', redisUrl]
    const args = [PROGRAM, 'pow-worker', ...place, '--solver', 'portable', '--pow-threads', '1', '--pow-nice', '0', '--log-format', 'json']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    workers.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await eventually('the worker takes orders', () => {
      if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}: ${output}`)
      return output.includes('takes orders')
    })
    return child
  }

  async function customer(name: string) {
    const [pair, cold] = await Promise.all([keyPairOf(`//customer//${name}`), keyPairOf(`//customer//${name}//cold`)])
    const submitter = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: blockMs })
    const client = createRegistrationClient({ url: service.url })
    const signal = AbortSignal.timeout(120_000)
    return {
      ...{ pair, cold, submitter, client },
      ask: (netuids = [1]) => client.create({ hotkey: pair.address, coldkey: cold.address, netuids }),
      submit: (id: string) =>
        submitWork({
          ...{ client, id, pair, coldkey: cold.publicKey, submitter, journal: openJournal(join(folder, name), genesisHash) },
          ...{ isLocal: true, log: silentLog, signal, onNews: () => undefined },
        }),
    }
  }

  /** All events of the chain up to its head. */
  async function events() {
    const head = Number((await rpc.request<{ number: string }>('chain_getHeader', [])).number)
    const all: ReturnType<Awaited<ReturnType<typeof reader.runtimeOf>>['decodeEvents']> = []
    for (let height = 1; height <= head; height++) {
      const [block] = await reader.reading().blocks(height, [await reader.hashOf(height)])
      const runtime = await reader.runtimeOf(height)
      all.push(...runtime.decodeEvents(Buffer.from((block?.events ?? '0x').slice(2), 'hex')))
    }
    return all
  }

  return {
    ...{ folder, rpc, reader, store, pool, set, startWorker, customer, genesisHash },
    url: () => service.url,
    service: () => service.pow,
    /** Every registration of a hotkey that the chain has made. */
    async registrations(hotkey: Hex): Promise<number> {
      let count = 0
      for (const { name, values } of await events()) if (name === 'NeuronRegistered' && values()[2] === hotkey) count++
      return count
    },
    events,
    /** Ends the service as it is and starts another one on the same data. */
    async restartService() {
      await service.close()
      service = await boot()
    },
    async killWorker(child: ChildProcess) {
      workers.delete(child)
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    /** Stops the node, and has it back on the same port and data. */
    async nodeAway(ms: number) {
      if (devnet === null) throw new Error('this world has no devnet')
      const { port } = devnet
      await devnet.close()
      await new Promise((resolve) => setTimeout(resolve, ms))
      devnet = await bootDevnet(port)
    },
    async [Symbol.asyncDispose]() {
      for (const child of workers) child.kill('SIGKILL')
      await service.close()
      await pool.end()
      await rpc.close()
      await devnet?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type PowWorld = Awaited<ReturnType<typeof startPowWorld>>
