/** The reference pages that are made from the code. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { renderConfigReference, renderEnvExample } from '../core/config/index.js'
import { cell } from './markdown.js'
import { renderMetricsReference } from './metrics-reference.js'
import { EXIT_FAILED, EXIT_OK } from './run.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** All pages by their path below the repository's root. */
export function renderPages(program: Command): Record<string, string> {
  return {
    '.env.example': renderEnvExample(),
    'docs/reference/config.md': renderConfigReference(),
    'docs/reference/cli.md': renderCliReference(program),
    'docs/reference/metrics.md': renderMetricsReference(),
  }
}

/** Writes the pages, or with `check` only tells which are out of date. */
export async function writeDocs(program: Command, check: boolean): Promise<number> {
  let stale = 0
  for (const [path, text] of Object.entries(renderPages(program))) {
    if (!(await writePage(`${ROOT}${path}`, text, check))) continue
    stale++
    process.stdout.write(check ? `${path} is out of date; run npm run docs\n` : `${path} written\n`)
  }
  return check && stale > 0 ? EXIT_FAILED : EXIT_OK
}

/** Writes a file unless it has that text already, or unless only checking. Tells whether it differed. */
export async function writePage(path: string, text: string, check: boolean): Promise<boolean> {
  const current = await readFile(path, 'utf8').catch(() => null)
  if (current === text) return false
  if (!check) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  return true
}

/** A path as it is shown to a person in the repository. */
export function shownPath(path: string): string {
  return relative(ROOT, path)
}

function renderCliReference(program: Command): string {
  const lines = [
    '# Command line',
    '',
    '<!-- Made from src/cli/program.ts by `taogate docs`; edit that. -->',
    '',
    '`npm start -- ARGS` is `taogate ARGS`, built first if needed. Without a command, `up` runs. Each setting can also come from the',
    'environment or a file: see [config.md](config.md). Exit status: 0 done, 1 failed, 2 wrong usage or settings;',
    '`audit` also ends with 1 when an epoch is not exact, and with 130 when it was stopped before its end.',
  ]
  for (const command of program.commands) lines.push(...commandSection('taogate', command))
  return `${lines.join('\n')}\n`
}

/** A command with its arguments and flags, then those below it. */
function commandSection(parent: string, command: Command): string[] {
  const path = `${parent} ${command.name()}`
  const args = command.registeredArguments.map((argument) => ` <${argument.name()}>`).join('')
  const rows = [
    ...command.registeredArguments.map((argument) => `| \`<${argument.name()}>\` | ${cell(capital(argument.description))} |`),
    ...command.options.map((option) => `| \`${option.flags}\` | ${cell(capital(option.description))} |`),
  ]
  const table = rows.length === 0 ? [] : ['', '| flag | meaning |', '| --- | --- |', ...rows]
  const below = command.commands.flatMap((child) => commandSection(path, child))
  return ['', `## ${path}${args}`, '', `${capital(command.description())}.`, ...table, ...below]
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
