/** Epochs of real runtimes on random subnets and root networks, recorded in fixtures/, and ours on the same. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { generationOf } from './generations.js'
import { rowOf, sparseRows } from './sparse-rows.js'
import { randomSubnetInputs, type SubnetShape } from './subnet/random-inputs.js'
import type { Generation, RootEpochInputs, SubnetEpochInputs, SubnetEpochOutputs } from './types.js'

interface Recording {
  specVersion: number
  epochs: {
    shape: Omit<SubnetShape, 'bondsMovingAverage' | 'emission'> & { bondsMovingAverage: string; emission: string }
    /** As the chain keeps them. `paid`: (server, validator) of each uid; null where the runtime paid nothing at all. */
    outputs: Record<string, (number | string)[]> & { paid: [string, string][] | null; bonds: [number, number][][] }
  }[]
  rootEpochs: {
    inputs: Omit<RootEpochInputs, 'stake' | 'weights' | 'blockEmission'> & {
      stake: string[]
      weights: [number, number][][]
      blockEmission: string
    }
    /** null where the runtime left EmissionValues as they were. */
    values: string[] | null
  }[]
}

function load(specVersion: number): Recording {
  const file = new URL(`fixtures/epochs-${specVersion}.json.gz`, import.meta.url)
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as Recording
}

/** The subnet was put into a later block than it was drawn for. */
function inputsOf({ shape }: Recording['epochs'][number]): SubnetEpochInputs {
  const drawn = randomSubnetInputs({ ...shape, bondsMovingAverage: BigInt(shape.bondsMovingAverage), emission: BigInt(shape.emission) })
  const later = (blocks: Float64Array) => blocks.map((block) => block + 100_000)
  return { ...drawn, block: drawn.block + 100_000, lastUpdate: later(drawn.lastUpdate), registeredBlock: later(drawn.registeredBlock) }
}

/** In the form of a recording. */
function recorded(outputs: SubnetEpochOutputs, inputs: SubnetEpochInputs): unknown {
  const { kind: _, emission, serverEmission, validatorEmission, bonds, ...vectors } = outputs
  const paid = Array.from(serverEmission, (server, uid) => [String(server), String(validatorEmission?.[uid] ?? 0n)])
  const sum = [...serverEmission, ...(validatorEmission ?? [])].reduce((a, b) => a + b, 0n)
  return {
    ...Object.fromEntries(Object.entries(vectors).map(([name, values]) => [name, Array.from(values)])),
    emission: Array.from(emission, String),
    paid: sum > inputs.emission ? null : paid,
    bonds: Array.from(serverEmission, (_, uid) => rowOf(bonds, uid)),
  }
}

describe.each([103, 143])('spec %d', (specVersion) => {
  const recording = load(specVersion)
  const { subnetEpoch } = generationOf({ specName: 'node-subtensor', specVersion }) as Generation

  test('computes what the runtime does', () => {
    expect(recording.specVersion).toBe(specVersion)
    for (const epoch of recording.epochs) {
      const inputs = inputsOf(epoch)
      expect(recorded(subnetEpoch(inputs), inputs), JSON.stringify(epoch.shape)).toEqual(epoch.outputs)
    }
  })

  test('and it does something', () => {
    const lively = recording.epochs.filter(({ outputs }) =>
      ['incentive', 'dividends'].every((name) => outputs[name]?.some((value) => value !== 0)),
    )
    expect(lively.length).toBeGreaterThan(recording.epochs.length / 3)
  })
})

test('the root epoch of spec 143 is the runtime’s', () => {
  const { rootEpoch } = generationOf({ specName: 'node-subtensor', specVersion: 143 }) as Generation
  const { rootEpochs } = load(143)
  for (const { inputs, values } of rootEpochs) {
    const outputs = rootEpoch?.({
      ...inputs,
      kind: 'root',
      stake: BigUint64Array.from(inputs.stake, BigInt),
      weights: sparseRows(inputs.weights),
      blockEmission: BigInt(inputs.blockEmission),
    })
    expect(outputs?.ok ? Array.from(outputs.emissionValues, String) : null, JSON.stringify(inputs)).toEqual(values)
  }
  expect(rootEpochs.filter(({ values }) => values?.some((value) => value !== '0')).length).toBeGreaterThan(20)
})
