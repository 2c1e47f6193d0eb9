/** Pages made from the schema: the reference and `.env.example`. A test keeps the checked-in copies current. */
import { listSettings, sectionNames, type Setting } from './list.js'
import { NETWORKS } from './networks.js'
import { SECTION_TITLES } from './schema.js'

/** docs/reference/config.md */
export function renderConfigReference(): string {
  const settings = listSettings()
  const lines = [
    '# Settings',
    '',
    '<!-- Made from src/core/config/schema.ts by `taogate docs`; edit that. -->',
    '',
    'Each setting has a flag, an environment variable and a place in a JSON file given with `--config FILE`. Flags win over the',
    'environment, the environment over a `.env` file in the working folder, that over the file, and the file over the defaults.',
    'An empty variable counts as not set. `--print-config` shows the result with secrets masked and exits.',
    '',
    'A config file has one object per section:',
    '',
    '```json',
    '{ "chain": { "network": "finney" }, "api": { "host": "0.0.0.0", "port": 4100 } }',
    '```',
    '',
    'Chains by name:',
    '',
    '| name | endpoint |',
    '| --- | --- |',
    '| `devnet` | the built-in chain, started with the program |',
    ...Object.entries(NETWORKS).map(([name, endpoints]) => `| \`${name}\` | ${endpoints.map((e) => `\`${e}\``).join(', ')} |`),
  ]
  for (const section of sectionNames()) {
    lines.push(
      '',
      `## ${SECTION_TITLES[section]}`,
      '',
      '| variable | flag | in the file | wanted | default | meaning |',
      '| --- | --- | --- | --- | --- | --- |',
    )
    for (const s of settings.filter((candidate) => candidate.section === section)) {
      lines.push(`| \`${s.env}\` | \`--${s.flag}\` | \`${s.path}\` | ${s.wanted} | ${defaultCell(s)} | ${s.about} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** .env.example: every variable, commented out with its default or an example. */
export function renderEnvExample(): string {
  const settings = listSettings()
  const lines = ['# Copy to .env and uncomment what you change. Made from src/core/config/schema.ts by `taogate docs`.']
  for (const section of sectionNames()) {
    lines.push('', `# ---- ${SECTION_TITLES[section]}`)
    for (const s of settings.filter((candidate) => candidate.section === section)) {
      lines.push('', `# ${plain(s.about)}`)
      if (s.defaultText !== undefined) lines.push(`# Default: ${plain(s.defaultText)}.`)
      lines.push(`#${s.env}=${s.example ?? (s.default === undefined ? '' : String(s.default))}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function defaultCell(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText
  return setting.default === undefined ? '' : `\`${String(setting.default)}\``
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '')
}
