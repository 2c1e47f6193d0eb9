/** Settings of the prompt service. */
import { z } from 'zod'
import { decodeSs58, encodeSs58 } from '../units/ss58.js'
import { count, flag, listOf, setting } from './settings.js'

const MAX_NETUID = 65_535
const PROTOCOLS = ['grpc', 'http', 'epistula'] as const
const MAX_INT = 2_147_483_647
/** All TAO there will ever be. */
const MAX_TAO = 21_000_000

function netuidOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= MAX_NETUID ? Number(text) : undefined
}

function hotkeyOf(text: string): string | undefined {
  try {
    return encodeSs58(decodeSs58(text))
  } catch {
    return undefined
  }
}

/** `netuid=value`. */
function ofSubnet<T>(text: string, read: (value: string) => T | undefined): { netuid: number; value: T } | undefined {
  const at = text.indexOf('=')
  const netuid = netuidOf(text.slice(0, Math.max(at, 0)))
  const value = at < 0 ? undefined : read(text.slice(at + 1).trim())
  return netuid === undefined || value === undefined ? undefined : { netuid, value }
}

/** Names of classes and fields. */
const SYNAPSES = /^\w{1,64}(:\w+(\+\w+)*)?(\/\w{1,64}(:\w+(\+\w+)*)?)?$/
const HOTKEYS_WANTED = 'ss58 addresses, separated by commas'

export const prompt = z.object({
  walletName: setting(z.string().min(1).optional(), {
    env: 'BT_WALLET_NAME',
    flag: 'wallet-name',
    about: 'Wallet whose hotkey signs what is sent to validators: a registered hotkey with stake, as they refuse others.',
    wanted: 'the name of a wallet',
    defaultText: "on the devnet a hotkey of the chain's own cast; elsewhere there is no prompt API without a wallet",
  }),
  walletHotkey: setting(z.string().min(1).default('default'), {
    env: 'BT_WALLET_HOTKEY',
    flag: 'wallet-hotkey',
    about: 'Name of that hotkey in the wallet.',
    wanted: 'the name of a hotkey',
  }),
  walletPath: setting(z.string().min(1).optional(), {
    env: 'BT_WALLET_PATH',
    flag: 'wallet-path',
    about: 'Folder of all wallets.',
    wanted: 'a path',
    defaultText: '`~/.bittensor/wallets`',
  }),
  passwordFile: setting(z.string().min(1).optional(), {
    env: 'PROMPT_PASSWORD_FILE',
    flag: 'prompt-password-file',
    about: "File with the hotkey's password, where it is encrypted. `BT_PW_...` variables, as wallets know them, come first.",
    wanted: 'a path',
    defaultText: 'ask at the terminal',
  }),
  netuids: setting(listOf(netuidOf).prefault('1'), {
    env: 'PROMPT_NETUIDS',
    flag: 'prompt-netuids',
    about: 'Subnets that can be asked, each a model: `bittensor/sn1`. The first is the default.',
    wanted: 'netuids from 0 to 65535, separated by commas',
  }),
  protocols: setting(listOf((text) => ofSubnet(text, (value) => PROTOCOLS.find((one) => one === value))).prefault(''), {
    env: 'PROMPT_PROTOCOLS',
    flag: 'prompt-protocols',
    about: 'How all axons of a subnet are spoken to, whatever version they publish: `4=epistula,18=http`.',
    wanted: `netuid=protocol pairs, separated by commas; protocols are ${PROTOCOLS.join(', ')}`,
    defaultText: "by each axon's version",
  }),
  models: setting(listOf((text) => ofSubnet(text, (value) => (value === '' ? undefined : value))).prefault(''), {
    env: 'PROMPT_MODELS',
    flag: 'prompt-models',
    about: 'The model that is asked for on a subnet, where its protocol can say one (Epistula).',
    wanted: 'netuid=model pairs, separated by commas',
    defaultText: 'none is said',
  }),
  synapses: setting(listOf((text) => ofSubnet(text, (value) => (SYNAPSES.test(value) ? value : undefined))).prefault(''), {
    env: 'PROMPT_SYNAPSES',
    flag: 'prompt-synapses',
    about:
      'The synapses of a subnet whose axons speak HTTP: `18=TextPrompting` or, with one for streams and the fields that the body hash covers, ' +
      '`18=Chat:roles+messages/StreamChat:messages`. They take `roles` and `messages` and fill in `completion`.',
    wanted: 'netuid=Name[:field+field][/StreamName[:field+field]] entries, separated by commas',
    defaultText: '`Prompting:messages/StreamPrompting:messages`, those of subnet 1',
  }),
  minStake: count(1_000, 0, MAX_TAO, {
    env: 'PROMPT_MIN_STAKE',
    flag: 'prompt-min-stake',
    about: 'Least stake, in TAO, of a validator that is asked.',
  }),
  requirePermit: setting(flag().default(true), {
    env: 'PROMPT_REQUIRE_PERMIT',
    flag: 'prompt-require-permit',
    about: 'Whether only hotkeys with a validator permit are asked.',
    wanted: 'true or false',
  }),
  hotkeys: setting(listOf(hotkeyOf).prefault(''), {
    env: 'PROMPT_HOTKEYS',
    flag: 'prompt-hotkeys',
    about: 'Hotkeys that may be asked whatever their permit and stake, where a request names them.',
    wanted: HOTKEYS_WANTED,
    defaultText: 'none',
  }),
  allowPrivate: setting(flag().optional(), {
    env: 'PROMPT_ALLOW_PRIVATE',
    flag: 'prompt-allow-private',
    about: 'Whether axons at private and loopback addresses are dialled. Anybody may publish any address: leave it off on a public chain.',
    wanted: 'true or false',
    isSwitch: true,
    defaultText: 'on the devnet and local only',
  }),
  timeoutMs: count(30_000, 100, 600_000, {
    env: 'PROMPT_TIMEOUT_MS',
    flag: 'prompt-timeout-ms',
    about: 'How long a prompt may take, all tries together, where the request does not say, in milliseconds.',
  }),
  maxTimeoutMs: count(120_000, 100, 600_000, {
    env: 'PROMPT_MAX_TIMEOUT_MS',
    flag: 'prompt-max-timeout-ms',
    about: 'The longest time that a request may ask for, in milliseconds.',
  }),
  firstTokenMs: count(20_000, 100, 600_000, {
    env: 'PROMPT_FIRST_TOKEN_MS',
    flag: 'prompt-first-token-ms',
    about: 'How long the first piece of an answer may take, in milliseconds.',
  }),
  maxBodyBytes: count(1_048_576, 1024, 16_777_216, {
    env: 'PROMPT_MAX_BODY_BYTES',
    flag: 'prompt-max-body-bytes',
    about: 'Largest prompt, as request body over HTTP or message over gRPC, in bytes.',
  }),
  maxTargets: count(10, 1, 256, {
    env: 'PROMPT_MAX_TARGETS',
    flag: 'prompt-max-targets',
    about: 'Most validators that one request may ask side by side (`top_n`, `n`).',
  }),
  maxInFlight: count(4096, 1, 100_000, {
    env: 'PROMPT_MAX_IN_FLIGHT',
    flag: 'prompt-max-in-flight',
    about: 'Prompts worked on at once; others wait, those of callers with more stake in front.',
  }),
  queue: count(1024, 0, 100_000, {
    env: 'PROMPT_QUEUE',
    flag: 'prompt-queue',
    about: 'Prompts that may wait.',
  }),
  maxWaitMs: count(10_000, 0, 600_000, {
    env: 'PROMPT_MAX_WAIT_MS',
    flag: 'prompt-max-wait-ms',
    about: 'How long a prompt may wait, in milliseconds.',
  }),
  concurrentPrompts: count(64, 1, 100_000, {
    env: 'PROMPT_CONCURRENT',
    flag: 'prompt-concurrent',
    about: 'Prompts that one customer may have under way at once, where the API key does not say.',
  }),
  tokensPerMinute: count(200_000, 1, MAX_INT, {
    env: 'PROMPT_TOKENS_PER_MINUTE',
    flag: 'prompt-tokens-per-minute',
    about: 'Tokens, of prompts and answers, of one customer in a minute, where the API key does not say. Four bytes count as one.',
  }),
  grpcCallers: setting(z.enum(['registered', 'any', 'none']).default('registered'), {
    env: 'PROMPT_GRPC_CALLERS',
    flag: 'prompt-grpc-callers',
    about:
      "Who may use the gRPC service of SDK 5.x, where a caller is known by its hotkey's signature: `registered` on any subnet, `any`, or `none`.",
    wanted: 'registered, any or none',
  }),
  grpcMinStake: count(0, 0, MAX_TAO, {
    env: 'PROMPT_GRPC_MIN_STAKE',
    flag: 'prompt-grpc-min-stake',
    about: 'Least stake, in TAO, of such a caller.',
  }),
  probeSeconds: count(30, 1, 86_400, {
    env: 'PROMPT_PROBE_SECONDS',
    flag: 'prompt-probe-seconds',
    about: 'A validator of which nothing was heard for so long is asked for a sign of life, in seconds.',
  }),
  usageDays: count(90, 1, 36_500, {
    env: 'PROMPT_USAGE_DAYS',
    flag: 'prompt-usage-days',
    about: 'Days that the record of each request is kept: who, when, how much and what became of it, never what was asked or answered.',
  }),
})
