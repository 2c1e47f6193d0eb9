/**
 * What a metadata says about a chain's layout, with types as checksums of their whole structure: small, and any difference shows.
 * `test/fixtures/devnet/layout-143.json` is this, of a real node of spec 143 (`state_getMetadata` of a Chopsticks node).
 */
import { createHash } from 'node:crypto'
import { getChecksumBuilder, getLookupFn } from '@polkadot-api/metadata-builders'
import { metadata as metadataCodec, unifyMetadata } from '@polkadot-api/substrate-bindings'

export interface PalletLayout {
  index: number
  prefix: string | null
  calls: Record<string, string>
  events: Record<string, string>
  errors: string[]
  storage: Record<string, string>
  constants: Record<string, string>
}

export interface ChainLayout {
  signedExtensions: string[]
  pallets: Record<string, PalletLayout>
}

export function chainLayout(metadataBytes: Uint8Array | string): ChainLayout {
  const metadata = unifyMetadata(metadataCodec.dec(metadataBytes))
  const lookup = getLookupFn(metadata)
  const sums = getChecksumBuilder(lookup)
  const variants = (of: { type: number } | undefined): [string, number][] => {
    const entry = of === undefined ? undefined : lookup(of.type)
    if (entry?.type !== 'enum') return []
    return Object.entries(entry.value).map(([name, { idx }]): [string, number] => [name, idx])
  }
  const table = (entries: [string, string][]) => Object.fromEntries(entries)
  const pallets = metadata.pallets.map((pallet): [string, PalletLayout] => [
    pallet.name,
    {
      index: pallet.index,
      prefix: pallet.storage?.prefix ?? null,
      calls: table(variants(pallet.calls).map(([name, idx]) => [name, `${idx} ${short(sums.buildCall(pallet.name, name))}`])),
      events: table(variants(pallet.events).map(([name, idx]) => [name, `${idx} ${short(sums.buildEvent(pallet.name, name))}`])),
      errors: variants(pallet.errors)
        .sort((a, b) => a[1] - b[1])
        .map(([name]) => name),
      storage: table(
        (pallet.storage?.items ?? []).map((item) => {
          const hashers = item.type.tag === 'map' ? item.type.value.hashers.map(({ tag }) => tag).join('+') : 'plain'
          return [
            item.name,
            `${hashers} ${item.modifier} ${short(sums.buildStorage(pallet.name, item.name))} ${short(String(item.fallback))}`,
          ]
        }),
      ),
      constants: table(
        pallet.constants.map(({ name, value }) => [name, `${short(sums.buildConstant(pallet.name, name))} ${short(String(value))}`]),
      ),
    },
  ])
  return {
    signedExtensions: Object.values(metadata.extrinsic.extensions).map(
      ({ identifier, type, additionalSigned }) => `${identifier} ${sums.buildDefinition(type)} ${sums.buildDefinition(additionalSigned)}`,
    ),
    pallets: Object.fromEntries(pallets),
  }
}

function short(text: string | null): string {
  return createHash('sha256').update(String(text)).digest('hex').slice(0, 12)
}
