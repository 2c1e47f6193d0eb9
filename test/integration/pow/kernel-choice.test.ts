import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const SOURCES = fileURLToPath(new URL('../../../native/pow/src', import.meta.url))
const compiler = [process.env.CXX, 'g++', 'clang++'].find((path) => path && spawnSync(path, ['--version']).status === 0)

/** One line for each batch: the form that it is given to. Arguments: how many batches, then for each time the batch from which on it holds and the ticks by form. */
const PROGRAM = `
#include "choice.hpp"
#include <cstdio>
#include <cstdlib>
int main(int count, char **given) {
  taogate::Choice<3> choice;
  for (long batch = 0, times = 2; batch < atol(given[1]); batch++) {
    while (times + 4 < count && atol(given[times + 4]) <= batch) times += 4;
    const uint32_t form = choice.next();
    // One batch in four waits for something else.
    choice.done(atol(given[times + 1 + form]) * (batch % 4 == 0 ? 10 : 1));
    printf("%u", form);
  }
}
`

describe.skipIf(!compiler)('the choice among forms of a kernel', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taogate-choice-'))
    writeFileSync(join(folder, 'choice.cpp'), PROGRAM)
    execFileSync(compiler!, [
      '-std=c++17',
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${SOURCES}`,
      '-o',
      join(folder, 'choice'),
      join(folder, 'choice.cpp'),
    ])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const TRIAL = 24
  const BATCHES = 4096
  const forms = (batches: number, ...times: [from: number, ...ticks: number[]][]): string =>
    execFileSync(join(folder, 'choice'), [batches, ...times.flat()].map(String), { encoding: 'utf8' })

  it.each([0, 1, 2])('tries all of them in turn, and takes number %i where that is fastest', (fastest) => {
    const ticks = [1000, 1000, 1000].with(fastest, 900)
    const given = forms(BATCHES, [0, ...ticks])
    expect(given.slice(0, TRIAL)).toBe('0'.repeat(8) + '1'.repeat(8) + '2'.repeat(8))
    expect(given.slice(TRIAL)).toBe(String(fastest).repeat(BATCHES - TRIAL))
  })

  it('gives less than half a hundredth of the batches to others', () => {
    const given = forms(20 * BATCHES, [0, 1200, 1000, 900])
    const others = [...given].filter((form) => form !== '2').length
    expect(others / given.length).toBeLessThan(0.005)
    expect(others).toBe(20 * 16)
  })

  it('changes at the next trial when another becomes the fastest', () => {
    const given = forms(3 * BATCHES, [0, 1000, 900, 950], [BATCHES / 2, 1000, 1000, 950])
    expect([given[BATCHES - 1], given[BATCHES + TRIAL], given.at(-1)]).toEqual(['1', '2', '2'])
  })

  it('does not change for what is hardly faster', () => {
    const given = forms(3 * BATCHES, [0, 1000, 900, 950], [BATCHES / 2, 1000, 900, 890], [2 * BATCHES, 1000, 900, 880])
    expect([given[BATCHES - 1], given[2 * BATCHES - 1], given.at(-1)]).toEqual(['1', '1', '2'])
  })
})
