import { Client, credentials } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryPow, testAccess } from '../../../test/support/memory-pow.js'
import { startGrpcServer, type GrpcServer } from '../../core/grpc/index.js'
import { silentLog } from '../../core/log.js'
import { powGrpc } from './service.js'

const NAME = 'taogate.pow.v1.Registrations'
const PROTOS = join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection')), '../proto')

let server: GrpcServer
let client: Client

beforeAll(async () => {
  const services = [powGrpc({ service: memoryPow(), access: testAccess({ open: true }) })]
  server = await startGrpcServer({ host: '127.0.0.1', port: 0, services, log: silentLog })
  client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
})

afterAll(async () => {
  client.close()
  await server.close()
})

interface Answer {
  listServicesResponse?: { service: { name: string }[] }
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] }
  errorResponse?: { errorCode: number }
}

/** Asks as grpcurl does, by the protocol of that version. */
function ask(version: 'v1' | 'v1alpha', question: object): Promise<Answer> {
  const loaded = loadSync(`grpc/reflection/${version}/reflection.proto`, { includeDirs: [PROTOS], oneofs: true })
  const method = (loaded[`grpc.reflection.${version}.ServerReflection`] as ReturnType<typeof serviceOf>)['ServerReflectionInfo']
  if (method === undefined) throw new Error('no method')
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize)
    call.on('data', (answer: Answer) => (call.end(), resolve(answer)))
    call.on('error', reject)
    call.write(question)
  })
}

function serviceOf(loaded: ReturnType<typeof loadSync>, name: string) {
  const service = loaded[name]
  if (service === undefined || 'format' in service) throw new Error(`no service ${name}`)
  return service
}

describe.each(['v1', 'v1alpha'] as const)('reflection %s', (version) => {
  test('lists the services', async () => {
    const { listServicesResponse } = await ask(version, { listServices: '*' })
    expect(listServicesResponse?.service.map(({ name }) => name).sort()).toEqual(['grpc.health.v1.Health', NAME])
  })

  test('tells enough to call a method, in the words of the file', async () => {
    const { fileDescriptorResponse } = await ask(version, { fileContainingSymbol: NAME })
    const files = fileDescriptorResponse?.fileDescriptorProto ?? []
    const loaded = loadFileDescriptorSetFromBuffer(setOf(files), { keepCase: true, defaults: true, arrays: true })
    const create = serviceOf(loaded, NAME)['Create']
    if (create === undefined) throw new Error('no method')
    const answer = await new Promise((resolve, reject) => {
      const request = { hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', netuids: [1], mode: 'burn', max_cost: '7' }
      client.makeUnaryRequest(create.path, create.requestSerialize, create.responseDeserialize, request, (error, value) =>
        error === null ? resolve(value) : reject(error),
      )
    })
    expect(answer).toMatchObject({ registration: { max_cost: '7', created_at: expect.stringMatching(/^2024-/) } })
    const { fileDescriptorResponse: same } = await ask(version, { fileContainingSymbol: 'taogate.pow.v1.Quote' })
    expect(same?.fileDescriptorProto).toEqual(files)
    expect((await ask(version, { fileContainingSymbol: 'taogate.pow.v1.Nothing' })).errorResponse).toMatchObject({ errorCode: 5 })
  })

  test('every field of the file is there, with its number, and optional where it is', async () => {
    const { fileDescriptorResponse } = await ask(version, { fileContainingSymbol: NAME })
    const loaded = loadFileDescriptorSetFromBuffer(setOf(fileDescriptorResponse?.fileDescriptorProto ?? []), { keepCase: true })
    const told = Object.entries(loaded).flatMap(([name, definition]) => {
      if (!('format' in definition) || name.startsWith('grpc.')) return []
      const { field = [], oneofDecl = [] } = definition.type as {
        field?: { name: string; number: number }[]
        oneofDecl?: { name: string }[]
      }
      // The library tells an optional field as the only one of a choice, which is what it is on the wire.
      const isOptional = (field: string): boolean => oneofDecl.some(({ name }) => name === `_${field}`)
      return field.map((one) => `${name.split('.').at(-1)} ${one.name} ${one.number}${isOptional(one.name) ? ' optional' : ''}`)
    })
    expect(told.sort()).toEqual(fieldsOf(readFileSync(new URL('../../../proto/taogate/pow/v1/pow.proto', import.meta.url), 'utf8')).sort())
    expect(told.length).toBeGreaterThan(80)
  })
})

/** The fields as a plain reading of the file has them. */
function fieldsOf(file: string): string[] {
  let message = ''
  return file.split('\n').flatMap((line) => {
    message = /^message (\w+)/.exec(line)?.[1] ?? message
    const [, label, name, number] = /^ {2}(optional |repeated )?[\w.]+ (\w+) = (\d+);/.exec(line) ?? []
    return name === undefined ? [] : [`${message} ${name} ${number}${label === 'optional ' ? ' optional' : ''}`]
  })
}

/** FileDescriptorSet: the files, each as field 1. */
function setOf(files: readonly Buffer[]): Buffer {
  return Buffer.concat(files.flatMap((file) => [Buffer.of(0x0a, ...varint(file.length)), file]))
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
