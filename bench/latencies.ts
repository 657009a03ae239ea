/**
 * Latencies by their logarithm, in a fixed array: recording one allocates nothing, so that the generator's own garbage
 * collection is not measured. A value comes back within 0.6 %.
 */

export interface Latencies {
  readonly record: (milliseconds: number) => void
  readonly count: () => number
  /** Milliseconds that the given share of all stays below; NaN when there are none. */
  readonly at: (share: number) => number
  /** Exact; 0 when there are none. */
  readonly longestMs: () => number
}

const perOctave = 64
/** From a microsecond to more than an hour. */
const octaves = 32

export function createLatencies(): Latencies {
  const buckets = new Float64Array(perOctave * octaves)
  let count = 0
  let longest = 0
  return {
    record(milliseconds) {
      const at = Math.floor(Math.log2(milliseconds * 1_000) * perOctave)
      const bucket = Math.min(Math.max(at, 0), buckets.length - 1)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
      count += 1
      if (milliseconds > longest) longest = milliseconds
    },
    count: () => count,
    at(share) {
      if (count === 0) return Number.NaN
      let remaining = Math.min(Math.floor(count * share), count - 1)
      for (let bucket = 0; bucket < buckets.length; bucket += 1) {
        remaining -= buckets[bucket] ?? 0
        if (remaining < 0) return 2 ** ((bucket + 0.5) / perOctave) / 1_000
      }
      return Number.NaN
    },
    longestMs: () => longest,
  }
}
