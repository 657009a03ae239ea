/**
 * Count and duration of checks, in plain numbers that are put together when somebody scrapes.
 *
 * A bound histogram of prom-client looks its labels up and keeps cumulative maps; at tens of thousands of checks a second
 * that is a part of each one. There are only as many cells as there are fronts and reasons, and both are closed lists.
 */
import { Histogram, type Registry } from 'prom-client'
import { checkOutcomes, durationBuckets, metricDefinitions } from './metric-definitions.ts'
import { describeMetric, ReadCounter } from './read-counter.ts'

type Labels = { readonly front: string; readonly effect: string; readonly reason: string }

interface Cell {
  readonly labels: Labels
  /** Checks by the bucket that their duration falls in; the last one is beyond all bounds. */
  readonly buckets: Float64Array
  sumMicroseconds: number
}

export interface CheckCells {
  /** A front or a reason that is not of the closed lists is not counted. */
  readonly count: (front: string, reason: string, durationMicroseconds: number) => void
}

const durationName = 'sallyport_check_duration_seconds'
const boundsMicroseconds = durationBuckets.map(seconds => seconds * 1_000_000)

export function createCheckCells(registry: Registry, fronts: readonly string[]): CheckCells {
  const cells = fronts.flatMap(front => checkOutcomes.map(outcome => createCell({ front, ...outcome })))
  // Reasons are unique: each belongs to one effect.
  const byFront = new Map(
    fronts.map(front => [front, new Map(cells.filter(isOf(front)).map(cell => [cell.labels.reason, cell]))]),
  )
  const totals = cells.map(cell => ({ labels: cell.labels, read: () => totalOf(cell) }))
  new ReadCounter('sallyport_checks_total', totals, registry)
  new CheckDurations(cells, registry)
  return {
    count(front, reason, durationMicroseconds) {
      const cell = byFront.get(front)?.get(reason)
      if (cell === undefined) return
      const bucket = bucketOf(durationMicroseconds)
      cell.buckets[bucket] = (cell.buckets[bucket] ?? 0) + 1
      cell.sumMicroseconds += durationMicroseconds
    },
  }
}

const isOf =
  (front: string) =>
  ({ labels }: Cell): boolean =>
    labels.front === front

const createCell = (labels: Labels): Cell => ({
  labels,
  buckets: new Float64Array(boundsMicroseconds.length + 1),
  sumMicroseconds: 0,
})

/** An upper bound belongs to its bucket (Prometheus, "Histograms": `le`). */
function bucketOf(microseconds: number): number {
  let bucket = 0
  while (microseconds > (boundsMicroseconds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
  return bucket
}

const totalOf = ({ buckets }: Cell): number => buckets.reduce((sum, count) => sum + count, 0)

class CheckDurations extends Histogram<string> {
  readonly #cells: readonly Cell[]
  constructor(cells: readonly Cell[], registry: Registry) {
    super({ ...describeMetric(durationName, registry), buckets: [...durationBuckets] })
    this.#cells = cells
  }
  /** What the registry asks for when it renders text, and what `get` of the base class is made of. */
  async getForPromString() {
    const { help } = metricDefinitions[durationName]
    return {
      name: durationName,
      help,
      type: 'histogram',
      values: this.#cells.flatMap(histogramValues),
      aggregator: 'sum',
    }
  }
}

/** Cumulative counts by upper bound, then sum and count; `sharedLabels` is how prom-client writes what all have in common. */
function histogramValues({ labels: sharedLabels, buckets, sumMicroseconds }: Cell) {
  let total = 0
  const counted = [...durationBuckets, '+Inf'].map((le, at) => {
    total += buckets[at] ?? 0
    return { metricName: `${durationName}_bucket`, labels: { le }, sharedLabels, value: total }
  })
  return [
    ...counted,
    { metricName: `${durationName}_sum`, labels: {}, sharedLabels, value: sumMicroseconds / 1_000_000 },
    { metricName: `${durationName}_count`, labels: {}, sharedLabels, value: total },
  ]
}
