import { get } from 'node:http'
import express from 'express'
import request from 'supertest'
import { describe, expect, test } from 'vitest'
import { listen, portOf } from '../../app/listener/listen.ts'
import { createAdminServer } from '../../app/listener/server.ts'
import { createMetrics } from '../../app/telemetry/metrics.ts'
import { createReadiness, type ReadinessProbe } from '../../app/telemetry/readiness.ts'
import { createTelemetryRoutes } from '../../app/telemetry/routes.ts'
import { frontNames } from '../dialects.ts'

const store = (ok: boolean): ReadinessProbe => ({ name: 'store', isRequired: true, probe: () => ({ ok }) })
const provider = (ok: boolean): ReadinessProbe => ({
  name: 'provider corp',
  isRequired: false,
  probe: () => (ok ? { ok } : { ok, detail: 'discovery failed' }),
})

function admin(probes: readonly ReadinessProbe[], timeoutMs?: number) {
  const metrics = createMetrics({ version: '1.2.3', providers: ['corp'], fronts: frontNames, hasProcessMetrics: false })
  return request(express().use(createTelemetryRoutes({ readiness: createReadiness(probes, timeoutMs), metrics })))
}

describe('/readyz', () => {
  test('is 200 and ready when every part is', async () => {
    const answer = await admin([store(true), provider(true)])
      .get('/readyz')
      .expect(200)
    expect(answer.body).toEqual({
      status: 'ready',
      checks: [
        { name: 'store', ok: true },
        { name: 'provider corp', ok: true },
      ],
    })
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('is 200 and says which part when only logins suffer', async () => {
    const answer = await admin([store(true), provider(false)])
      .get('/readyz')
      .expect(200)
    expect(answer.body.status).toBe('degraded')
    expect(answer.body.checks[1]).toEqual({ name: 'provider corp', ok: false, detail: 'discovery failed' })
  })

  test('is 503 when no check can be answered', async () => {
    const answer = await admin([store(false), provider(true)])
      .get('/readyz')
      .expect(503)
    expect(answer.body.status).toBe('unready')
  })

  test('counts a part that fails as not ok, with its message', async () => {
    const probe = async () => {
      throw new Error('no write in 500 ms')
    }
    const answer = await admin([{ name: 'store', isRequired: true, probe }])
      .get('/readyz')
      .expect(503)
    expect(answer.body.checks).toEqual([{ name: 'store', ok: false, detail: 'no write in 500 ms' }])
  })

  test('counts a part that never answers as not ok', async () => {
    const hanging: ReadinessProbe = { name: 'store', isRequired: true, probe: () => new Promise(() => undefined) }
    const answer = await admin([hanging], 30).get('/readyz').expect(503)
    expect(answer.body.checks[0].detail).toBe('no answer within 30 ms')
  })

  test('asks anew each time', async () => {
    let ok = false
    const agent = admin([{ name: 'store', isRequired: true, probe: () => ({ ok }) }])
    await agent.get('/readyz').expect(503)
    ok = true
    await agent.get('/readyz').expect(200)
  })
})

test('/healthz is 200 whatever readiness says', async () => {
  const answer = await admin([store(false)])
    .get('/healthz')
    .expect(200)
  expect(answer.body).toEqual({ status: 'alive' })
})

test('/metrics is the page of Prometheus', async () => {
  const answer = await admin([store(true)])
    .get('/metrics')
    .expect(200)
  expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.text).toContain('sallyport_build_info{version="1.2.3"} 1')
})

test('a kept connection of what collects metrics outlives a scrape each minute', async () => {
  const server = createAdminServer({
    routes: [],
    requestTimeoutSeconds: 10,
    onError: () => undefined,
    onClientError: () => undefined,
  })
  await listen(server, { host: '127.0.0.1', port: 0 })
  const options = { host: '127.0.0.1', port: portOf(server), headers: { connection: 'keep-alive' } }
  const keptFor = await new Promise(resolve =>
    get(options, response => resolve(response.resume().headers['keep-alive'])),
  )
  server.closeAllConnections()
  server.close()
  expect(keptFor).toBe('timeout=75')
})
