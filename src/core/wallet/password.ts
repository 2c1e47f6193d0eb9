/** Where passwords come from: a file, the environment, a terminal. All are UTF-8 bytes, which whoever uses them overwrites. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { AppError, errorMessage } from '../errors.js'
import { readStream } from './files.js'

/** The password of a key file, named by its path. Each call gives bytes of their own. */
export type PasswordSource = (file: string) => Promise<Uint8Array>

export type Environment = Readonly<Record<string, string | undefined>>

/** What of a terminal is needed; `process.stdin` and `process.stderr` are. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly output: { write(text: string): unknown }
}

const MAX_PASSWORD_BYTES = 1024
const PYTHON_PREFIX = 'BT_COLD_PW_'
const RUST_PREFIX = 'BT_PW_'

/** A password from the environment if one is set for the file, otherwise from `otherwise`. */
export function passwordSource({ env, otherwise }: { env: Environment; otherwise: PasswordSource }): PasswordSource {
  return async (file) => passwordFromEnv(env, file) ?? (await otherwise(file))
}

/** The same password for every file. */
export function fixedPassword(password: Uint8Array): PasswordSource {
  return async () => Uint8Array.from(password)
}

/**
 * The password that the environment holds for a key file, or null. Rust wallets name a variable after the path and hide the value a little; Python
 * wallets name one after the wallet whose coldkey it is. Throws BAD_INPUT when a Rust value is not what they write.
 */
export function passwordFromEnv(env: Environment, file: string): Uint8Array | null {
  const path = resolve(file)
  const rustName = rustVariable(path)
  const hidden = env[rustName]
  if (hidden !== undefined && hidden !== '') return reveal(hidden, rustName)
  if (basename(path) !== 'coldkey') return null
  const name = pythonVariable(env, basename(dirname(path)))
  return name === undefined ? null : Buffer.from(env[name] as string)
}

/** The content of a file, or of standard input for `-`, without the line end behind it. */
export async function passwordFromFile(path: string, stdin: AsyncIterable<Uint8Array | string> = process.stdin): Promise<Uint8Array> {
  const name = path === '-' ? 'standard input' : path
  const bytes = path === '-' ? await readStream(stdin, MAX_PASSWORD_BYTES, name) : await readPasswordFile(path)
  if (bytes.length > MAX_PASSWORD_BYTES) throw new AppError('BAD_INPUT', `${name} is too long for a password`)
  const text = bytes.toString('latin1')
  const length = text.replace(/\r?\n$/, '').length
  if (length === 0) throw new AppError('BAD_INPUT', `${name} is empty; wanted a password`)
  const password = Uint8Array.from(bytes.subarray(0, length))
  bytes.fill(0)
  return password
}

/** Asks at a terminal, without showing what is typed. Throws BAD_INPUT where there is none, ABORTED on Ctrl-C. */
export async function askPassword(question: string, { input, output }: Terminal): Promise<Uint8Array> {
  if (input.isTTY !== true || input.setRawMode === undefined)
    throw new AppError('BAD_INPUT', 'a password is needed, and standard input is no terminal to ask for it')
  output.write(question)
  input.setRawMode(true)
  try {
    return await readLine(input)
  } finally {
    input.setRawMode(false)
    output.write('\n')
  }
}

/** Asks for the password of a file at a terminal. */
export function terminalPassword(terminal: Terminal = { input: process.stdin, output: process.stderr }): PasswordSource {
  return (file) => askPassword(`Password of ${file}: `, terminal)
}

function rustVariable(path: string): string {
  return `${RUST_PREFIX}${path.toUpperCase().replaceAll(/[/\\.]/g, '_')}`
}

/** Rust wallets write base64 of the password XOR their variable's name, over and over. */
function reveal(hidden: string, name: string): Uint8Array {
  const bytes = Buffer.from(hidden, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== hidden)
    throw new AppError('BAD_INPUT', `${name} is not base64, as the wallet writes it; to set a password by hand use ${PYTHON_PREFIX}{NAME}`)
  const key = Buffer.from(name)
  return bytes.map((byte, i) => byte ^ (key[i % key.length] as number))
}

/** SDK 6 and 7 have an exact name, dashes as underscores; SDK 5 took anything with the right beginning and end, which is taken if it is only one. */
function pythonVariable(env: Environment, wallet: string): string | undefined {
  const upper = wallet.toUpperCase()
  const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== ''
  const exact = [upper.replaceAll('-', '_'), upper].map((end) => `${PYTHON_PREFIX}${end}`).find(isSet)
  if (exact !== undefined) return exact
  const loose = Object.keys(env).filter((name) => name.startsWith(PYTHON_PREFIX) && name.endsWith(upper) && isSet(name))
  return loose.length === 1 ? loose[0] : undefined
}

async function readPasswordFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new AppError('BAD_INPUT', `the password file ${path} cannot be read: ${errorMessage(error)}`)
  }
}

const CTRL_C = 0x03
const CTRL_D = 0x04
const ESCAPE = 0x1b
const BACKSPACES = [0x08, 0x7f]
const LINE_ENDS = [0x0a, 0x0d]

function readLine(input: Terminal['input']): Promise<Uint8Array> {
  const typed = new Uint8Array(MAX_PASSWORD_BYTES)
  let length = 0
  return new Promise<Uint8Array>((resolve, reject) => {
    const done = (settle: () => void): void => {
      input.off('data', onData).off('end', onEnd)
      // Before anything is put back: a stream that flows would give it to nobody.
      input.pause()
      settle()
      typed.fill(0)
    }
    const onEnd = (): void => done(() => reject(new AppError('ABORTED', 'the terminal was closed')))
    const onData = (chunk: Buffer | string): void => {
      const bytes = Buffer.from(chunk as string)
      // Arrow keys and their kind come as one chunk that begins so.
      if (bytes[0] === ESCAPE) return
      for (const [i, byte] of bytes.entries()) {
        if (byte === CTRL_C) return done(() => reject(new AppError('ABORTED', 'stopped at the password')))
        if (LINE_ENDS.includes(byte) || byte === CTRL_D) {
          // Lines that came together are for the next question.
          const rest = bytes.subarray(i + 1)
          return done(() => {
            if (rest.length > 0) input.unshift(rest)
            resolve(typed.slice(0, length))
          })
        }
        if (BACKSPACES.includes(byte)) length = withoutLastCharacter(typed, length)
        else if (byte >= 0x20 && length < typed.length) typed[length++] = byte
      }
    }
    input.on('data', onData).on('end', onEnd)
    input.resume()
  })
}

/** UTF-8: what continues a character has the two upper bits 10. */
function withoutLastCharacter(bytes: Uint8Array, length: number): number {
  let end = length
  do end = Math.max(0, end - 1)
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80)
  return end
}
