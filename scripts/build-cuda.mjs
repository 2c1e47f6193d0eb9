#!/usr/bin/env node
// Makes what the CUDA solver is shipped as: native/pow/cuda/pow.h (the host's side of a launch) and pow.ptx (the kernels for any device from compute capability 7.5 on, compiled
// by the driver when it is loaded), both checked in; and, only where it runs, native/pow/build/cuda/pow.fatbin (machine code for some devices, loaded at once).
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { countHash } from '../native/pow/generate/cuda-sass.mjs'
import { generateCuda, kernelName, LOOP_TRIPS, VARIANTS } from '../native/pow/generate/cuda.mjs'

const USAGE = `
node scripts/build-cuda.mjs    generates the CUDA kernels and compiles them; needs nvcc (NVCC, or in the PATH)

  --check     writes nothing that is checked in, but compares it; fails when it differs, when a kernel spills registers or when it
              issues too many instructions a hash. Without nvcc only hashes are compared
  --hashes    with --check: only compares hashes, nvcc or not
  --in FOLDER what is checked in lies there, rather than in native/pow/cuda
`

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const BUILD = join(root, 'native/pow/build/cuda')
const ARCHITECTURES = ['sm_80', 'sm_86', 'sm_89', 'sm_90']
const COUNTED = 'sm_90'
const MOST_INSTRUCTIONS = { unrolled: 5600, looped: 5600 }
/** The oldest that knows compute capability 7.5: drivers refuse text of a version that is newer than they are, whatever is in it. */
const PTX_VERSION = '6.3'

const { values: flags } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
    in: { type: 'string', default: join(root, 'native/pow/cuda') },
    help: { type: 'boolean', default: false },
  },
})
const HEADER = join(flags.in, 'pow.h')
const PTX = join(flags.in, 'pow.ptx')
const problems = []

function main() {
  if (flags.help) return console.log(USAGE.trim())
  const generated = generateCuda()
  const shipped = existsSync(PTX) ? readFileSync(PTX, 'utf8') : ''
  const nvcc = findNvcc()
  if (flags.check) compareHashes(generated, shipped)
  else writeFileSync(HEADER, generated.header)
  if (flags.check && flags.hashes) {
    console.log('CUDA: only hashes were compared')
  } else if (!nvcc) {
    console.log(
      'CUDA: NO NVCC HERE: no kernel was compiled. The shipped PTX serves all devices; set NVCC or put nvcc into the PATH to make machine code.',
    )
  } else {
    mkdirSync(BUILD, { recursive: true })
    writeFileSync(join(BUILD, 'pow.cu'), generated.kernel)
    const text = compileText(nvcc, generated.hash)
    if (!flags.check) writeFileSync(PTX, text)
    else compareText(nvcc, text, shipped)
    writeFileSync(join(BUILD, 'pow.ptx'), text)
    reportUse(nvcc)
    reportCounts(nvcc, generated.hash)
  }
  for (const problem of problems) console.error(`CUDA: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
  else if (flags.check) console.log('CUDA: what is checked in was made from this generator')
}

function findNvcc() {
  for (const path of [process.env.NVCC, 'nvcc', '/usr/local/cuda/bin/nvcc']) {
    if (!path) continue
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { path, release: /release .*/.exec(stdout)?.[0] ?? 'of unknown release' }
  }
  return null
}

function compareHashes({ header, hash }, shipped) {
  if (readFileSync(HEADER, 'utf8') !== header) problems.push('pow.h is not what the generator prints: run scripts/build-cuda.mjs')
  const named = /^\/\/ source ([0-9a-f]+), text ([0-9a-f]+),/.exec(shipped)
  if (named?.[1] !== hash)
    problems.push(`pow.ptx was made from ${named?.[1] ?? 'nothing'}, the generator prints ${hash}: run scripts/build-cuda.mjs`)
  if (named?.[2] !== digest(bodyOf(shipped))) problems.push('pow.ptx was changed by hand')
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** Without the line at the top that says what it was made from and by. */
function bodyOf(text) {
  return text.slice(text.indexOf('\n') + 1)
}

/** The same text for the same source and compiler, at half the size: without the banner, comments, blank lines, indents, and hints that need a newer version. */
function compileText(nvcc, source) {
  const raw = join(BUILD, 'compiled.ptx')
  run(nvcc, ['-std=c++17', '-arch=compute_75', '-ptx', join(BUILD, 'pow.cu'), '-o', raw])
  const lines = readFileSync(raw, 'utf8')
    .split('\n')
    .map((line) => line.trim().replace(/\t/g, ' '))
    .filter((line) => line !== '' && !line.startsWith('//') && !line.includes('used_bytes_mask'))
    .map((line) => (line.startsWith('.version') ? `.version ${PTX_VERSION}` : line))
  const body = `${lines.join('\n')}\n`
  return `// source ${source}, text ${digest(body)}, nvcc ${nvcc.release}; made by scripts/build-cuda.mjs\n${body}`
}

function compareText(nvcc, text, shipped) {
  if (text === shipped) return console.log(`CUDA: the shipped PTX is what nvcc ${nvcc.release} makes of the generated source`)
  if (shipped.split('\n')[0].includes(`nvcc ${nvcc.release};`))
    return problems.push('the shipped PTX is not what this nvcc makes: run scripts/build-cuda.mjs')
  console.log(`CUDA: THE SHIPPED PTX COMES FROM ANOTHER NVCC than ${nvcc.release}, so its text was not compared, only its hashes`)
}

/** Machine code from the text, and what the assembler says of registers, stack and spills. */
function reportUse(nvcc) {
  const targets = ARCHITECTURES.flatMap((name) => ['-gencode', `arch=compute_75,code=${name}`])
  const said = run(nvcc, [...targets, '-fatbin', '-Xptxas', '-v', join(BUILD, 'pow.ptx'), '-o', join(BUILD, 'pow.fatbin')])
  const pattern =
    /entry function 'taogate_pow_(\w+?)_\w+' for '(\w+)'[^]*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads[^]*?Used (\d+) registers/g
  const rows = [...said.matchAll(pattern)].map(([, variant, target, stack, stores, loads, registers]) => {
    if (Number(stack) + Number(stores) + Number(loads) > 0)
      problems.push(`${variant} for ${target} spills: ${stack} bytes of stack, ${stores} stored, ${loads} loaded`)
    return { variant, target, registers: Number(registers) }
  })
  if (rows.length !== ARCHITECTURES.length * VARIANTS.length) problems.push(`the assembler told of ${rows.length} kernels:\n${said}`)
  for (const variant of VARIANTS) {
    const registers = rows.filter((row) => row.variant === variant).map((row) => `${row.registers} on ${row.target}`)
    console.log(
      `CUDA: ${variant}: registers ${registers.join(', ')}; spills ${problems.some((text) => text.includes('spills')) ? 'SEE BELOW' : 'none'}`,
    )
  }
}

function reportCounts(nvcc, hash) {
  const cubin = join(BUILD, `${COUNTED}.cubin`)
  run(nvcc, [`-arch=${COUNTED}`, '-cubin', join(BUILD, 'pow.ptx'), '-o', cubin])
  for (const variant of VARIANTS) {
    const { total, alu, multiply, other, codeBytes } = countHash(readFileSync(cubin), kernelName(variant, hash), LOOP_TRIPS)
    const parts = `${alu} on the ALU pipe, ${multiply} on the multiply pipe, ${other} others`
    console.log(
      `CUDA: ${variant}: ${total} instructions a hash on ${COUNTED} (${parts}), ${(codeBytes / 1024).toFixed(0)} KiB of code in the loop`,
    )
    if (total > (MOST_INSTRUCTIONS[variant] ?? Infinity))
      problems.push(`${variant} issues ${total} instructions a hash, at most ${MOST_INSTRUCTIONS[variant]} are wanted`)
  }
}

function run(nvcc, args) {
  const { status, stdout, stderr, error } = spawnSync(nvcc.path, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`nvcc ended with ${status ?? error?.message}:\n${stderr}`)
  return stdout + stderr
}

main()
