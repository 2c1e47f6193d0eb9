import type { DendriteProtocol } from '../dendrite/types.js'

/** The first version whose axons are spoken to at all (SDK 3.7.0): what came before served tensors. */
const FIRST_VERSION = 370
/** SDK 6.0.0: HTTP in place of gRPC. The last gRPC release, 5.3.4, is 534. */
const FIRST_HTTP_VERSION = 600

/**
 * How an axon is spoken to, by the version integer it published: below 370 not at all (null), then gRPC, from 600 on HTTP. Integers between those of 7.1
 * (712) and of 7.2 (7,002,000) belong to no release; axons that invent them are forks of the HTTP SDK. Epistula axons publish an SDK version like any
 * other: only `overrides`, by netuid, can tell them, and an override holds whatever the version.
 */
export function createProtocolOf(
  overrides: ReadonlyMap<number, DendriteProtocol>,
): (netuid: number, version: number) => DendriteProtocol | null {
  return (netuid, version) => {
    const override = overrides.get(netuid)
    if (override !== undefined) return override
    if (version < FIRST_VERSION) return null
    return version < FIRST_HTTP_VERSION ? 'grpc' : 'http'
  }
}
