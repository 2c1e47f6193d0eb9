// Prints phases in C-like languages.

/** @typedef {import('./graph.mjs').Phase} Phase */
/** @typedef {import('./graph.mjs').Ref} Ref */
/** @typedef {import('./graph.mjs').Step} Step */

/**
 * How a language writes things.
 *
 * @typedef {object} Language
 * @property {Record<32 | 64, string>} type Of a word.
 * @property {(step: Step, args: string[]) => string} operation The expression of a step.
 * @property {(index: number) => string} slot A launch constant as a word.
 * @property {(value: bigint, width: 32 | 64) => string} literal
 * @property {(name: string) => string} [input] A phase's input; its name unless given.
 */

/**
 * A phase's steps, a line each, and the expressions of its outputs.
 *
 * @param {Phase} phase
 * @param {Language} language
 * @param {string} [prefix] Of the names of values: phases printed into one scope need different ones.
 * @returns {{ lines: string[], outputs: string[] }}
 */
export function printPhase(phase, language, prefix = 'v') {
  const write = (ref, width) => {
    if (ref.kind === 'value') return `${prefix}${ref.id}`
    if (ref.kind === 'slot') return language.slot(ref.index)
    if (ref.kind === 'literal') return language.literal(ref.value, width)
    return language.input ? language.input(ref.name) : ref.name
  }
  const lines = phase.steps.map((step) => {
    const args = step.args.map((arg) => write(arg, step.width))
    return `const ${language.type[step.width]} ${prefix}${step.id} = ${language.operation(step, args)};`
  })
  const width = phase.steps.at(-1)?.width ?? 32
  return { lines, outputs: phase.outputs.map((ref) => write(ref, width)) }
}

/** @param {bigint} value */
export function hex(value, width) {
  return `0x${value.toString(16).padStart(width / 4, '0')}`
}
