import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'

/** `proto/` lies beside `src` and `dist`, and this file is as deep in either. */
const FOLDER = fileURLToPath(new URL('../../../proto/', import.meta.url))

/**
 * Messages as plain objects in camel case. What was not sent is `undefined`, lists are always there, 64-bit integers and enums are text.
 */
const MESSAGES = { keepCase: false, longs: String, enums: String, defaults: false, arrays: true, includeDirs: [FOLDER] }

/** A service as grpc-js wants it, for servers and clients. `file` is a path under `proto/`, `name` has the package. */
export function loadService(file: string, name: string): ServiceDefinition {
  const definition = loadSync(file, MESSAGES)[name]
  if (definition === undefined || 'format' in definition) throw new Error(`${file} has no service ${name}`)
  return definition
}

/** Everything in these files, for reflection: with the names as they are written there. */
export function loadDescriptors(files: readonly string[]): PackageDefinition {
  return loadSync([...new Set(files)], { ...MESSAGES, keepCase: true })
}
