import { fileURLToPath } from 'node:url'

const generate = (file: string): string => JSON.stringify(fileURLToPath(new URL(`../../native/pow/generate/${file}`, import.meta.url)))

/**
 * The source of a CommonJS module that has the interface of the native addon, with kernels that are right but for a fault: statements that run at the end of
 * each search and may return something else. They see its arguments, what it found (`tried`, `found`), `real()` to search again, and a counter, `calls`;
 * `name` is that of the kernel or form, or the number of the CUDA device. Every kernel has the given `forms`.
 */
export function fakePowAddon(
  fault: string,
  kernels: readonly string[] = ['portable'],
  cudaDevices = 0,
  forms: readonly string[] = [],
): string {
  return `
const { generateWasm } = require(${generate('wasm.mjs')})
const { createWasmSearch } = require(${generate('wasm-search.mjs')})
let calls = 0
let kernel
exports.version = 2
exports.cuda = {
  devices: () => Array.from({ length: ${cudaDevices} }, (_, index) => ({ index, name: 'fake' })),
  reason: () => 'no CUDA driver here',
  open: (device) => ({ device }),
  search: ({ device }, ...job) => exports.search(device, ...job),
  close() {},
}
exports.kernels = () => ${JSON.stringify(kernels)}
exports.forms = () => ${JSON.stringify(forms)}
exports.search = (name, preimage, littleEndian, limit, high, from, count, control, epoch, hits) => {
  if (!kernel) {
    const { bytes, ...layout } = generateWasm()
    kernel = createWasmSearch(new WebAssembly.Module(bytes), layout)
  }
  const real = () => kernel(preimage, littleEndian, limit, high, from, count, control, epoch, hits)
  const [tried, found] = real()
  ${fault}
  return [tried, found]
}
`
}
