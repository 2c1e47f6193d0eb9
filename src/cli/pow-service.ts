import { createHttpServer } from '../core/http/index.js'
import { openMigratedDatabase } from './database.js'
import { connectChain, endpointsOf } from './indexing.js'
import { openGateway, startGrpcOn } from './gateway.js'
import { startPowOn } from './pow.js'
import type { CommandContext } from './run.js'

/** `taogate pow-service`: the registration service alone. */
export async function powService(context: CommandContext): Promise<void> {
  const { config, log, metrics, life, print } = context
  const endpoints = endpointsOf(context)
  const database = await openMigratedDatabase(context)
  const gateway = await openGateway(context, database)
  const { plugin, grpc } = await startPowOn(context, database, await connectChain(context, endpoints), gateway)
  const grpcAddress = await startGrpcOn(context, [grpc])
  const { host, port, maxBodyBytes } = config.api
  const server = await createHttpServer({ name: 'pow service', host, port, maxBodyBytes, log, metrics, ready: () => life.ready() })
  await server.mount(plugin)
  const { url } = await server.listen()
  life.add({ name: 'http', close: () => server.close() })
  print(`Registrations: ${url}${plugin.prefix}`)
  print(`gRPC: ${grpcAddress}`)
  await life.stopping
}
