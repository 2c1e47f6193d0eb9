import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { access, chown, lstat, readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '../../core/errors.js'

/** Starts programs of PostgreSQL as a user that PostgreSQL accepts. */
export interface Launcher {
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess
  /** Gives a path to the server's user. */
  own(path: string): Promise<void>
  /** How it runs, for the log. */
  readonly as: string
}

interface Account {
  name: string
  uid: number
  gid: number
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv', '/usr/local/bin/setpriv']
/** Capabilities that let a process pass folders it has no permission for, the narrowest first, with their bit in CapEff. */
const CAPABILITIES = [
  { name: 'dac_read_search', bit: 2n, runsFiles: false },
  { name: 'dac_override', bit: 1n, runsFiles: true },
] as const

/**
 * PostgreSQL refuses to run as root. An ordinary user runs it as himself. Root runs it as `postgres` or `nobody` (or as whoever owns
 * the data already), which is simple as long as that user can enter the folders of the program and of the data. He cannot when they
 * lie under a private home such as /root (0700). Opening the home, or moving the data somewhere else behind the user's back, would
 * both surprise; so the server gets one ambient capability that lets it pass through folders, and nothing else of root.
 */
export async function chooseLauncher(options: { programs: string; data: string }): Promise<Launcher> {
  if (process.getuid?.() !== 0) {
    return { as: 'this user', own: () => Promise.resolve(), spawn: (program, args, spawnOptions) => spawn(program, args, spawnOptions) }
  }
  const account = await chooseAccount(options.data)
  const own = (target: string): Promise<void> => chown(target, account.uid, account.gid)
  const blocked = await firstBlocked(
    [path.join(options.programs, 'bin', 'postgres'), path.join(options.programs, 'share'), options.data],
    account,
  )
  if (blocked === null) {
    const drop = { uid: account.uid, gid: account.gid }
    return { as: account.name, own, spawn: (program, args, spawnOptions) => spawn(program, args, { ...spawnOptions, ...drop }) }
  }
  const { setpriv, capability } = await passThrough(blocked, account)
  const prefix = [
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    '--clear-groups',
    '--no-new-privs',
    // access(2) checks as the real user and would ignore the capability otherwise.
    '--securebits=+no_setuid_fixup',
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=-all,+${capability}`,
  ]
  return {
    as: `${account.name} with cap_${capability}`,
    own,
    spawn: (program, args, spawnOptions) => spawn(setpriv, [...prefix, program, ...args], spawnOptions),
  }
}

async function chooseAccount(data: string): Promise<Account> {
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8'))
  const owner = await stat(path.join(data, 'PG_VERSION')).then(
    (s) => accounts.find((a) => a.uid === s.uid && a.uid !== 0),
    () => undefined,
  )
  const account = owner ?? accounts.find((a) => a.name === 'postgres') ?? accounts.find((a) => a.name === 'nobody')
  if (account !== undefined) return account
  throw new AppError(
    'CONFIG_INVALID',
    'PostgreSQL does not run as root, and this system has neither a user "postgres" nor "nobody"; add one, start as another user, or set DATABASE_URL',
  )
}

/** Name, uid and gid of each line of /etc/passwd. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })
}

/** The first folder on the way to one of the paths that the account may not enter; null when it reaches all of them. */
async function firstBlocked(targets: string[], account: Account): Promise<string | null> {
  for (const target of targets) {
    const real = await realpathOfExisting(target)
    for (let at = real; ; at = path.dirname(at)) {
      const { mode, uid, gid } = await lstat(at)
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
      if ((mode & bit) === 0) return at
      if (at === path.dirname(at)) break
    }
  }
  return null
}

/** The path itself, or the nearest folder above it that is there already. */
async function realpathOfExisting(target: string): Promise<string> {
  for (let at = path.resolve(target); ; at = path.dirname(at)) {
    try {
      return await realpath(at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === path.dirname(at)) throw error
    }
  }
}

async function passThrough(blocked: string, account: Account): Promise<{ setpriv: string; capability: string }> {
  const setpriv = await firstExisting(SETPRIV)
  const effective = await readFile('/proc/self/status', 'utf8').then(
    (text) => BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(text)?.[1] ?? '0'}`),
    () => 0n,
  )
  // Installed under a strict umask, the programs themselves are root's alone; passing folders is not enough then.
  const isProgram = (await stat(blocked)).isFile()
  const capability = CAPABILITIES.find(({ bit, runsFiles }) => (effective >> bit) & 1n && (runsFiles || !isProgram))?.name
  if (setpriv !== null && capability !== undefined) return { setpriv, capability }
  const lacks = setpriv === null ? 'setpriv (util-linux) is not installed' : 'this process lacks the capability to let it pass'
  throw new AppError(
    'CONFIG_INVALID',
    `the embedded PostgreSQL runs as user "${account.name}", who may not enter ${blocked}, and ${lacks}; ` +
      'start as an ordinary user, put the program and its data folder where everyone may enter, or set DATABASE_URL',
    { blocked },
  )
}

async function firstExisting(files: readonly string[]): Promise<string | null> {
  for (const file of files) {
    const found = await access(file).then(
      () => true,
      () => false,
    )
    if (found) return file
  }
  return null
}
