import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import type { LookupAddress } from 'node:dns'
import { Agent, request } from 'undici'
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../core/units/bytes.js'
import { parseIp } from '../../core/units/ip.js'
import { guardedConnector } from '../dendrite/http/transport.js'
import { addressOfAxon, guardedLookup, hostPort, isDialable, refusalOf } from './address.js'

interface Vectors {
  cases: {
    input: string
    ip_type: number
    u128: string
    hex: string
    le_bytes_u128: string
    canonical_by_type: string
    private_or_special: boolean
  }[]
  axon_strings: { ip_type: number; ip: string; port: number; ip_str: string }[]
  axon_info_scale: { ip: string; port: number; ip_type: number; scale_hex: string }[]
}
const vectors = JSON.parse(readFileSync(new URL('../../../test/fixtures/ip.json', import.meta.url), 'utf8')) as Vectors

/** Not special to Python, and no address of a host of the internet all the same. */
const STRICTER = ['::ffff:1.2.3.4', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '1::']

test.each(vectors.cases)('$input is $u128 and back', (row) => {
  expect(parseIp(row.input)).toEqual({ ip: BigInt(row.u128), ipType: row.ip_type })
  expect(BigInt(row.hex)).toBe(BigInt(row.u128))
  expect(BigInt(`0x${Buffer.from(fromHex(row.le_bytes_u128)).reverse().toString('hex')}`)).toBe(BigInt(row.u128))
  const address = addressOfAxon({ ip: BigInt(row.u128), ipType: row.ip_type, port: 8091 })
  expect(address).toEqual(row.u128 === '0' ? null : { ip: row.canonical_by_type, port: 8091 })
  expect(isDialable(row.canonical_by_type)).toBe(!row.private_or_special && !STRICTER.includes(row.canonical_by_type))
})

test.each(vectors.axon_strings)('$ip_str as something to dial', ({ ip, port, ip_str }) => {
  expect(hostPort({ ip, port })).toBe(ip.includes(':') ? `[${ip}]:${port}` : ip_str.replace('/ipv4/', ''))
})

test.each(vectors.axon_info_scale)('axon info as it is stored', ({ scale_hex, ip, port, ip_type: ipType }) => {
  const bytes = Buffer.from(fromHex(scale_hex))
  const stored = bytes.readBigUInt64LE(12) | (bytes.readBigUInt64LE(20) << 64n)
  expect(stored).toBe(BigInt(ip))
  expect(addressOfAxon({ ip: stored, ipType: bytes.readUInt8(30), port: bytes.readUInt16LE(28) })).toEqual({ ip: '1.2.3.4', port })
  expect(bytes.readUInt8(30)).toBe(ipType)
})

test.each([
  [{ ip: 0n, ipType: 4, port: 8091 }],
  [{ ip: 1n << 40n, ipType: 4, port: 8091 }],
  [{ ip: 16_909_060n, ipType: 5, port: 8091 }],
  [{ ip: 16_909_060n, ipType: 4, port: 0 }],
  [{ ip: 16_909_060n, ipType: 4, port: 65_536 }],
])('%o serves nobody', (info) => {
  expect(addressOfAxon(info)).toBeNull()
})

/** What a server must not be talked into asking: address, and whether a devnet may. */
const REFUSED: [string, boolean][] = [
  ['127.0.0.1', true],
  ['127.255.255.254', true],
  ['10.0.0.1', true],
  ['10.255.255.255', true],
  ['172.16.0.1', true],
  ['172.31.255.255', true],
  ['192.168.0.1', true],
  ['100.64.0.1', true],
  ['100.127.255.255', true],
  ['::1', true],
  ['fc00::1', true],
  ['fdff::1', true],
  ['0.0.0.0', false],
  ['0.1.2.3', false],
  ['100.100.100.200', false],
  ['169.254.169.254', false],
  ['169.254.170.2', false],
  ['169.254.0.1', false],
  ['168.63.129.16', false],
  ['fd00:ec2::254', false],
  ['fd20:ce::254', false],
  ['192.0.0.1', false],
  ['192.0.2.1', false],
  ['198.51.100.1', false],
  ['203.0.113.1', false],
  ['192.88.99.1', false],
  ['198.18.0.1', false],
  ['198.19.255.255', false],
  ['224.0.0.1', false],
  ['239.255.255.255', false],
  ['240.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['::ffff:a9fe:a9fe', false],
  ['::ffff:0:127.0.0.1', false],
  ['::127.0.0.1', false],
  ['64:ff9b::7f00:1', false],
  ['64:ff9b::808:808', false],
  ['64:ff9b:1::1', false],
  ['2002:7f00:1::', false],
  ['2002:a9fe:a9fe::1', false],
  ['2001::1', false],
  ['2001:10::1', false],
  ['2001:20::1', false],
  ['2001:db8::1', false],
  ['3fff::1', false],
  ['5f00::1', false],
  ['100::1', false],
  ['fe80::1', false],
  ['fec0::1', false],
  ['ff02::1', false],
  ['1::', false],
  ['8000::1', false],
  // No addresses, though some resolvers read them as such.
  ['', false],
  ['localhost', false],
  ['2130706433', false],
  ['0x7f000001', false],
  ['0177.0.0.1', false],
  ['127.1', false],
  ['1.2.3.4.', false],
  ['1.2.3.4:80', false],
  ['[::1]', false],
  ['fe80::1%eth0', false],
  ['１２７.0.0.1', false],
]

test.each(REFUSED)('%s is refused (opened on a devnet: %s)', (ip, opened) => {
  expect(isDialable(ip)).toBe(false)
  expect(refusalOf(ip)).not.toBeNull()
  expect(isDialable(ip, { allowPrivate: true })).toBe(opened)
})

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2a00:1450::1',
  '2003::1',
])('%s is of the internet', (ip) => {
  expect(refusalOf(ip)).toBeNull()
})

describe('at the moment of connecting', () => {
  function resolving(...addresses: string[]): Parameters<typeof guardedLookup>[1] {
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    return ((_host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) => done(null, found)) as never
  }

  test('a name gets the addresses that may be dialled, and none at all is an error', async () => {
    const ask = (all: boolean, ...addresses: string[]): Promise<unknown> =>
      new Promise((resolve) => guardedLookup({}, resolving(...addresses))('host', { all }, (error, address) => resolve(error ?? address)))
    expect(await ask(false, '127.0.0.1', '8.8.8.8')).toBe('8.8.8.8')
    expect(await ask(true, '::1', '8.8.8.8', '10.0.0.1', '1.1.1.1')).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '1.1.1.1', family: 4 },
    ])
    expect(await ask(true, '127.0.0.1')).toMatchObject({ code: 'EACCES', message: 'host is not dialled: loopback' })
    expect(await ask(true)).toMatchObject({ code: 'EACCES' })
  })

  test.each(['127.0.0.1', '[::ffff:127.0.0.1]', 'localhost'])('undici does not get to %s', async (host) => {
    let connections = 0
    const server = createServer(() => void connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const dispatcher = new Agent({ connect: guardedConnector(1_000, {}) })
    try {
      const url = `http://${host}:${(server.address() as AddressInfo).port}/`
      await expect(request(url, { dispatcher })).rejects.toMatchObject({ code: 'EACCES' })
      expect(connections).toBe(0)
    } finally {
      await dispatcher.destroy()
      server.close()
    }
  })
})
