/** Medians and spreads: a mean of rounds would let one hiccup of the machine decide. */

/** Median over the rounds, with the first and third quartile. */
export interface Ratio {
  readonly ratio: number
  readonly spread: readonly [number, number]
}

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5)
}

export function summarise(ratios: readonly number[]): Ratio {
  return { ratio: medianOf(ratios), spread: [quantileOf(ratios, 0.25), quantileOf(ratios, 0.75)] }
}

/** Linear between the two nearest values. NaN for no values. */
function quantileOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}
