/** Many mock axons in one process. */
import type { Readiness, Service } from '../../core/lifecycle.js'
import { startMockAxon, type MockAxon, type MockAxonOptions } from './axon.js'

export type CrowdMember = Pick<MockAxonOptions, 'pair' | 'release' | 'answer'>

export interface CrowdOptions extends Pick<MockAxonOptions, 'host' | 'knows'> {
  /** Several may have the same hotkey: axons are per subnet. */
  members: readonly CrowdMember[]
  /** The first one's port; the others have those after it. When absent, each takes a free one. */
  basePort?: number
}

export interface MockAxonCrowd extends Service {
  /** In the order of the members. */
  readonly axons: readonly MockAxon[]
}

/** Starts all, or none: when one fails, those that run are closed, and its error is thrown. Closing ends all. */
export async function startMockAxons({ members, host, basePort, knows }: CrowdOptions): Promise<MockAxonCrowd> {
  const starts = members.map((member, at) => startMockAxon({ ...member, host, knows, port: basePort === undefined ? 0 : basePort + at }))
  const started = await Promise.allSettled(starts)
  const axons = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const closeAll = async (): Promise<void> => {
    await Promise.all(axons.map((axon) => axon.close()))
  }
  const failed = started.find((start) => start.status === 'rejected')
  if (failed !== undefined) {
    await closeAll()
    throw failed.reason
  }
  let closing: Promise<void> | undefined
  return {
    name: 'mock-axons',
    axons,
    ready: async (): Promise<Readiness> => (closing === undefined ? { ok: true } : { ok: false, reasons: ['mock-axons: stopping'] }),
    close: () => (closing ??= closeAll()),
  }
}
