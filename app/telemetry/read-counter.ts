/**
 * A counter of prom-client whose values are read from plain numbers when somebody scrapes.
 *
 * A bound counter looks its labels up and checks its argument each time: for what is counted with every check that is a
 * part of each one.
 */
import { Counter, type Registry } from 'prom-client'
import { type MetricName, metricDefinitions } from './metric-definitions.ts'

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly read: () => number
}

/** Name, help and labels as `metricDefinitions` has them. */
export const describeMetric = (name: MetricName, registry: Registry) => ({
  name,
  help: metricDefinitions[name].help,
  labelNames: Object.keys(metricDefinitions[name].labels),
  registers: [registry],
})

export class ReadCounter extends Counter<string> {
  readonly #series: readonly Series[]
  constructor(name: MetricName, series: readonly Series[], registry: Registry) {
    super(describeMetric(name, registry))
    this.#series = series
  }
  override async get() {
    const values = this.#series.map(({ labels, read }) => ({ labels: { ...labels }, value: read() }))
    return { ...(await super.get()), values }
  }
}
