// How many 512-bit operations this processor can issue, by running independent ones, and its clock beside it, by a chain of additions.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { undisturbed } from './short-turns.mjs'

const OPERATIONS = 240
/** Of these in a turn, and of five additions that wait for each other: about a millisecond. */
const [TIMES, ADDITIONS] = [28_000, 740_000]
const TURNS = 60
const REGISTERS = 32

const far = (k, distance) => `%%zmm${(k + distance) % REGISTERS}`
const INSTRUCTIONS = {
  logic2: (k) => `vpxorq ${far(k, 12)}, ${far(k, 20)}, ${far(k, 0)}`,
  logic3: (k) => `vpternlogq $0x96, ${far(k, 12)}, ${far(k, 20)}, ${far(k, 0)}`,
  rotate: (k) => `vprolq $3, ${far(k, 12)}, ${far(k, 0)}`,
}

/** Of one kind together. Zen 4 deals instructions out to its pipes as they come: alternating kinds can leave a pipe with nothing that it can do. */
const TOGETHER = [1, 2, 3]

/**
 * Operations a second of two-input logic, of three-input logic, of rotates, and of mixes of them in the given shares, each by its name; and `cycles` a second. A
 * mix is evenly spread; `<name>Ordered` is its rate in the best of several orders.
 */
export function measureIssueRate(compiler, folder, mixes) {
  const alone = Object.keys(INSTRUCTIONS).map((name) => [name, [name]])
  const ordered = Object.entries(mixes).flatMap(([name, shares]) => TOGETHER.map((number) => [`${name}_${number}`, spread(shares, number)]))
  const blocks = Object.fromEntries([...alone, ...ordered])
  const source = join(folder, 'issue-rate.c')
  const program = join(folder, 'issue-rate')
  writeFileSync(source, sourceOf(blocks))
  execFileSync(compiler, ['-O2', '-o', program, source])
  const { cycles, ...turns } = JSON.parse(execFileSync(program, { encoding: 'utf8' }))
  const rates = { cycles: (5 * ADDITIONS) / undisturbed(cycles) }
  for (const name in turns) rates[name] = (TIMES * OPERATIONS) / undisturbed(turns[name])
  for (const name in mixes) {
    rates[name] = rates[`${name}_1`]
    rates[`${name}Ordered`] = Math.max(...TOGETHER.map((number) => rates[`${name}_${number}`]))
  }
  return rates
}

/** OPERATIONS names in these shares, each as evenly spread as it goes with so many of a kind together. */
function spread(shares, together) {
  const total = Object.values(shares).reduce((a, b) => a + b, 0)
  const due = Object.fromEntries(Object.keys(shares).map((name) => [name, 0]))
  return Array.from({ length: OPERATIONS / together }, () => {
    for (const name in shares) due[name] += shares[name] / total
    const next = Object.keys(due).reduce((a, b) => (due[a] >= due[b] ? a : b))
    due[next] -= 1
    return Array(together).fill(next)
  }).flat()
}

/** A program that prints the seconds of each turn, by name; kinds take turns, so that what else the machine does is spread over all. */
function sourceOf(blocks) {
  const clobbered = Array.from({ length: REGISTERS }, (_, k) => `"xmm${k}"`).join(', ')
  const functions = Object.entries(blocks).map(([name, block]) => {
    const code = Array.from({ length: OPERATIONS }, (_, k) => INSTRUCTIONS[block[k % block.length]](k)).join('\\n\\t')
    return `__attribute__((target("avx512f"))) static void ${name}(void) {
  for (int k = 0; k < ${TIMES}; k++) __asm__ volatile("${code}" ::: ${clobbered});
}`
  })
  const names = ['cycles', ...Object.keys(blocks)]
  return `#include <stdio.h>
#include <time.h>
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
/* Five additions that wait for each other are five cycles. */
static void cycles(void) {
  unsigned long x = 0;
  for (int k = 0; k < ${ADDITIONS}; k++) __asm__ volatile("add $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0" : "+r"(x));
}
${functions.join('\n')}
static void (*const runs[])(void) = {${names.join(', ')}};
static const char *const names[] = {${names.map((name) => `"${name}"`).join(', ')}};
static double seconds[${names.length}][${TURNS}];
int main(void) {
  for (int turn = 0; turn < ${TURNS}; turn++) {
    for (int kind = 0; kind < ${names.length}; kind++) {
      const double before = cpu();
      runs[kind]();
      seconds[kind][turn] = cpu() - before;
    }
  }
  for (int kind = 0; kind < ${names.length}; kind++) {
    printf("%s\\"%s\\": [", kind == 0 ? "{" : ", ", names[kind]);
    for (int turn = 0; turn < ${TURNS}; turn++) printf("%s%.9f", turn == 0 ? "" : ", ", seconds[kind][turn]);
    printf("]");
  }
  puts("}");
  return 0;
}
`
}
