/** Numbers that one seed and one case always give again. */

export interface Random {
  /** A whole number from 0 to below `end`. */
  readonly below: (end: number) => number
  readonly pick: <T>(choices: readonly T[]) => T
  /** True once in `times`, on average. */
  readonly once: (times: number) => boolean
  /** Some of the choices, from `least` to `most`, in no order and with repetitions. */
  readonly some: <T>(choices: readonly T[], least: number, most: number) => T[]
}

/** Mulberry32: 32 bits of state, which is enough for what only has to be various. */
export function createRandom(seed: number, number: number): Random {
  // Neighbouring cases must not begin alike.
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35)) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return (bits ^ (bits >>> 14)) >>> 0
  }
  next()
  const below = (end: number): number => next() % end
  const pick = <T>(choices: readonly T[]): T => {
    const chosen = choices[below(choices.length)]
    if (chosen === undefined) throw new Error('there is nothing to choose from')
    return chosen
  }
  const some = <T>(choices: readonly T[], least: number, most: number): T[] =>
    Array.from({ length: least + below(most - least + 1) }, () => pick(choices))
  return { below, pick, once: times => below(times) === 0, some }
}
