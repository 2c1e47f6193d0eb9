/** A devnet whose validators answer, as `taogate up` and `taogate devnet` start it. */
import { afterEach, expect, test } from 'vitest'
import { createChainReader, createRpcClient } from '../chain/index.js'
import { loadConfig } from '../core/config/index.js'
import { createLifecycle, type Lifecycle } from '../core/lifecycle.js'
import { silentLog } from '../core/log.js'
import type { Hex } from '../core/records.js'
import { formatIp } from '../core/units/ip.js'
import { encodeSs58 } from '../core/units/ss58.js'
import { startDevnet } from '../devnet/index.js'
import { createEpistulaDendrite } from '../prompt-proxy/dendrite/epistula/dendrite.js'
import { createGrpcDendrite } from '../prompt-proxy/dendrite/grpc/dendrite.js'
import { createHttpDendrite } from '../prompt-proxy/dendrite/http/dendrite.js'
import { createProtocolOf } from '../prompt-proxy/targets/protocol.js'
import { startDevnetAxons } from './devnet-axons.js'

const lives: Lifecycle[] = []
afterEach(async () => {
  for (const life of lives.splice(0)) await life.stop('done')
})

function contextOf(devnet: Record<string, string>) {
  const life = createLifecycle({ log: silentLog })
  lives.push(life)
  const flags = Object.fromEntries(Object.entries({ seed: 'axons', ...devnet }).map(([name, value]) => [`devnet.${name}`, value]))
  return { config: loadConfig({ flags, env: {} }), log: silentLog, life }
}

test('everybody but the gateway can be asked on the protocol that the chain says, and on Epistula on subnet 2', async () => {
  const context = contextOf({ neurons: '16' })
  const { axons, gatewayPair } = await startDevnetAxons(context)
  const chain = context.life.add(await startDevnet({ ...context.config.devnet, port: 0, axons, blockMs: null, log: silentLog }))
  chain.newBlock({ count: 16 })

  const rpc = createRpcClient({ endpoints: [chain.url], log: silentLog })
  context.life.add({ name: 'rpc', close: () => rpc.close() })
  const state = await createChainReader(rpc).reading().stateAt(chain.best.number)
  const options = { pair: gatewayPair, allowPrivate: true }
  const dendrites = { grpc: createGrpcDendrite(options), http: createHttpDendrite(options), epistula: createEpistulaDendrite(options) }
  for (const [name, dendrite] of Object.entries(dendrites)) context.life.add({ name, close: () => dendrite.close() })

  const asked: [netuid: number, protocol: string][] = []
  const answers = new Map<string, string>()
  const protocolOf = createProtocolOf(new Map([[2, 'epistula']]))
  for (const netuid of [1, 2]) {
    for (const { args, value } of await state.entries('SubtensorModule', 'Axons', netuid)) {
      const axon = value as { ip: bigint; ip_type: number | bigint; port: number | bigint; version: number | bigint }
      const ip = formatIp(axon.ip, Number(axon.ip_type))!
      if (!ip.startsWith('127.')) continue
      const hotkey = encodeSs58(args.at(-1) as Hex)
      expect(hotkey).not.toBe(gatewayPair.address)
      const version = Number(axon.version)
      const protocol = protocolOf(netuid, version)!
      const target = { netuid, uid: 0, hotkey, ip, port: Number(axon.port), version }
      const messages = [{ role: 'user', content: 'repeat hello' }]
      const call = { messages, stream: true, timeoutMs: 5_000, maxBytes: 10_000, signal: context.life.signal }
      let text = ''
      for await (const piece of dendrites[protocol].prompt(target, call)) text += piece
      expect(text).toMatch(new RegExp(`^\\[mock validator ${hotkey}, SDK [\\d.]+, a stand-in without a model\\] hello$`))
      asked.push([netuid, protocol])
      answers.set(`${netuid} ${hotkey}`, text)
    }
  }
  expect(asked.map(([netuid, protocol]) => `${netuid} ${protocol}`).sort()).toEqual([
    ...['1 grpc', '1 http', '1 http'],
    ...['2 epistula', '2 epistula', '2 epistula'],
  ])
  expect(answers.size).toBe(6)
})

test('the gateway is a validator of the chain; where there is only one, it leaves that one to be asked', async () => {
  const [many, few] = await Promise.all([startDevnetAxons(contextOf({})), startDevnetAxons(contextOf({ neurons: '4', subnets: '1' }))])
  const choice = ({ axons }: typeof many, hotkey: string) => axons?.({ netuid: 1, hotkey, place: 0, isValidator: true })
  expect(choice(many, many.gatewayPair.address)).toBeUndefined()
  // Accounts follow from the seed alone, so place 0 is the same on both.
  expect(choice(few, many.gatewayPair.address)).toMatchObject({ ip: 0x7f000002n, version: 534 })
  expect(few.gatewayPair.address).not.toBe(many.gatewayPair.address)
  expect(choice(few, few.gatewayPair.address)).toBeUndefined()
})
