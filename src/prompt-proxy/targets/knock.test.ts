import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { knock } from './knock.js'

const NEVER = new AbortController().signal

test('an axon that takes connections is there, and one that does not is not', async () => {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await knock({ ip: '127.0.0.1', port }, { allowPrivate: true }, NEVER)
  await new Promise((resolve) => server.close(resolve))
  await expect(knock({ ip: '127.0.0.1', port }, { allowPrivate: true }, NEVER)).rejects.toMatchObject({ returnCode: 'UNAVAILABLE' })
})

test('addresses that are not dialled are not knocked at', async () => {
  for (const ip of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1'])
    await expect(knock({ ip, port: 80 }, {}, NEVER), ip).rejects.toMatchObject({ returnCode: 'BAD_ENDPOINT' })
})

test('a knock that is given up ends', async () => {
  const controller = new AbortController()
  const pending = knock({ ip: '127.0.0.2', port: 9 }, { allowPrivate: true }, controller.signal)
  controller.abort()
  await expect(pending).rejects.toMatchObject({ returnCode: 'UNAVAILABLE' })
})
