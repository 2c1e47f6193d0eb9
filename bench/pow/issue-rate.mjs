// How many 512-bit operations a cycle this processor can issue, by running independent ones, and its clock beside it, by a chain of additions.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const OPERATIONS = 240
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
 * Operations a cycle of two-input logic, of three-input logic, of rotates, and of mixes of them in the given shares, each by its name; and the clock. Best of
 * many short runs, as other work on the machine only ever slows them. A mix is evenly spread; `<name>Ordered` is its rate in the best of several orders.
 */
export function measureIssueRate(compiler, folder, mixes) {
  const alone = Object.keys(INSTRUCTIONS).map((name) => [name, [name]])
  const ordered = Object.entries(mixes).flatMap(([name, shares]) => TOGETHER.map((number) => [`${name}_${number}`, spread(shares, number)]))
  const blocks = Object.fromEntries([...alone, ...ordered])
  const source = join(folder, 'issue-rate.c')
  const program = join(folder, 'issue-rate')
  writeFileSync(source, sourceOf(blocks))
  execFileSync(compiler, ['-O2', '-o', program, source])
  const rates = JSON.parse(execFileSync(program, { encoding: 'utf8' }))
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

function sourceOf(blocks) {
  const clobbered = Array.from({ length: REGISTERS }, (_, k) => `"xmm${k}"`).join(', ')
  const functions = Object.entries(blocks).map(([name, block]) => {
    const code = Array.from({ length: OPERATIONS }, (_, k) => INSTRUCTIONS[block[k % block.length]](k)).join('\\n\\t')
    return `__attribute__((target("avx512f"))) static void ${name}(void) {
  for (int k = 0; k < 2000; k++) __asm__ volatile("${code}" ::: ${clobbered});
}`
  })
  return `#include <stdio.h>
#include <time.h>
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
/* Five additions that wait for each other are five cycles. */
static double clock_ghz(void) {
  const double before = cpu();
  unsigned long x = 0;
  for (int k = 0; k < 100000; k++) __asm__ volatile("add $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0\\n\\tadd $1, %0" : "+r"(x));
  return 5e5 / (cpu() - before) / 1e9;
}
${functions.join('\n')}
static double best(void (*run)(void), double *ghz) {
  double least = 1e9;
  for (int k = 0; k < 60; k++) {
    const double clock = clock_ghz();
    if (clock > *ghz) *ghz = clock;
    const double before = cpu();
    run();
    const double took = cpu() - before;
    if (took < least) least = took;
  }
  return 2000.0 * ${OPERATIONS} / least / 1e9;
}
int main(void) {
  double ghz = 0;
${Object.keys(blocks)
  .map((name) => `  const double ${name}_rate = best(${name}, &ghz);`)
  .join('\n')}
  printf("{\\"ghz\\": %.4f", ghz);
${Object.keys(blocks)
  .map((name) => `  printf(", \\"${name}\\": %.4f", ${name}_rate / ghz);`)
  .join('\n')}
  puts("}");
  return 0;
}
`
}
