import { beforeEach, expect, test } from 'vitest'
import { createVirtualClock, type VirtualClock } from '../../../test/support/prompt/virtual-clock.js'
import { NO_LIMITS } from '../../core/api-keys.js'
import { AppError } from '../../core/errors.js'
import { createLocalLimits } from '../../core/local-limits.js'
import type { CallerStanding } from '../../core/prompting.js'
import { createHotkeyCallers, type HotkeyCallers, type HotkeyCallerSettings } from './callers.js'

const TAO = 1_000_000_000n
const HERE = '192.0.2.1'

let clock: VirtualClock
let readings: string[]
let index: (hotkey: string) => Promise<CallerStanding>

beforeEach(() => {
  clock = createVirtualClock()
  readings = []
  index = async (hotkey) => ({ isRegistered: hotkey !== 'stranger', stake: hotkey === 'rich' ? 1000n * TAO : 0n })
})

function open(settings: Partial<HotkeyCallerSettings> = {}): HotkeyCallers {
  return createHotkeyCallers({
    limits: createLocalLimits({ now: () => Math.floor(clock.now()) }),
    standing: (hotkey) => {
      readings.push(hotkey)
      return index(hotkey)
    },
    settings: { callers: 'registered', minStake: 0n, requestsPerMinute: 3, ...settings },
    clock,
  })
}

test('a registered hotkey is a customer of its own', async () => {
  expect(await open().admit('rich', HERE)).toEqual({ customer: 'hotkey:rich', limits: NO_LIMITS, hotkey: 'rich' })
})

test('who is not registered, or has too little stake, is refused with what was wanted', async () => {
  await expect(open().admit('stranger', HERE)).rejects.toMatchObject({ code: 'FORBIDDEN', detail: { reason: 'not_registered' } })
  const detail = { reason: 'too_little_stake', wantedRao: '1500000000', stakeRao: '0' }
  for (const callers of ['registered', 'any'] as const)
    await expect(open({ callers, minStake: 1_500_000_000n }).admit('poor', HERE)).rejects.toMatchObject({
      ...{ code: 'FORBIDDEN', message: expect.stringContaining('1.5 TAO'), detail },
    })
  expect(await open({ callers: 'any', minStake: TAO }).admit('rich', HERE)).toMatchObject({ hotkey: 'rich' })
})

test('requests of a hotkey are counted wherever they come from, and it is looked up once a minute', async () => {
  const callers = open()
  for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1']) await callers.admit('rich', address)
  await expect(callers.admit('rich', HERE)).rejects.toMatchObject({ code: 'RATE_LIMITED', detail: { limit: 3, retryAfterSeconds: 20 } })
  await clock.pass(20_000)
  await callers.admit('rich', HERE)
  expect(readings).toEqual(['rich'])
  await clock.pass(40_000)
  await callers.admit('rich', HERE)
  expect(readings).toEqual(['rich', 'rich'])
})

test('one address makes the index look up only so many new hotkeys', async () => {
  const callers = open()
  for (const hotkey of ['a', 'b', 'c']) await callers.admit(hotkey, '2001:db8::1')
  await expect(callers.admit('d', '2001:db8::2')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  expect(readings).toEqual(['a', 'b', 'c'])
  await callers.admit('a', '2001:db8::2')
  await callers.admit('d', '2001:db8:0:1::1')
})

test('where any hotkey will do, nobody is looked up, and an address is what counts', async () => {
  const callers = open({ callers: 'any' })
  for (const hotkey of ['a', 'b', 'stranger']) await callers.admit(hotkey, HERE)
  await expect(callers.admit('d', HERE)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await callers.admit('d', '192.0.2.2')
  expect(readings).toEqual([])
})

test('an index that is away is no answer, and is asked again; many at once ask it once', async () => {
  const callers = open({ requestsPerMinute: 100 })
  const answering = index
  index = () => Promise.reject(new AppError('DATABASE_DOWN', 'away'))
  await expect(callers.admit('rich', HERE)).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  index = answering
  readings = []
  await Promise.all(Array.from({ length: 20 }, () => callers.admit('rich', HERE)))
  expect(readings).toEqual(['rich'])
})
