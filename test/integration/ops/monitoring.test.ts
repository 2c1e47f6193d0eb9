/** What ops/ asks of Prometheus is what the program serves. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { renderMetricsReference } from '../../../src/cli/metrics-reference.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { type DeclaredMetric, readPromql } from '../../support/promql.js'

const SCRAPED = ['job', 'instance']
const own = declaredByTheProgram()
const metrics = new Map([...own, ...declaredByNode(), ...declaredByPrometheus()])

interface Query {
  expr: string
  legendFormat?: string
}

interface Panel {
  id: number
  title: string
  type: string
  datasource?: { uid: string }
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: (Query & { refId: string; datasource: { uid: string } })[]
}

interface Dashboard {
  panels: Panel[]
  annotations: { list: { name: string; expr?: string }[] }
  templating: { list: { name: string; query: string | { query: string } }[] }
}

describe('the dashboard', () => {
  const { panels, annotations, templating } = JSON.parse(read('ops/grafana/taogate.json')) as Dashboard
  const variables = new Set([...templating.list.map(({ name }) => name), '__rate_interval'])
  const charts = panels.filter(({ type }) => type !== 'row')
  const queries = [
    ...charts.flatMap(({ title, targets = [] }) => targets.map((target) => ({ where: title, ...target }))),
    ...annotations.list.flatMap(({ name, expr }) => (expr === undefined ? [] : [{ where: name, expr }])),
  ] as (Query & { where: string })[]

  test.each(queries)('$where: $expr', ({ expr, legendFormat = '' }) => {
    const { labels, faults } = readPromql(expr, metrics)
    expect(faults).toEqual([])
    expect(labels).toEqual(expect.arrayContaining(matches(legendFormat, /\{\{(\w+)\}\}/g)))
    for (const name of matches(expr, /\$\{?(\w+)/g)) expect(variables).toContain(name)
  })

  test('every chart can be asked of any data source, for chosen processes', () => {
    for (const { title, datasource, targets = [] } of charts) {
      expect(targets, title).not.toEqual([])
      for (const uid of [datasource?.uid, ...targets.map((target) => target.datasource.uid)]) expect(uid, title).toBe('${datasource}')
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length)
      for (const { expr } of targets) expect(expr, title).toContain('instance=~"$instance"')
    }
  })

  test('panels have an id each and do not lie on one another', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const taken = new Map<string, string>()
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined()
          taken.set(`${x} ${y}`, title)
        }
    }
  })
})

describe('the alerts', () => {
  const text = read('ops/prometheus/alerts.yml')
  const blocks = text.split(/^ +- alert: /m).slice(1)
  const alerts = blocks.map((block) => ({ name: /^\w+/.exec(block)?.[0] ?? '', expr: exprOf(block), block }))

  test('all of them are found', () => {
    expect(alerts.length).toBeGreaterThan(0)
    expect(alerts).toHaveLength(matches(text, /^ +(expr):/gm).length)
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
  })

  test.each(alerts)('$name asks for what there is, and is explained', ({ name, expr, block }) => {
    const { labels, faults } = readPromql(expr, metrics)
    expect(faults).toEqual([])
    expect(labels).toEqual(expect.arrayContaining(matches(block, /\$labels\.(\w+)/g)))
    expect(block).toMatch(/severity: (warning|critical)/)
    expect(block).toMatch(/summary: .+\n +description: ./)
    expect(read('docs/guides/operate.md')).toContain(`\`${name}\``)
  })
})

describe('scraping', () => {
  const compose = read('docker-compose.yml')
  const scrapes = read('ops/prometheus/prometheus.yml')

  test('goes to services of the compose file', () => {
    const names = matches(scrapes, /names: \[([^\]]+)\]/g).flatMap((list) => list.split(', '))
    expect(names.length).toBeGreaterThan(0)
    for (const name of [...names, ...matches(scrapes, /replacement: (\w+):\d+/g)])
      expect(compose).toMatch(new RegExp(`^ {2}${name}:$`, 'm'))
  })

  test('jobs that alerts name are there', () => {
    const jobs = matches(scrapes, /job_name: (\S+)/g)
    const named = matches(read('ops/prometheus/alerts.yml'), /\bjob=~?"([^"]+)"/g).flatMap((list) => list.split('|'))
    expect(named.length).toBeGreaterThan(0)
    expect(jobs).toEqual(expect.arrayContaining(named))
  })

  test('files that containers get are there', () => {
    const mounted = matches(compose, /\.\/(ops\/[^:'" ]+):/g)
    expect(mounted.length).toBeGreaterThan(0)
    for (const path of mounted) expect(existsSync(fileOf(path)), path).toBe(true)
  })
})

describe('promtool, where it is installed', () => {
  const program = 'promtool'
  const isMissing = spawnSync(program, ['--version']).error !== undefined

  test.skipIf(isMissing).each([
    ['check', 'config', 'ops/prometheus/prometheus.yml'],
    ['test', 'rules', 'ops/prometheus/alerts.test.yml'],
  ])('%s %s %s', (verb, what, path) => {
    const { status, stdout, stderr } = spawnSync(program, [verb, what, fileURLToPath(fileOf(path))], { encoding: 'utf8' })
    expect(status, `${stdout}${stderr}`).toBe(0)
  })
})

test('labels have few values, and none of them says who asked: /metrics needs no key', () => {
  const allowed = [
    ...['netuid', 'protocol', 'outcome', 'code', 'circuit', 'state', 'reason', 'kind', 'route', 'error', 'result', 'mode', 'status'],
    ...['method', 'direction', 'queue', 'name', 'host', 'device', 'solver'],
  ]
  const used = new Set([...own.values()].flatMap(({ labels }) => labels).filter((label) => !SCRAPED.includes(label)))
  expect(allowed).toEqual(expect.arrayContaining([...used]))
})

describe('what is found', () => {
  const known = new Map<string, DeclaredMetric>([
    ['asked_total', { kind: 'counter', labels: [...SCRAPED, 'outcome'] }],
    ['lag', { kind: 'gauge', labels: SCRAPED }],
    ['took_seconds', { kind: 'histogram', labels: [...SCRAPED, 'kind'] }],
  ])

  test.each([
    ['rate(asked[5m])', 'asked is not a metric'],
    ['rate(asked_total{result="ok"}[5m])', 'asked_total has no label result'],
    ['sum by (kind) (rate(asked_total[5m]))', '"by (kind)", which asked_total has not'],
    ['sum by (outcome) (sum by (job) (rate(asked_total[5m])))', '"by (outcome)", which asked_total has not'],
    ['sum(asked_total)', 'asked_total is a counter: wanted a rate of it'],
    ['rate(lag[5m])', 'lag is no counter: rate means nothing'],
    ['rate(asked_total)', 'asked_total needs a range in rate'],
    ['lag[5m]', 'lag has a range outside of a function'],
    ['histogram_quantile(0.9, sum by (kind) (rate(took_seconds_bucket[5m])))', 'histogram_quantile of samples without "le"'],
    ['histogram_quantile(0.9, rate(asked_total[5m]))', 'histogram_quantile of asked_total, which is no bucket of a histogram'],
    ['took_seconds > 1', 'took_seconds is not a metric'],
    ['sum by (job) (rate(asked_total[5m])) / sum(rate(asked_total[5m]))', '"/" never matches {job} with {}'],
    ['rat(asked_total)', 'the function rat is not known here'],
  ])('%s', (expr, fault) => {
    expect(readPromql(expr, known).faults).toContain(fault)
  })

  test.each([
    ['sum by (outcome, job) (rate(asked_total[5m]))', ['outcome', 'job']],
    ['histogram_quantile(0.9, sum by (kind, le) (rate(took_seconds_bucket{job="a"}[5m])))', ['kind']],
    ['rate(took_seconds_sum[5m]) / rate(took_seconds_count[5m]) > 1', [...SCRAPED, 'kind']],
    ['absent(lag{job="a", instance=~"b"})', ['job']],
    ['sum by (outcome) (rate(asked_total[5m])) / scalar(sum(rate(asked_total[5m])))', ['outcome']],
    ['sum by (job) (rate(asked_total[5m])) and on (job) -lag > 5', ['job']],
    ['1 - (sum(rate(asked_total[5m])) or vector(0)) / sum(rate(asked_total[5m]))', []],
    ['asked_total > 0', [...SCRAPED, 'outcome']],
  ])('%s can be asked', (expr, labels) => {
    expect(readPromql(expr, known)).toEqual({ labels, faults: [] })
  })

  test.each(['sum(lag', 'lag lag', 'lag ; lag', 'lag)'])('%s is not PromQL', (expr) => {
    expect(() => readPromql(expr, known)).toThrow(/wanted|not PromQL/)
  })
})

/** The reference page has all of them, for it is made by the factories that the services call. */
function declaredByTheProgram(): Map<string, DeclaredMetric> {
  const rows = renderMetricsReference().matchAll(/^\| `(tao_\w+)` \| (counter|gauge|histogram) \| (.*?) \|/gm)
  return new Map(
    [...rows].map(([, name = '', kind, labels = '']) => {
      return [name, { kind: kind as DeclaredMetric['kind'], labels: [...SCRAPED, ...matches(labels, /`(\w+)`/g)] }]
    }),
  )
}

function declaredByNode(): Map<string, DeclaredMetric> {
  const all = createMetrics({ process: true }).getMetricsAsArray()
  return new Map(
    all.map((metric) => {
      const { labelNames, type } = metric as unknown as { labelNames: readonly string[]; type: DeclaredMetric['kind'] }
      return [metric.name, { kind: type, labels: [...SCRAPED, ...labelNames] }]
    }),
  )
}

function declaredByPrometheus(): Map<string, DeclaredMetric> {
  return new Map([
    ['up', { kind: 'gauge', labels: SCRAPED }],
    // Of the blackbox exporter; `service` is added by relabelling.
    ['probe_success', { kind: 'gauge', labels: [...SCRAPED, 'service'] }],
  ])
}

/** The expression of an alert: on one line, or folded over several that are indented. */
function exprOf(block: string): string {
  const [, indent = '', line = ''] = /^( +)expr: (.+)$/m.exec(block) ?? []
  if (!line.startsWith('>')) return line
  const folded = block.slice(block.indexOf(line) + line.length + 1).split('\n')
  const end = folded.findIndex((one) => !one.startsWith(`${indent} `))
  return folded.slice(0, end).join(' ')
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group = '']) => group)
}

function read(path: string): string {
  return readFileSync(fileOf(path), 'utf8')
}

function fileOf(path: string): URL {
  return new URL(`../../../${path}`, import.meta.url)
}
