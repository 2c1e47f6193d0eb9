import type { PromptMessage } from '../dendrite/types.js'

export interface ScoredAnswer {
  text: string
  /** In [0, 1]: how good answers of that target were before. */
  gating: number
  /** Milliseconds from the request. */
  ms: number
}

/** Says how good answers to one question are. */
export interface Scorer {
  /** A number for every answer, in order, the higher the better. May reject: then the gating scores decide. */
  score(
    messages: readonly PromptMessage[],
    answers: readonly ScoredAnswer[],
    signal: AbortSignal,
  ): readonly number[] | Promise<readonly number[]>
}

/** Words that are compared; the cost is linear in them, and more say nothing new. */
const MOST_WORDS = 2_000
const AGREEMENT_SHARE = 0.7

/**
 * Without a judge, the answer that most others agree with: `0.7 · agreement + 0.3 · gating`, agreement being the mean over the other answers of the Dice
 * coefficient `2·|A ∩ B| / (|A| + |B|)` of the words and pairs of neighbouring words (with their counts), which is normalised by length: neither a long answer
 * that contains everything nor a short one that everything contains wins by that.
 */
export function createAgreementScorer(): Scorer {
  return {
    score(_messages, answers) {
      const bags = answers.map(({ text }) => bagOf(text))
      return answers.map(({ gating }, i) => {
        const others = bags.flatMap((bag, j) => (i === j ? [] : [dice(bags[i] ?? EMPTY, bag)]))
        const agreement = others.length === 0 ? 0 : others.reduce((sum, one) => sum + one, 0) / others.length
        return AGREEMENT_SHARE * agreement + (1 - AGREEMENT_SHARE) * gating
      })
    },
  }
}

interface Bag {
  counts: Map<string, number>
  size: number
}

const EMPTY: Bag = { counts: new Map(), size: 0 }

function bagOf(text: string): Bag {
  const words: string[] = []
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    words.push(word)
    if (words.length === MOST_WORDS) break
  }
  const terms = [...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)]
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return { counts, size: terms.length }
}

function dice(a: Bag, b: Bag): number {
  if (a.size + b.size === 0) return 0
  let shared = 0
  for (const [term, count] of a.counts) shared += Math.min(count, b.counts.get(term) ?? 0)
  return (2 * shared) / (a.size + b.size)
}
