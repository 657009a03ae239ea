/**
 * The metrics of all workers as one page: counters and histograms are sums, gauges are what an alarm has to know.
 *
 * A counter that went backwards would be read as a restart of everything. So what an ended worker counted stays in the
 * sums, and a worker that does not answer counts as it did when it last answered.
 */
import { AggregatorRegistry, Counter, Registry } from 'prom-client'
import { type MetricName, metricDefinitions } from './metric-definitions.ts'
import type { Metrics, MetricValues } from './metrics.ts'
import { collectProcessMetrics } from './process-metrics.ts'

type Aggregator = 'sum' | 'min' | 'max'

/** The worst worker counts. What is not listed is summed, as memory, descriptors and handles are. */
const aggregators: Readonly<Record<string, Aggregator>> = {
  sallyport_build_info: 'max',
  sallyport_policy_info: 'max',
  sallyport_policy_rows: 'max',
  sallyport_policy_ending_rows: 'max',
  sallyport_policy_last_reload_successful: 'min',
  sallyport_store_up: 'min',
  sallyport_provider_up: 'min',
  sallyport_kubernetes_own_rights: 'max',
  process_start_time_seconds: 'min',
} satisfies Partial<Record<MetricName, Aggregator>> & Record<string, Aggregator>

const restartsName = 'sallyport_worker_restarts_total' satisfies MetricName
const clientErrorsName = 'sallyport_client_errors_total' satisfies MetricName

export interface AggregatedMetrics {
  /** The newest values of a worker. */
  readonly reported: (worker: number, values: MetricValues) => void
  /** A worker has ended: its counts stay, its gauges go. */
  readonly ended: (worker: number) => void
  /** A worker that ended unasked is replaced. */
  readonly restarted: () => void
  /** On the admin listener, which is this process's own. */
  readonly clientError: Metrics['clientError']
  /** The page that Prometheus reads, of what was reported. */
  readonly render: () => Promise<string>
  readonly contentType: string
}

/** `hasProcessMetrics`: with those of this process. Default true. */
export function createAggregatedMetrics({ hasProcessMetrics = true } = {}): AggregatedMetrics {
  const own = new Registry()
  const restarts = new Counter({
    name: restartsName,
    help: metricDefinitions[restartsName].help,
    registers: [own],
  })
  const clientErrors = new Counter({
    name: clientErrorsName,
    help: metricDefinitions[clientErrorsName].help,
    labelNames: Object.keys(metricDefinitions[clientErrorsName].labels),
    registers: [own],
  })
  if (hasProcessMetrics) collectProcessMetrics(own)
  const newest = new Map<number, MetricValues>()
  let past: Promise<MetricValues> = Promise.resolve([])

  return {
    reported: (worker, values) => void newest.set(worker, values),
    ended(worker) {
      const values = newest.get(worker)
      newest.delete(worker)
      if (values === undefined) return
      const counts = values.filter(({ type }) => isCount(type))
      past = past.then(before => aggregate([before, counts]).getMetricsAsJSON())
    },
    restarted: () => restarts.inc(),
    clientError: (listener, error) => clientErrors.inc({ listener, error }),
    async render() {
      // Before the first pause: a worker that ends in it would count twice, as itself and as one of the past.
      const current = [...newest.values()]
      const before = past
      return aggregate([...current, await before, await own.getMetricsAsJSON()]).metrics()
    },
    contentType: own.contentType,
  }
}

/** The library tells types as text, whatever its declarations say. */
const isCount = (type: unknown): boolean => type === 'counter' || type === 'histogram'

function aggregate(values: readonly MetricValues[]): Registry {
  return AggregatorRegistry.aggregate(values.map(list => list.map(withAggregator)))
}

function withAggregator<Metric extends MetricValues[number]>(metric: Metric): Metric {
  return { ...metric, aggregator: aggregatorOf(metric.name) }
}

function aggregatorOf(name: string): Aggregator | 'first' {
  if (name === 'nodejs_version_info') return 'first'
  if (name.startsWith('nodejs_eventloop_lag_')) return name.includes('_min_') ? 'min' : 'max'
  return aggregators[name] ?? 'sum'
}
