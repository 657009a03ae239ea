import { describe, expect, test } from 'vitest'
import type { AuditEvent, WithoutStamp } from '../../app/audit/event.ts'
import { createCountedAuditLog } from '../../app/telemetry/counted-audit-log.ts'
import { metricDefinitions } from '../../app/telemetry/metric-definitions.ts'
import { createMetrics, type Metrics } from '../../app/telemetry/metrics.ts'
import { frontNames } from '../dialects.ts'

const create = (hasProcessMetrics = false): Metrics =>
  createMetrics({ version: '1.2.3', providers: ['corp', 'partner'], fronts: frontNames, hasProcessMetrics })

/** The value of one series, as Prometheus reads it; `undefined` when the page has none. */
async function readSeries(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.render()).split('\n').find(text => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

async function changed(metrics: Metrics, change: () => void): Promise<string[]> {
  const seriesOf = async () => new Set((await metrics.render()).split('\n').filter(line => !line.startsWith('#')))
  const before = await seriesOf()
  change()
  return [...(await seriesOf())].filter(line => !before.has(line))
}

describe('each thing that happens moves its own series and no other', () => {
  const allow = { effect: 'allow', rule: 'wiki.csv:1', revision: '9f2c' } as const
  const challenge = { effect: 'challenge', reason: 'user-unauthenticated', login: {}, revision: '9f2c' } as const
  const deny = { effect: 'deny', reason: 'rule-denied', revision: '9f2c' } as const
  const cases: [string, (metrics: Metrics) => void, string[]][] = [
    [
      'a refused subrequest',
      metrics => metrics.refused('auth-request', 'ERR_REQUEST_MALFORMED'),
      ['sallyport_refused_total{front="auth-request",code="ERR_REQUEST_MALFORMED"} 1'],
    ],
    [
      'three ignored headers (A04)',
      metrics => metrics.ignoredHeaders('forward-auth', 3),
      ['sallyport_ignored_headers_total{front="forward-auth"} 3'],
    ],
    [
      'a token that lets nobody in',
      metrics => metrics.tokenRefused('expired'),
      ['sallyport_token_refusals_total{reason="expired"} 1'],
    ],
    ['omitted groups', metrics => metrics.groupsOmitted(), ['sallyport_groups_omitted_total 1']],
    [
      'a login',
      metrics => metrics.login('corp', 'succeeded'),
      ['sallyport_logins_total{provider="corp",outcome="succeeded"} 1'],
    ],
    [
      'a failed login of nobody knows which provider',
      metrics => metrics.login(undefined, 'failed'),
      ['sallyport_logins_total{provider="unknown",outcome="failed"} 1'],
    ],
    [
      'a login with a provider that somebody made up',
      metrics => metrics.login('mallory', 'failed'),
      ['sallyport_logins_total{provider="unknown",outcome="failed"} 1'],
    ],
    [
      'a session that was remembered',
      metrics => metrics.sessionCache('hit'),
      ['sallyport_session_cache_lookups_total{result="hit"} 1'],
    ],
    [
      'a session that was read, twice',
      metrics => {
        metrics.sessionCache('miss')
        metrics.sessionCache('miss')
      },
      ['sallyport_session_cache_lookups_total{result="miss"} 2'],
    ],
    [
      'a session that the store told of',
      metrics => metrics.sessionCache('invalidation'),
      ['sallyport_session_cache_invalidations_total 1'],
    ],
    [
      'an exchanged token',
      metrics => metrics.exchanged('issued'),
      ['sallyport_token_exchanges_total{outcome="issued"} 1'],
    ],
    ['a handoff', metrics => metrics.handedOff(), ['sallyport_handoffs_total 1']],
    ['a log-out', metrics => metrics.sessionEnded('logout'), ['sallyport_sessions_ended_total{cause="logout"} 1']],
    ['a store that answers', metrics => metrics.storeUp(true), ['sallyport_store_up 1']],
    [
      'a provider that answers',
      metrics => metrics.providerUp('corp', true),
      ['sallyport_provider_up{provider="corp"} 1'],
    ],
    ['a provider that somebody made up', metrics => metrics.providerUp('mallory', true), []],
    ['audit lines', metrics => metrics.auditWritten(7), ['sallyport_audit_lines_total 7']],
    ['a failed write', metrics => metrics.auditFailed(0), ['sallyport_audit_failures_total 1']],
    [
      'lost lines',
      metrics => metrics.auditFailed(2),
      ['sallyport_audit_failures_total 1', 'sallyport_audit_lines_lost_total 2'],
    ],
  ]

  test.each(cases)('%s', async (_name, happen, expected) => {
    const metrics = create()
    expect(await changed(metrics, () => happen(metrics))).toEqual(expected)
  })

  test.each([
    ['allow', allow, 'effect="allow",reason="rule-matched"'],
    ['challenge', challenge, 'effect="challenge",reason="user-unauthenticated"'],
    ['deny', deny, 'effect="deny",reason="rule-denied"'],
  ])('a decision to %s', async (_name, decision, labels) => {
    const metrics = create()
    const lines = await changed(metrics, () => metrics.decided('forward-auth', decision, 87))
    expect(lines).toContain(`sallyport_checks_total{front="forward-auth",${labels}} 1`)
    expect(lines.filter(line => !line.startsWith('sallyport_check_duration_seconds'))).toHaveLength(1)
    expect(lines.some(line => line.includes('front="auth-request"'))).toBe(false)
  })

  test('the duration of a check falls into the bucket of its microseconds', async () => {
    const metrics = create()
    metrics.decided('auth-request', allow, 87)
    const bucket = (le: string) =>
      `sallyport_check_duration_seconds_bucket{le="${le}",front="auth-request",effect="allow",reason="rule-matched"}`
    expect(await readSeries(metrics, bucket('0.00005'))).toBe(0)
    expect(await readSeries(metrics, bucket('0.0001'))).toBe(1)
    expect(
      await readSeries(
        metrics,
        'sallyport_check_duration_seconds_sum{front="auth-request",effect="allow",reason="rule-matched"}',
      ),
    ).toBeCloseTo(0.000087, 9)
  })
})

describe('the policy metrics', () => {
  test('name the revision in force, and only that', async () => {
    const metrics = create()
    metrics.policyLoaded('aaaa', 10)
    metrics.policyLoaded('bbbb', 12)
    expect(await readSeries(metrics, 'sallyport_policy_info{revision="aaaa"}')).toBeUndefined()
    expect(await readSeries(metrics, 'sallyport_policy_info{revision="bbbb"}')).toBe(1)
    expect(await readSeries(metrics, 'sallyport_policy_rows')).toBe(12)
    expect(await readSeries(metrics, 'sallyport_policy_reloads_total{outcome="loaded"}')).toBe(2)
  })

  test('tell a rejected reload until the next good one', async () => {
    const metrics = create()
    metrics.policyLoaded('aaaa', 10)
    metrics.policyRejected()
    expect(await readSeries(metrics, 'sallyport_policy_last_reload_successful')).toBe(0)
    expect(await readSeries(metrics, 'sallyport_policy_info{revision="aaaa"}')).toBe(1)
    expect(await readSeries(metrics, 'sallyport_policy_reloads_total{outcome="rejected"}')).toBe(1)
    metrics.policyLoaded('bbbb', 10)
    expect(await readSeries(metrics, 'sallyport_policy_last_reload_successful')).toBe(1)
  })
})

describe('the page', () => {
  test('has every defined metric with its type and help, and no other', async () => {
    const page = await create().render()
    const helps = [...page.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name, help]) => [name, help])
    const types = [...page.matchAll(/^# TYPE (\S+) (.*)$/gm)].map(([, name, type]) => [name, type])
    const definitions = Object.entries(metricDefinitions)
    expect(new Map(helps as [string, string][])).toEqual(new Map(definitions.map(([name, { help }]) => [name, help])))
    expect(new Map(types as [string, string][])).toEqual(new Map(definitions.map(([name, { type }]) => [name, type])))
  })

  test('shows a counter before it first counts', async () => {
    const metrics = create()
    expect(
      await readSeries(metrics, 'sallyport_refused_total{front="forward-auth",code="ERR_STORE_UNAVAILABLE"}'),
    ).toBe(0)
    expect(await readSeries(metrics, 'sallyport_provider_up{provider="partner"}')).toBe(0)
    expect(await readSeries(metrics, 'sallyport_build_info{version="1.2.3"}')).toBe(1)
  })

  test('has the process metrics too', async () => {
    const metrics = create(true)
    expect(await metrics.render()).toMatch(/^process_cpu_seconds_total /m)
    expect(metrics.contentType).toContain('version=0.0.4')
  })

  test('grows with no request: a thousand strangers leave as many series as there were', async () => {
    const metrics = create()
    const before = (await metrics.render()).split('\n').length
    for (let at = 0; at < 1_000; at += 1) {
      metrics.login(`stranger-${at}`, 'failed')
      metrics.providerUp(`stranger-${at}`, true)
      metrics.refused(`front-${at}`, `ERR_${at}` as 'ERR_INTERNAL')
      metrics.ignoredHeaders(`front-${at}`, 1)
      metrics.decided(`front-${at}`, { effect: 'allow', rule: `r:${at}`, revision: 'a' }, at)
    }
    expect((await metrics.render()).split('\n')).toHaveLength(before)
  })
})

describe('the counted audit log', () => {
  const common = { requestId: '1' }
  const failed = { provider: 'corp', code: 'ERR_LOGIN_REFUSED' }
  const cases: [WithoutStamp<AuditEvent>, string | undefined][] = [
    [{ event: 'login.started', ...common, provider: 'corp' }, 'login corp started'],
    [{ event: 'login.succeeded', ...common, provider: 'corp', groups: [] }, 'login corp succeeded'],
    [{ event: 'login.failed', ...common, code: 'ERR_LOGIN_REFUSED' }, 'login undefined failed'],
    [{ event: 'session.handed-off', ...common, domain: 'wiki.example.com' }, 'handed off'],
    [{ event: 'session.ended', ...common, cause: 'back-channel' }, 'ended back-channel'],
    [{ event: 'exchange.refused', ...common, reason: 'policy' }, 'exchanged refused'],
    [{ event: 'exchange.revoked', ...common, jti: 'a', host: 'wiki.example.com' }, 'exchanged revoked'],
    [{ event: 'session.verified', ...common, provider: 'corp' }, 'asked corp verified'],
    [{ event: 'session.verification-failed', ...common, ...failed, reason: 'refused' }, 'asked corp refused'],
    [{ event: 'session.verification-failed', ...common, ...failed, reason: 'unavailable' }, undefined],
    [{ event: 'policy.loaded', ...common, revision: 'a', rows: 1 }, undefined],
  ]

  test.each(cases)('passes $event on and counts it', (event, expected) => {
    const counted: string[] = []
    const written: unknown[] = []
    const log = createCountedAuditLog(
      { write: one => written.push(one), flush: async () => undefined },
      {
        login: (provider, outcome) => counted.push(`login ${provider} ${outcome}`),
        handedOff: () => counted.push('handed off'),
        exchanged: outcome => counted.push(`exchanged ${outcome}`),
        sessionEnded: cause => counted.push(`ended ${cause}`),
        sessionVerified: (provider, outcome) => counted.push(`asked ${provider} ${outcome}`),
      },
    )
    log.write(event)
    expect(written).toEqual([event])
    expect(counted).toEqual(expected === undefined ? [] : [expected])
  })
})
