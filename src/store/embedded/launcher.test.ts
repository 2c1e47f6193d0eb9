import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { chooseLauncher, parsePasswd } from './launcher.js'

test('accounts are read from passwd lines, whatever else is in the file', () => {
  expect(parsePasswd('root:x:0:0:root:/root:/bin/bash\n\n# note\nnobody:x:65534:65534::/:/bin/false\n')).toEqual([
    { name: 'root', uid: 0, gid: 0 },
    { name: 'nobody', uid: 65534, gid: 65534 },
  ])
})

/** Runs `id -u` the way the server would run, from a program folder with the given mode. */
async function userId(mode: number): Promise<{ uid: number; as: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'taogate-launcher-'))
  try {
    await mkdir(path.join(folder, 'bin'))
    await mkdir(path.join(folder, 'data'))
    await chmod(folder, mode)
    const launcher = await chooseLauncher({ programs: folder, data: path.join(folder, 'data') })
    await launcher.own(path.join(folder, 'data'))
    const child = launcher.spawn('/bin/sh', ['-c', `cd ${folder}/data && id -u`], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await once(child, 'close')
    return { uid: Number(output), as: launcher.as }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test.runIf(process.getuid?.() === 0)(
  'root starts the server as somebody else, who gets through a private folder by one capability only',
  async () => {
    const open = await userId(0o755)
    expect(open.uid).toBeGreaterThan(0)
    expect(open.as).toMatch(/^\w+$/)
    const closed = await userId(0o700)
    expect(closed.uid).toBe(open.uid)
    expect(closed.as).toMatch(/^\w+ with cap_dac_/)
  },
)

test.runIf(process.getuid?.() !== 0)('an ordinary user starts the server himself', async () => {
  expect(await userId(0o700)).toEqual({ uid: process.getuid?.(), as: 'this user' })
})
