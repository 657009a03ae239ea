/** The admin listener of several workers: what it says is true of all of them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningService } from '../lifecycle/process.ts'
import { admin, allowedChecks, check, metric, openPolicy, post, startWorkers, workersOf } from './service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startWorkers({ settings: { policy: { watch: false }, login: { rateLimit: 7 } } })
})
afterAll(() => service.stop())

/** Connections are dealt out in turn: a fresh one each time reaches both workers. */
const checks = async (count: number, path: string) => {
  const answers = []
  for (let index = 0; index < count; index += 1) answers.push(await check(service, path))
  return answers
}

const setPolicy = (text: string): void => writeFileSync(join(service.directory, 'policy.csv'), text)

describe('several workers', () => {
  it('count together: each check once, in one sum', async () => {
    const before = await metric(service, allowedChecks)
    await checks(10, '/public/a')
    expect(await metric(service, allowedChecks)).toBe(before + 10)
    expect(await metric(service, 'sallyport_workers')).toBe(2)
    const label = '{front="auth-request",effect="allow",reason="rule-matched"}'
    expect(await metric(service, `sallyport_check_duration_seconds_count${label}`)).toBe(before + 10)
    expect(await metric(service, 'sallyport_store_up')).toBe(1)
    expect(await metric(service, 'sallyport_policy_rows')).toBe(1)
  })

  it('explain a decision, whichever made it, and say 404 for one that nobody made', async () => {
    const answers = await checks(6, '/public/explained')
    for (const { requestId } of answers) {
      const response = await admin(service, `/explain/${requestId}`)
      expect([response.status, await response.json()]).toMatchObject([
        200,
        { requestId, request: { resource: '/public/explained' }, decision: { effect: 'allow', rule: 'policy.csv:1' } },
      ])
    }
    expect((await admin(service, '/explain/nobody-made-this')).status).toBe(404)
  })

  it('are ready together, and each check says of which worker it speaks', async () => {
    await expect
      .poll(async () => JSON.parse((await service.readiness()).body) as object)
      .toMatchObject({
        status: 'degraded',
        checks: expect.arrayContaining([
          { name: 'workers', ok: true },
          { name: 'policy-agreement', ok: true },
          { name: 'store', ok: true },
          { name: 'provider-corp', ok: false, detail: expect.stringMatching(/^worker 1: .*; worker 2: /) },
        ]),
      })
    expect((await service.readiness()).status).toBe(200)
  })

  it('load a policy together, and refuse one together', async () => {
    setPolicy(`${openPolicy}p, anyone, wiki.example.com, /news, read, -, allow\n`)
    const loaded = await post(service, '/policy/reload')
    expect([loaded.status, await loaded.json()]).toMatchObject([200, { outcome: 'loaded', rows: 2 }])
    const statuses = async () => new Set((await checks(6, '/news')).map(({ status }) => status))
    expect(await statuses()).toEqual(new Set([200]))
    expect(await (await post(service, '/policy/reload')).json()).toMatchObject({ outcome: 'unchanged' })

    setPolicy('p, anyone\n')
    const refused = await post(service, '/policy/reload')
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      { outcome: 'rejected', rows: 2, lastError: expect.stringContaining('policy.csv:1:1') },
    ])
    expect(await statuses()).toEqual(new Set([200]))
    expect(await metric(service, 'sallyport_policy_last_reload_successful')).toBe(0)

    setPolicy(openPolicy)
    service.child.kill('SIGHUP')
    await expect.poll(statuses).toEqual(new Set([401]))
    expect(await (await admin(service, '/policy')).json()).toMatchObject({ rows: 1 })
    expect(await metric(service, 'sallyport_policy_last_reload_successful')).toBe(1)
  })

  it('share one count of requests for the login pages', async () => {
    const statuses = []
    for (let index = 0; index < 12; index += 1) {
      const headers = { connection: 'close' }
      const response = await fetch(`http://localhost:${service.port}/signed-out`, { headers })
      await response.text()
      statuses.push(response.status)
    }
    expect(statuses).toEqual([...Array<number>(7).fill(200), ...Array<number>(5).fill(429)])
  })

  it('keep web pages out', async () => {
    const json = { 'content-type': 'application/json' }
    expect((await post(service, '/workers/restart', { ...json, origin: 'http://localhost' })).status).toBe(403)
    expect((await post(service, '/workers/restart', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post(service, '/policy/reload', { ...json, origin: 'http://localhost' })).status).toBe(403)
  })

  it('are not ready when one of them does not answer: it still gets its share of the connections', async () => {
    const [, second] = workersOf(service)
    if (second === undefined) throw new Error('there is no second worker')
    process.kill(second.pid, 'SIGSTOP')
    try {
      const { status, body } = await service.readiness()
      const workers = { name: 'workers', ok: false, detail: `worker ${second.worker}: no answer within 3 s` }
      expect([status, JSON.parse(body)]).toMatchObject([
        503,
        { status: 'unready', checks: expect.arrayContaining([workers]) },
      ])
      // What it last counted is still in the sum.
      expect(await metric(service, allowedChecks)).toBeGreaterThan(10)
    } finally {
      process.kill(second.pid, 'SIGCONT')
    }
    await expect.poll(async () => (await service.readiness()).status).toBe(200)
  })
})
