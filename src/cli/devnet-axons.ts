/** Validators of the devnet that answer, so that there is somebody to ask on it. */
import type { KeyPair } from '../core/wallet/keys.js'
import { castOf, type CastMember, type DevnetOptions } from '../devnet/index.js'
import { echoAnswer, startMockAxons, type CrowdMember, type MockAxon } from '../prompt-proxy/mock-axon/index.js'
import type { CommandContext } from './run.js'

export interface DevnetAxons {
  /** For `startDevnet`: the axons of the validators. Undefined when none could be started. */
  axons: DevnetOptions['axons']
  /** A validator that has no mock axon: the gateway's own hotkey where none is given. */
  gatewayPair: KeyPair
}

/** The chain refuses 127.0.0.1 itself; all of 127.0.0.0/8 is this machine on Linux. */
const HOST = '127.0.0.2'
/** On subnet 1, in turns, with the time between two words of an answer: releases that differ in what they check and how they answer, and in speed. */
const RELEASES = [
  { release: '5.3.4', delayMs: 8 },
  { release: '10.2.0', delayMs: 8 },
  { release: '6.9.4', delayMs: 16 },
  { release: '5.2.0', delayMs: 16 },
  { release: '7.4.0', delayMs: 4 },
  { release: '9.3.0', delayMs: 24 },
]
/** Elsewhere in the place of gRPC: all axons of the other subnets speak HTTP, so that Epistula can be tried on them. */
const HTTP_INSTEAD = '10.2.0'
const MIXED_NETUID = 1

/**
 * Starts mock axons for the validators that a devnet of these settings will have, and adds them to the lifecycle. They run no model: they say who they are
 * and echo. They answer any caller. All but one validator get an axon; that one's key is the gateway's.
 */
export async function startDevnetAxons({ config, log, life }: Pick<CommandContext, 'config' | 'log' | 'life'>): Promise<DevnetAxons> {
  const cast = await castOf(config.devnet)
  const validators = cast.filter(({ isValidator }) => isValidator)
  const own = ownOf(cast, validators)
  const mixed = validators
    .filter((validator) => validator !== own)
    .map(({ pair }, at) => memberOf(pair, RELEASES[at % RELEASES.length] as (typeof RELEASES)[number]))
  const instead =
    config.devnet.subnets > MIXED_NETUID
      ? mixed.filter(isGrpc).map(({ pair }) => memberOf(pair, { release: HTTP_INSTEAD, delayMs: 8 }))
      : []
  try {
    const crowd = life.add(await startMockAxons({ members: [...mixed, ...instead], host: HOST }))
    const first = byHotkey(crowd.axons.slice(0, mixed.length))
    const others = new Map([...first, ...byHotkey(crowd.axons.slice(mixed.length))])
    log.info({ axons: crowd.axons.length, host: HOST }, 'mock axons answer for validators of the devnet; they echo, and run no model')
    return { axons: ({ netuid, hotkey }) => (netuid === MIXED_NETUID ? first : others).get(hotkey)?.served, gatewayPair: own.pair }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error
    log.warn({ host: HOST }, 'this machine has no such address, so no validator of the devnet answers')
    return { axons: undefined, gatewayPair: own.pair }
  }
}

/** That hotkey, for a process that is not the one with the chain. */
export async function devnetGatewayPair(settings: CommandContext['config']['devnet']): Promise<KeyPair> {
  const cast = await castOf(settings)
  return ownOf(
    cast,
    cast.filter(({ isValidator }) => isValidator),
  ).pair
}

/** The first validator; where there is no second one to be asked, a newcomer. */
function ownOf(cast: readonly CastMember[], validators: readonly CastMember[]): CastMember {
  return (validators.length > 1 ? validators[0] : cast.at(-1)) as CastMember
}

function memberOf(pair: CrowdMember['pair'], { release, delayMs }: { release: string; delayMs: number }): CrowdMember {
  return { pair, release, answer: echoAnswer(`mock validator ${pair.address}, SDK ${release}`, delayMs) }
}

function isGrpc({ release }: CrowdMember): boolean {
  return release.startsWith('5.')
}

function byHotkey(axons: readonly MockAxon[]): Map<string, MockAxon> {
  return new Map(axons.map((axon) => [axon.hotkey, axon]))
}
