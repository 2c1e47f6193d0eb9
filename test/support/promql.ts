/** Reads PromQL as far as it takes to say whether an expression can have a result, given the metrics that there are. */

export interface DeclaredMetric {
  kind: 'counter' | 'gauge' | 'histogram'
  /** With those that scraping adds. */
  labels: readonly string[]
}

export interface Reading {
  /** Labels of the result. */
  labels: readonly string[]
  /** What is wrong; empty for what may be used. */
  faults: string[]
}

interface Part {
  /** null: a number. */
  labels: Set<string> | null
  /** Samples that it is made from. */
  samples: string[]
  /** Labels that are given by `=`: those of `absent`. */
  fixed: Set<string>
}

const AGGREGATIONS = ['sum', 'min', 'max', 'avg', 'count']
/** Those that take a range, by the kind of metric that they make sense for. */
const OF_COUNTERS = ['rate', 'increase', 'irate']
const OF_GAUGES = ['changes', 'deriv', 'delta', 'max_over_time', 'min_over_time', 'avg_over_time']
const OTHERS = ['histogram_quantile', 'absent', 'time', 'vector', 'scalar']
const SET_OPERATORS = ['and', 'or', 'unless']
const OPERATORS = [...SET_OPERATORS, '+', '-', '*', '/', '%', '^', '==', '!=', '>', '<', '>=', '<=']
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\]|=~|!~|[!=<>]=|[a-zA-Z_:][\w:]*|\d[\w.]*|[-+*/%^(){},=<>])/y

/** Operators are taken from left to right, whatever binds closer: labels come out the same where both sides have the same. */
export function readPromql(text: string, metrics: ReadonlyMap<string, DeclaredMetric>): Reading {
  const faults: string[] = []
  const tokens = tokensOf(text)
  let at = 0
  const peek = (ahead = 0): string => tokens[at + ahead] ?? ''
  const accept = (token: string): boolean => peek() === token && ++at > 0
  const expect = (token: string): void => {
    if (!accept(token)) throw new Error(`wanted "${token}" before "${tokens.slice(at).join(' ')}"`)
  }

  function names(): string[] {
    const all: string[] = []
    expect('(')
    while (!accept(')')) {
      all.push(peek())
      at++
      accept(',')
    }
    return all
  }

  function expression(): Part {
    let left = operand(null)
    while (OPERATORS.includes(peek())) {
      const operator = peek()
      at++
      accept('bool')
      const matched = peek() === 'on' && ++at > 0 ? names() : null
      left = combined(left, operator, matched, operand(null))
    }
    return left
  }

  function combined(left: Part, operator: string, matched: string[] | null, right: Part): Part {
    const samples = [...left.samples, ...right.samples]
    const part = (labels: Set<string> | null): Part => ({ labels, samples, fixed: new Set() })
    if (left.labels === null || right.labels === null) return part(left.labels ?? right.labels)
    if (operator === 'or') return part(new Set([...left.labels, ...right.labels]))
    const [here, there] = [left.labels, right.labels].map((labels) => [...labels].sort().join(', '))
    if (matched === null && here !== there) faults.push(`"${operator}" never matches {${here}} with {${there}}`)
    return part(matched === null || SET_OPERATORS.includes(operator) ? left.labels : new Set(matched))
  }

  function operand(inside: string | null): Part {
    accept('-')
    const token = peek()
    at++
    if (token === '(') {
      const part = expression()
      expect(')')
      return part
    }
    if (/^\d/.test(token)) return { labels: null, samples: [], fixed: new Set() }
    if (AGGREGATIONS.includes(token)) return aggregation()
    if (peek() === '(') return call(token)
    return selector(token, inside)
  }

  function aggregation(): Part {
    const by = accept('by') ? names() : []
    expect('(')
    const { labels, samples } = expression()
    expect(')')
    for (const label of by) if (labels?.has(label) !== true) faults.push(`"by (${label})", which ${samples.join(', ')} has not`)
    return { labels: new Set(by), samples, fixed: new Set() }
  }

  function call(name: string): Part {
    if (![...OF_COUNTERS, ...OF_GAUGES, ...OTHERS].includes(name)) faults.push(`the function ${name} is not known here`)
    expect('(')
    const takesRange = !OTHERS.includes(name)
    const parts: Part[] = []
    while (!accept(')')) {
      parts.push(takesRange ? operand(name) : expression())
      accept(',')
    }
    const last = parts.at(-1) ?? { labels: null, samples: [], fixed: new Set() }
    if (name === 'time' || name === 'scalar') return { ...last, labels: null }
    if (name === 'vector') return { ...last, labels: new Set() }
    if (name === 'absent') return { ...last, labels: last.fixed }
    if (name !== 'histogram_quantile') return last
    for (const sample of last.samples)
      if (!sample.endsWith('_bucket')) faults.push(`histogram_quantile of ${sample}, which is no bucket of a histogram`)
    if (last.labels?.has('le') !== true) faults.push('histogram_quantile of samples without "le"')
    return { ...last, labels: new Set([...(last.labels ?? [])].filter((label) => label !== 'le')) }
  }

  function selector(name: string, inside: string | null): Part {
    const sample = sampleOf(name, metrics)
    if (sample === null) faults.push(`${name} is not a metric`)
    const fixed = new Set<string>()
    if (accept('{')) {
      while (!accept('}')) {
        const [label, operator] = [peek(), peek(1)]
        at += 3
        accept(',')
        if (sample?.labels.includes(label) === false) faults.push(`${name} has no label ${label}`)
        if (operator === '=') fixed.add(label)
      }
    }
    const hasRange = peek().startsWith('[')
    if (hasRange) at++
    if (hasRange !== (inside !== null))
      faults.push(`${name} ${hasRange ? 'has a range outside of a function' : `needs a range in ${inside}`}`)
    const isAboveZero = peek() === '>' && peek(1) === '0'
    if (sample?.isCounter === true && !isAboveZero && !OF_COUNTERS.includes(inside ?? ''))
      faults.push(`${name} is a counter: wanted a rate of it`)
    if (sample?.isCounter === false && OF_COUNTERS.includes(inside ?? '')) faults.push(`${name} is no counter: ${inside} means nothing`)
    return { labels: new Set(sample?.labels ?? []), samples: [name], fixed }
  }

  const result = expression()
  if (at < tokens.length) throw new Error(`wanted the end before "${tokens.slice(at).join(' ')}"`)
  return { labels: [...(result.labels ?? [])], faults }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  const end = text.trimEnd().length
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex
    const [, token] = TOKEN.exec(text) ?? []
    if (token === undefined) throw new Error(`not PromQL: "${text.slice(from)}"`)
    tokens.push(token)
  }
  return tokens
}

/** A histogram is scraped as three counters. */
function sampleOf(name: string, metrics: ReadonlyMap<string, DeclaredMetric>): { labels: readonly string[]; isCounter: boolean } | null {
  const metric = metrics.get(name)
  if (metric !== undefined) return metric.kind === 'histogram' ? null : { labels: metric.labels, isCounter: metric.kind === 'counter' }
  const [, base = '', part] = /^(.+)_(bucket|sum|count)$/.exec(name) ?? []
  const histogram = metrics.get(base)
  if (histogram?.kind !== 'histogram') return null
  return { labels: part === 'bucket' ? [...histogram.labels, 'le'] : histogram.labels, isCounter: true }
}
