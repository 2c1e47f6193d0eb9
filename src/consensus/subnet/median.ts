/**
 * The score that a majority of the stake agrees on: the smallest one such that the stake on higher scores is less than `majority`, or the largest if there
 * is none (a majority of 0).
 *
 * It is what the chain's `weighted_median` in math.rs finds. That looks for the score v with `stake(< v) <= total - majority < stake(<= v)`: in ascending
 * order the first with `total - majority < stake(<= v)`, which is `stake(> v) < majority`. Where the majority exceeds the total it ends on the smallest
 * score, and where it is 0 on the largest, as the rule above does.
 *
 * Scores and stakes are the first `count` entries, all above 0, and are reordered. Stake of `total` that is not among them has a score of 0.
 */
export function weightedMedian(scores: Float64Array, stakes: Float64Array, count: number, total: number, majority: number): number {
  if (count === 0) return 0
  let all = 0
  for (let k = 0; k < count; k++) all += stakes[k] as number
  if (all < total && all < majority) return 0

  // `above`: stake on scores higher than those of the part that is left, which holds the answer.
  let above = 0
  let left = count
  for (;;) {
    const pivot = middle(scores[0] as number, scores[left >> 1] as number, scores[left - 1] as number)
    let higher = 0
    let equal = 0
    for (let k = 0; k < left; k++) {
      const score = scores[k] as number
      if (score > pivot) higher += stakes[k] as number
      else if (score === pivot) equal += stakes[k] as number
    }
    const isHigher = above + higher >= majority
    if (!isHigher) above += higher
    if (!isHigher && above + equal >= majority) return pivot
    const kept = keep(scores, stakes, left, pivot, isHigher)
    // Nothing lower, and the stake is less than the majority; or nothing higher, and the majority is 0.
    if (kept === 0) return pivot
    if (!isHigher) above += equal
    left = kept
  }
}

function keep(scores: Float64Array, stakes: Float64Array, count: number, pivot: number, higher: boolean): number {
  let kept = 0
  for (let k = 0; k < count; k++) {
    const score = scores[k] as number
    if (higher ? score > pivot : score < pivot) {
      scores[kept] = score
      stakes[kept++] = stakes[k] as number
    }
  }
  return kept
}

function middle(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
