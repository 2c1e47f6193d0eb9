import { errorMessage } from '../../core/errors.js'
import { hasWebAssembly, loadAddon } from './native.js'
import { SOLVERS, type CudaDevice, type PowAddon, type SolverName } from './types.js'

export interface SolverReport {
  readonly name: SolverName
  readonly available: boolean
  /** Why it is not available. */
  readonly reason: string | null
  /** Of CUDA. */
  readonly devices: readonly CudaDevice[]
}

/** What this machine can solve with, in the order in which `auto` prefers it, and why the rest is not there. Asks the CUDA driver. */
export function detectSolvers(options: { addon?: string } = {}): SolverReport[] {
  const loaded = loadAddon(options.addon)
  return SOLVERS.map((name): SolverReport => {
    if (name === 'wasm') return report(name, hasWebAssembly() ? null : 'this Node has no WebAssembly')
    if ('reason' in loaded) return report(name, loaded.reason)
    if (name === 'cuda') return reportCuda(loaded.addon)
    return report(name, loaded.addon.kernels().includes(name) ? null : 'this processor lacks the instructions')
  })
}

function report(name: SolverName, reason: string | null, devices: readonly CudaDevice[] = []): SolverReport {
  return { name, available: reason === null, reason, devices }
}

function reportCuda({ cuda }: PowAddon): SolverReport {
  if (cuda === null) return report('cuda', 'the native addon was built without it')
  try {
    const devices = cuda.devices()
    return report('cuda', devices.length > 0 ? null : cuda.reason() || 'no device', devices)
  } catch (error) {
    return report('cuda', errorMessage(error))
  }
}
