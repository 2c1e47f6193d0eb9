import { createHttpServer } from '../core/http/index.js'
import { openMigratedDatabase } from './database.js'
import { connectChain, endpointsOf } from './indexing.js'
import { startPowOn } from './pow.js'
import type { CommandContext } from './run.js'

/** `taogate pow-service`: the registration service alone. */
export async function powService(context: CommandContext): Promise<void> {
  const { config, log, metrics, life, print } = context
  const endpoints = endpointsOf(context)
  const database = await openMigratedDatabase(context)
  const { plugin, grpcAddress } = await startPowOn(context, database, await connectChain(context, endpoints))
  const { host, port, maxBodyBytes } = config.api
  const server = await createHttpServer({ name: 'pow service', host, port, maxBodyBytes, log, metrics, ready: () => life.ready() })
  await server.mount(plugin)
  const { url } = await server.listen()
  life.add({ name: 'http', close: () => server.close() })
  print(`Registrations: ${url}${plugin.prefix}`)
  print(`gRPC: ${grpcAddress}`)
  await life.stopping
}
