/** Counts what the gateway to the clusters carries. Bytes of what is open are read when somebody scrapes. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { CallMeter, CallProgress } from '../kubernetes/gateway/carrying/call-meter.ts'
import { callEndings, streamKinds } from './label-values.ts'
import { callDurationBuckets, directions, rightsKinds } from './metric-definitions.ts'
import { describeMetric, ReadCounter } from './read-counter.ts'

/** @param clusters names of the configured ones; what another one would count is not counted */
export function createGatewayMetrics(registry: Registry, clusters: readonly string[]): CallMeter {
  const open = new Gauge(describeMetric('sallyport_kubernetes_streams_open', registry))
  const ended = new Counter(describeMetric('sallyport_kubernetes_streams_ended_total', registry))
  const failures = new Counter(describeMetric('sallyport_kubernetes_upstream_failures_total', registry))
  const durations = new Histogram({
    ...describeMetric('sallyport_kubernetes_call_duration_seconds', registry),
    buckets: [...callDurationBuckets],
  })
  for (const cluster of clusters) {
    failures.inc({ cluster }, 0)
    durations.zero({ cluster })
    for (const kind of streamKinds) {
      open.set({ cluster, kind }, 0)
      for (const ending of callEndings) ended.inc({ cluster, kind, ending }, 0)
    }
  }
  const bytes = new Map(clusters.map(cluster => [cluster, createByteCount()]))
  const series = [...bytes].flatMap(([cluster, count]) =>
    directions.map(direction => ({ labels: { cluster, direction }, read: () => count.total(direction) })),
  )
  new ReadCounter('sallyport_kubernetes_bytes_total', series, registry)

  return {
    begun({ cluster, stream: kind }, progress) {
      const count = bytes.get(cluster)
      if (count === undefined) return () => undefined
      const stop = count.add(progress)
      if (kind !== undefined) open.inc({ cluster, kind })
      return (ending, durationMs) => {
        stop()
        if (kind === undefined) {
          durations.observe({ cluster }, durationMs / 1000)
          return
        }
        open.dec({ cluster, kind })
        ended.inc({ cluster, kind, ending })
      }
    },
    upstreamFailed(cluster) {
      if (bytes.has(cluster)) failures.inc({ cluster })
    },
  }
}

export type OwnRightsCounts = Readonly<Record<(typeof rightsKinds)[number], number>>

/** What the gateway may do in each cluster beside what it has to. Another one than those configured is not counted. */
export function createOwnRightsGauge(registry: Registry, clusters: readonly string[]) {
  const names = new Gauge(describeMetric('sallyport_kubernetes_own_rights', registry))
  const set = (cluster: string, counts: OwnRightsCounts): void => {
    if (clusters.includes(cluster)) for (const kind of rightsKinds) names.set({ cluster, kind }, counts[kind])
  }
  for (const cluster of clusters) set(cluster, { missing: 0, excess: 0, unknown: 1 })
  return set
}

/** A stream lasts for hours, and a counter that moves when it is over shows nothing meanwhile. */
function createByteCount() {
  const open = new Set<CallProgress>()
  const past = { received: 0, sent: 0 }
  const bytesOf = ({ bytesReceived, bytesSent }: CallProgress) => ({ received: bytesReceived, sent: bytesSent })
  return {
    add(progress: CallProgress): () => void {
      open.add(progress)
      return () => {
        open.delete(progress)
        for (const direction of directions) past[direction] += bytesOf(progress)[direction]
      }
    },
    total: (direction: (typeof directions)[number]): number =>
      [...open].reduce((sum, progress) => sum + bytesOf(progress)[direction], past[direction]),
  }
}
