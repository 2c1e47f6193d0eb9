import { execFile, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const BUILD = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

let folder: string
beforeAll(async () => {
  await promisify(execFile)(process.execPath, [BUILD])
  folder = await mkdtemp(join(tmpdir(), 'taogate-cli-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs the program in an empty folder with nothing of this process's settings. */
function taogate(args: string[], env: Record<string, string> = {}, onText?: (text: string, child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env } })
  return ended(child, (text) => onText?.(text, child))
}

/** Gathers what a process writes; `onText` sees all of its standard error so far, whenever there is more. */
async function ended(child: ChildProcessWithoutNullStreams, onText: (text: string) => void): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
    onText(err)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

test('wrong settings end the program with status 2 and every problem on a line of its own', async () => {
  const { code, out, err } = await taogate(['--chain', 'kusama', '--port', '99999'], {
    DATABASE_URL: 'mysql://user:hunter2@host/x',
    LOG_LEVEL: 'loud',
  })
  expect(code).toBe(2)
  expect(out).toBe('')
  expect(err.trim().split('\n')).toEqual([
    'CONFIG_INVALID: the configuration is wrong:',
    '  - DATABASE_URL is "mysql://user:***@host/x"; wanted a postgres:// URL',
    '  - --chain is "kusama"; wanted devnet, finney, test, local, or one or more ws:// or wss:// URLs separated by commas',
    '  - --port is "99999"; wanted a whole number from 0 to 65535',
    '  - LOG_LEVEL is "loud"; wanted one of trace, debug, info, warn, error, fatal, silent',
  ])
})

test.each([
  [['--no-such-flag'], "unknown option '--no-such-flag'"],
  [['no-such-command'], 'too many arguments'],
  [['backfill', '--from'], "option '--from <block>' argument missing"],
])('%j is wrong usage', async (args, message) => {
  const { code, err } = await taogate(args)
  expect(code).toBe(2)
  expect(err).toContain(message)
})

test.each([
  [['backfill', '--from', '9', '--to', '5'], '--from 9 --to 5 is no range; wanted two block numbers, the smaller first'],
  [['audit', '--from', '9', '--to', '5'], '--from 9 --to 5 is no range; wanted two block numbers, the smaller first'],
  [['audit', '--to', 'head'], '--from 0 --to head is no range; wanted two block numbers, the smaller first'],
  [['audit', '--netuid', '70000'], '--netuid 70000 is no subnet; wanted a whole number from 0 to 65535'],
  [['audit', '--netuid', '-1'], '--netuid -1 is no subnet; wanted a whole number from 0 to 65535'],
])('%j is refused before anything is opened', async (args, message) => {
  expect(await taogate(args)).toEqual({ code: 2, out: '', err: `CONFIG_INVALID: ${message}\n` })
})

test('--print-config shows what is in force, with secrets masked, and opens nothing', async () => {
  await writeFile(join(folder, 'config.json'), JSON.stringify({ api: { port: 4100, maxDepth: 5 } }))
  const { code, out } = await taogate(['api', '--config', 'config.json', '--port', '4200', '--print-config'], {
    DATABASE_URL: 'postgres://user:hunter2@host/x',
  })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ database: { url: 'postgres://user:***@host/x' }, api: { port: 4200, maxDepth: 5 } })
})

test('a known error is one line without a stack, and status 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, err } = await taogate(['indexer', '--chain', 'local', '--health-port', String(port), '--log-level', 'silent'])
  taken.close()
  expect({ code, err }).toEqual({ code: 1, err: `PORT_IN_USE: port ${port} of 127.0.0.1 is taken; choose another with --health-port\n` })
})

test('Ctrl-C ends a program that still waits for its database, with status 0', async () => {
  const args = ['indexer', '--chain', 'local', '--health-port', '0', '--database-url', 'postgres://u:hunter2@127.0.0.1:1/x']
  let sent = false
  const { code, err } = await taogate(args, {}, (text, child) => {
    if (!sent && text.includes('health and metrics')) sent = child.kill('SIGINT')
  })
  expect(code).toBe(0)
  expect(err).not.toContain('hunter2')
  expect(err).not.toContain('    at ')
})

test('the same Ctrl-C arriving twice is one; a later one ends the program at once', async () => {
  const script = `
    import { watchProcess } from ${JSON.stringify(new URL('../../dist/cli/signals.js', import.meta.url).href)}
    watchProcess({ stop: () => process.stderr.write('stopping;'), fail: () => {} })
    setInterval(() => {}, 1000)
    process.stderr.write('up;')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
  const { code, err } = await ended(child, (text) => {
    if (text.endsWith('up;')) child.kill('SIGINT')
    if (!text.endsWith('stopping;')) return
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGINT'), 800)
  })
  expect({ code, err }).toEqual({ code: 130, err: 'up;stopping;SIGINT again: ending without waiting\n' })
})

test('output that nobody reads any more ends the program in order', async () => {
  const script = `
    import { watchProcess } from ${JSON.stringify(new URL('../../dist/cli/signals.js', import.meta.url).href)}
    const end = (text) => { process.stderr.write(text); process.exit() }
    watchProcess({ stop: (reason) => end('stop: ' + reason), fail: (error) => end('fail: ' + error) })
    setInterval(() => process.stdout.write('one more line\\n'), 10)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
  child.stdout.once('data', () => child.stdout.destroy())
  expect(await ended(child, () => {})).toMatchObject({ code: 0, err: 'stop: nobody reads the output' })
})

test('--version prints the version, --help the commands', async () => {
  const packageJson = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  expect(await taogate(['--version'])).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' })
  const help = await taogate(['--help'])
  expect(help.code).toBe(0)
  for (const command of ['up', 'indexer', 'api', 'backfill', 'audit', 'devnet', 'migrate', 'status', 'docs'])
    expect(help.out).toContain(`  ${command}`)
})
