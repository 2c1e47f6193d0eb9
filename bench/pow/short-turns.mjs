// How kernels and what limits them are measured alike: many turns of about a millisecond, long enough that reading the clock does not count.

/**
 * The tenth percentile of how long turns took. Other work only ever makes a turn longer, so most of the shortest were undisturbed; the very shortest may owe it
 * to a step of the clock.
 *
 * @param {number[]} seconds
 */
export function undisturbed(seconds) {
  return [...seconds].sort((a, b) => a - b)[Math.floor(seconds.length / 10)]
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
