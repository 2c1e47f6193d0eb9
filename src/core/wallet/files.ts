/** Key files on disk. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, errorMessage } from '../errors.js'

/** A key file is a line; what is larger is something else. */
export const MAX_KEY_FILE_BYTES = 64 * 1024
const OTHERS_MAY = 0o077

/** The bytes of a key file. Throws BAD_INPUT when it cannot be read or is no such size. */
export async function readKeyFile(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    if (size > MAX_KEY_FILE_BYTES) throw new AppError('BAD_INPUT', `${path} has ${size} bytes, which no key file has`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('BAD_INPUT', `the key file ${path} cannot be read: ${errorMessage(error)}`)
  }
}

/** All bytes of a stream, `maxBytes` at most; `name` is for the message of the BAD_INPUT otherwise. */
export async function readStream(stream: AsyncIterable<Uint8Array | string>, maxBytes: number, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as string)
    size += bytes.length
    if (size > maxBytes) throw new AppError('BAD_INPUT', `${name} has more than ${maxBytes} bytes, which is too much`)
    chunks.push(bytes)
  }
  const all = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return all
}

/** What the owner of a secret file should hear about who else may read it. */
export async function permissionWarnings(path: string): Promise<string[]> {
  const { mode } = await stat(path)
  if (process.platform === 'win32' || (mode & OTHERS_MAY) === 0) return []
  return [`${path} can be read by others (mode ${(mode & 0o777).toString(8)}); make it 600`]
}

/**
 * Writes a file of mode 0600 that is there whole or not at all, and survives a power cut. Folders on the way are made, for the owner alone. Throws
 * REFUSED when there is such a file already, unless `overwrite`.
 */
export async function writeSecretFile(path: string, content: Uint8Array, overwrite = false): Promise<void> {
  const folder = dirname(path)
  const draft = join(folder, `.${randomBytes(8).toString('hex')}.tmp`)
  await makeFolder(folder)
  try {
    await writeThrough(draft, content)
    // A link is refused where a name is taken; a rename is not.
    if (overwrite) await rename(draft, path)
    else await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new AppError('REFUSED', `${path} is there already, and is not overwritten`)
    throw new AppError('REFUSED', `${path} cannot be written: ${errorMessage(error)}`)
  } finally {
    await rm(draft, { force: true })
  }
  await syncFolder(folder)
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new AppError('REFUSED', `the folder ${path} cannot be made: ${errorMessage(error)}`)
  }
}

async function writeThrough(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Not every system lets a folder be opened; the file itself is safe by then. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
