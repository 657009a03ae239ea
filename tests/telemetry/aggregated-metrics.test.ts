/** The page of all workers, from what each of them reported. */
import { beforeEach, describe, expect, it } from 'vitest'
import { type AggregatedMetrics, createAggregatedMetrics } from '../../app/telemetry/aggregated-metrics.ts'
import { metricDefinitions } from '../../app/telemetry/metric-definitions.ts'
import { createMetrics, type Metrics } from '../../app/telemetry/metrics.ts'
import { frontNames } from '../dialects.ts'

const worker = (): Metrics =>
  createMetrics({ version: '1.2.3', providers: ['corp'], fronts: frontNames, hasProcessMetrics: false })

let alpha: Metrics
let beta: Metrics
let all: AggregatedMetrics
beforeEach(() => {
  alpha = worker()
  beta = worker()
  all = createAggregatedMetrics({ hasProcessMetrics: false })
})

async function report(): Promise<void> {
  all.reported(1, structuredClone(await alpha.values()))
  all.reported(2, structuredClone(await beta.values()))
}

async function lines(name: string): Promise<string[]> {
  return (await all.render()).split('\n').filter(line => line.startsWith(name))
}

describe('the metrics of several workers', () => {
  it('are the definitions of one process, each once', async () => {
    await report()
    const page = await all.render()
    const names = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type])
    const definitions = Object.entries(metricDefinitions).map(([name, { type }]) => [name, type])
    expect(names.sort()).toEqual(definitions.sort())
  })

  it('sum counters and histograms, bucket by bucket', async () => {
    const allow = { effect: 'allow', rule: 'a.csv:1', revision: 'r' } as never
    for (const micros of [30, 700]) alpha.decided('auth-request', allow, micros)
    beta.decided('auth-request', allow, 30)
    await report()
    const label = '{front="auth-request",effect="allow",reason="rule-matched"}'
    expect(await lines(`sallyport_checks_total${label}`)).toEqual([`sallyport_checks_total${label} 3`])
    const bucket = (le: string) =>
      lines(`sallyport_check_duration_seconds_bucket{le="${le}",${label.slice(1)}`).then(
        found => found[0]?.split(' ')[1],
      )
    expect([await bucket('0.000025'), await bucket('0.00005'), await bucket('0.001'), await bucket('+Inf')]).toEqual([
      '0',
      '2',
      '3',
      '3',
    ])
  })

  it('show the worst of the gauges that an alarm watches, and each revision in force', async () => {
    for (const metrics of [alpha, beta]) {
      metrics.storeUp(true)
      metrics.providerUp('corp', true)
    }
    alpha.policyLoaded('old', 5)
    beta.policyLoaded('new', 6)
    beta.policyRejected()
    beta.storeUp(false)
    await report()
    expect(await lines('sallyport_store_up')).toEqual(['sallyport_store_up 0'])
    expect(await lines('sallyport_provider_up')).toEqual(['sallyport_provider_up{provider="corp"} 1'])
    expect(await lines('sallyport_policy_last_reload_successful')).toEqual([
      'sallyport_policy_last_reload_successful 0',
    ])
    expect((await lines('sallyport_policy_info')).sort()).toEqual([
      'sallyport_policy_info{revision="new"} 1',
      'sallyport_policy_info{revision="old"} 1',
    ])
    expect(await lines('sallyport_policy_rows')).toEqual(['sallyport_policy_rows 6'])
    expect(await lines('sallyport_build_info')).toEqual(['sallyport_build_info{version="1.2.3"} 1'])
    expect(await lines('sallyport_workers')).toEqual(['sallyport_workers 2'])
  })

  it('keep what an ended worker counted, and nothing else of it', async () => {
    alpha.handedOff()
    alpha.handedOff()
    beta.handedOff()
    alpha.storeUp(false)
    beta.storeUp(true)
    alpha.policyLoaded('old', 1)
    await report()
    all.ended(1)
    expect(await lines('sallyport_handoffs_total')).toEqual(['sallyport_handoffs_total 3'])
    expect(await lines('sallyport_store_up')).toEqual(['sallyport_store_up 1'])
    expect(await lines('sallyport_policy_info')).toEqual([])
    expect(await lines('sallyport_workers')).toEqual(['sallyport_workers 1'])
    all.ended(2)
    all.ended(2)
    expect(await lines('sallyport_handoffs_total')).toEqual(['sallyport_handoffs_total 3'])
    const again = worker()
    again.handedOff()
    all.reported(3, await again.values())
    all.restarted()
    expect(await lines('sallyport_handoffs_total')).toEqual(['sallyport_handoffs_total 4'])
    expect(await lines('sallyport_worker_restarts_total')).toEqual(['sallyport_worker_restarts_total 1'])
  })
})

describe('the process metrics', () => {
  it('sum memory, and start with the first', async () => {
    const measured = createMetrics({ version: '1.2.3', providers: [], fronts: frontNames })
    const together = createAggregatedMetrics()
    together.reported(1, await measured.values())
    const page = await together.render()
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1])
    // This process stands for both: it is counted twice.
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1.5 * process.memoryUsage.rss())
    // The library rounds to whole seconds.
    expect(value('process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1000 + 1)
    expect(page).toContain(`nodejs_version_info{version="${process.version}"`)
  })
})
