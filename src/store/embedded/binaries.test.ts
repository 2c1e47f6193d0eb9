import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { libraryEnv, linkMissingLibraries, locateBinaries } from './binaries.js'

let folder: string
let native: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'taogate-binaries-'))
  native = path.join(folder, 'package/native')
  await mkdir(path.join(native, 'lib'), { recursive: true })
  const links = ['libicu.so', 'libicu.so.60'].map((name) => ({ source: 'native/lib/libicu.so.60.2', target: `native/lib/${name}` }))
  await writeFile(path.join(native, 'pg-symlinks.json'), JSON.stringify(links))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('links that the installer did not make are made in a folder of ours, which joins the library path', async () => {
  await symlink('libicu.so.60.2', path.join(native, 'lib/libicu.so'))
  const made = path.join(folder, 'data/lib')
  const libraryPath = await linkMissingLibraries(native, made)
  expect(libraryPath).toBe(`${made}:${native}/lib`)
  expect(await readdir(made)).toEqual(['libicu.so.60'])
  expect(await readlink(path.join(made, 'libicu.so.60'))).toBe(path.join(native, 'lib/libicu.so.60.2'))
  // A second start, perhaps of a newer package, makes them anew.
  expect(await linkMissingLibraries(native, made)).toBe(libraryPath)
})

test('a complete package needs no folder', async () => {
  for (const name of ['libicu.so', 'libicu.so.60']) await symlink('libicu.so.60.2', path.join(native, 'lib', name))
  expect(await linkMissingLibraries(native, path.join(folder, 'lib'))).toBeNull()
  expect(await readdir(folder)).toEqual(['package'])
})

test('the library path reaches the environment only where there is one', () => {
  const env = { TZ: 'UTC' }
  expect(libraryEnv(null, env)).toBe(env)
  expect(Object.values(libraryEnv('/a:/b', env))).toEqual(['UTC', '/a:/b'])
})

test('a machine that npm brings no PostgreSQL for is told to use DATABASE_URL', async () => {
  await expect(locateBinaries('aix', 'ppc64')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/aix-ppc64.*DATABASE_URL/) as string,
  })
  expect((await locateBinaries()).postgres).toMatch(/native.bin.postgres/)
})
