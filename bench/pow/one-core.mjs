// One busy core of the comparison of two with one: searches with a kernel for some seconds from a given time on; prints hashes per CPU second and per second.
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const [kernel, startAt, seconds] = process.argv.slice(2)
const addon = createRequire(import.meta.url)(fileURLToPath(new URL('../../native/pow/build/taogate_pow.node', import.meta.url)))
const control = new Int32Array(new SharedArrayBuffer(4))
const PART = 200_000

await sleep(Number(startAt) - Date.now())
const [before, startedAt] = [process.cpuUsage(), performance.now()]
let tried = 0
while (performance.now() - startedAt < Number(seconds) * 1000) {
  tried += addon.search(kernel, new Uint8Array(32), true, 0n, process.pid, 0, PART, control, 0, new Uint32Array(1))[0]
}
const { user, system } = process.cpuUsage(before)
const wallMs = performance.now() - startedAt
console.log(JSON.stringify({ perCpuSecond: (tried / (user + system)) * 1e6, perSecond: (tried / wallMs) * 1000 }))
