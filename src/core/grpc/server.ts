import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { AppError, errorMessage } from '../errors.js'
import { CLOSING, type Readiness, type Service } from '../lifecycle.js'
import type { Logger } from '../log.js'
import { createCalls, type Calls, type GrpcMethod } from './calls.js'
import { healthService } from './health.js'
import { loadDescriptors, loadService } from './proto.js'

/** A service of a `.proto` file with its methods. */
export interface GrpcService {
  /** Path under `proto/`. */
  proto: string
  /** With the package: `taogate.pow.v1.Registrations`. */
  name: string
  /** Every method of the service, by its name in the file. */
  methods: Record<string, GrpcMethod>
}

export interface GrpcLimits {
  /** Largest message that is taken, and that is sent, in bytes. */
  maxReceiveBytes: number
  maxSendBytes: number
  /** Calls at once on one connection. */
  maxStreams: number
  /** A quiet connection is pinged this often, and cut when no answer came for so long. */
  keepaliveMs: number
  keepaliveTimeoutMs: number
  /** A connection without calls is closed after this. */
  idleMs: number
  /** How long calls under way may take to finish when the server stops. */
  drainMs: number
}

export interface GrpcServerOptions {
  /** Name of the service in logs and reports. */
  name?: string
  host: string
  /** 0 picks a free one. */
  port: number
  services: readonly GrpcService[]
  log: Logger
  limits?: Partial<GrpcLimits>
  /** What the health service tells; without it, that all is well until the server stops. */
  ready?: () => Promise<Readiness>
}

export interface GrpcServer extends Service {
  readonly port: number
}

const LIMITS: GrpcLimits = {
  maxReceiveBytes: 65_536,
  maxSendBytes: 4_194_304,
  maxStreams: 100,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  idleMs: 300_000,
  drainMs: 5_000,
}

/**
 * Starts a gRPC server without TLS: the given services, reflection and the standard health service. Errors of methods become statuses by the
 * table of errors. On close, streams are ended at once, and other calls may finish for `drainMs`. Throws PORT_IN_USE.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { name = 'grpc', host, log } = options
  const limits = { ...LIMITS, ...options.limits }
  // It would write what goes wrong to standard error by itself; all of that arrives as errors, too.
  setLogVerbosity(logVerbosity.NONE)
  let closing: Promise<void> | undefined
  const ready = async (): Promise<Readiness> => {
    if (closing !== undefined) return { ok: false, reasons: [`${name}: stopping`] }
    return options.ready === undefined ? { ok: true } : options.ready()
  }
  const services = [...options.services, healthService({ names: options.services.map((service) => service.name), ready })]
  const calls = createCalls(log)
  const server = new Server({
    'grpc.max_receive_message_length': limits.maxReceiveBytes,
    'grpc.max_send_message_length': limits.maxSendBytes,
    'grpc.max_concurrent_streams': limits.maxStreams,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.idleMs,
    'grpc.enable_channelz': 0,
  })
  for (const service of services) {
    const definition = loadService(service.proto, service.name)
    server.addService(definition, implementationOf(service, definition, calls))
  }
  new ReflectionService(loadDescriptors(services.map(({ proto }) => proto)), {
    services: services.map((service) => service.name),
  }).addToServer(server)

  const port = await bind(server, host, options.port)
  log.info({ address: addressOf(host, port) }, 'grpc listens')
  const close = async (): Promise<void> => {
    const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    // Those who watch something would stay for as long as it lasts.
    calls.abortStreams(stopping())
    if (await isLate(drained, limits.drainMs)) {
      calls.abortAll(stopping())
      // A moment for the statuses of what was just ended.
      await isLate(drained, 100)
      server.forceShutdown()
    }
  }
  return {
    name,
    port,
    ready: () => Promise.resolve(closing === undefined ? { ok: true } : { ok: false, reasons: [`${name}: stopping`] }),
    close: () => (closing ??= close()),
  }
}

function stopping(): AppError {
  return new AppError('ABORTED', 'the server is stopping', { reason: CLOSING })
}

function implementationOf({ proto, methods }: GrpcService, definition: ServiceDefinition, calls: Calls): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {}
  for (const [method, { path, requestStream, responseStream }] of Object.entries(definition)) {
    const ours = methods[method]
    if (ours === undefined || requestStream || responseStream !== 'stream' in ours)
      throw new Error(`${path} is not implemented as ${proto} has it`)
    implementation[method] = 'stream' in ours ? calls.stream(path, ours.stream) : calls.unary(path, ours.unary)
  }
  return implementation
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(addressOf(host, port), ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) return resolve(bound)
      server.forceShutdown()
      // The library passes on the text alone.
      if (!errorMessage(error).includes('EADDRINUSE')) return reject(error)
      reject(new AppError('PORT_IN_USE', `port ${port} of ${host} is taken; choose another with --grpc-port`, { host, port }, error))
    })
  })
}

function addressOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function isLate(done: Promise<void>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, waitMs, true)))
  return Promise.race([done.then(() => false), late]).finally(() => clearTimeout(timer))
}
