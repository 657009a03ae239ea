/** Kubectl on a machine without a browser: codes that people type, through the whole service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser, TestService } from '../service.ts'
import { TestBrowser as Browser } from '../service.ts'
import {
  deviceGrantType,
  followLogin,
  type GrantWorld,
  logInBrowser,
  post,
  press,
  refresh,
  startGrantWorld,
  untilEvent,
  visit,
} from './world.ts'

let world: GrantWorld
let service: TestService
let alice: TestBrowser

beforeAll(async () => {
  world = await startGrantWorld({ settings: { sessions: { verifyEvery: '0s' } } })
  service = world.service
  alice = await logInBrowser(service, 'alice')
})
afterAll(() => world.close())

interface Begun {
  readonly deviceCode: string
  readonly userCode: string
  readonly complete: string
}

async function begin(): Promise<Begun> {
  const { body } = await post(service, '/kube/device', {})
  return {
    deviceCode: String(body.device_code),
    userCode: String(body.user_code),
    complete: String(body.verification_uri_complete),
  }
}

/** The clock is moved: nothing waits. */
async function poll(deviceCode: string) {
  service.moveClock(6)
  return pollAtOnce(deviceCode)
}

const pollAtOnce = (deviceCode: string) =>
  post(service, '/kube/token', { grant_type: deviceGrantType, device_code: deviceCode })

describe('a machine without a browser', () => {
  it('gets a code for people, an address, and a pace', async () => {
    const { status, body } = await post(service, '/kube/device', {})
    expect(status).toBe(200)
    expect(body).toMatchObject({ verification_uri: `${service.publicUrl}/kube/device`, expires_in: 600, interval: 5 })
    expect(body.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    expect(body.verification_uri_complete).toBe(`${service.publicUrl}/kube/device?user_code=${body.user_code}`)
  })

  it('waits, is let in once, and refreshes as any other', async () => {
    const { deviceCode, complete } = await begin()
    expect((await poll(deviceCode)).body.error).toBe('authorization_pending')
    const page = await visit(alice, complete)
    expect((await press(alice, service, page.text, { decision: 'allow' })).text).toContain('goes on by itself')
    const { status, body } = await poll(deviceCode)
    expect(status).toBe(200)
    expect((await refresh(service, body.refresh_token)).status).toBe(200)
    await untilEvent(service, 'grant.issued', { way: 'device', subject: `${service.provider.issuer}#alice` })
    expect((await poll(deviceCode)).body.error).toBe('expired_token')
  })

  it('is told when it was denied', async () => {
    const { deviceCode, complete } = await begin()
    const page = await visit(alice, complete)
    expect((await press(alice, service, page.text, { decision: 'deny' })).text).toContain('gets nothing')
    expect((await poll(deviceCode)).body.error).toBe('access_denied')
  })

  it('is told to slow down, and how long it waits counts from then', async () => {
    const { deviceCode } = await begin()
    expect((await pollAtOnce(deviceCode)).body.error).toBe('authorization_pending')
    expect((await pollAtOnce(deviceCode)).body.error).toBe('slow_down')
    expect((await poll(deviceCode)).body.error).toBe('slow_down')
    service.moveClock(16)
    expect((await pollAtOnce(deviceCode)).body.error).toBe('authorization_pending')
  })

  it('is told when the code has expired', async () => {
    const { deviceCode, complete } = await begin()
    service.moveClock(601)
    expect((await pollAtOnce(deviceCode)).body.error).toBe('expired_token')
    expect((await visit(alice, complete)).status).toBe(404)
    expect((await pollAtOnce('x'.repeat(43))).body.error).toBe('expired_token')
  })
})

describe('L16 the page', () => {
  it('says who asks from where and since when, and warns of codes that somebody sent', async () => {
    const { complete, userCode } = await begin()
    const { text } = await visit(alice, complete)
    for (const part of [userCode, '127.0.0.1', 'within the last minute', 'alice@example.com']) {
      expect(text).toContain(part)
    }
    expect(text).toContain('Did somebody send you this code or this link?')
    expect(text).not.toContain('another address')
  })

  it('warns when the machine asks from another address', async () => {
    const { body } = await post(service, '/kube/device', {}, { 'x-forwarded-for': '203.0.113.7' })
    const { text } = await visit(alice, String(body.verification_uri_complete))
    expect(text).toContain('203.0.113.7')
    expect(text).toContain('another address')
  })

  it('answers nothing by being opened', async () => {
    const { deviceCode, complete } = await begin()
    await visit(alice, `${complete}&decision=allow`)
    expect((await poll(deviceCode)).body.error).toBe('authorization_pending')
  })

  it('is answered by nobody else', async () => {
    const { deviceCode, complete } = await begin()
    const page = await visit(alice, complete)
    const bob = await logInBrowser(service, 'bob')
    expect((await press(bob, service, page.text, { decision: 'allow' })).status).toBe(403)
    const headers = { 'sec-fetch-site': 'cross-site' }
    expect((await press(alice, service, page.text, { decision: 'allow', headers })).status).toBe(403)
    expect((await poll(deviceCode)).body.error).toBe('authorization_pending')
  })

  it('is answered once', async () => {
    const { complete } = await begin()
    const page = await visit(alice, complete)
    await press(alice, service, page.text, { decision: 'deny' })
    expect((await press(alice, service, page.text, { decision: 'allow' })).status).toBe(404)
  })

  it('leads somebody who is not logged in to the login, and back to the code', async () => {
    const { complete, userCode } = await begin()
    const { text } = await followLogin(service, complete, { person: 'carol', browser: new Browser() })
    expect(text).toContain('carol@example.com')
    expect(text).toContain(userCode)
  })

  it('takes a code as people type it, and asks again for what is none', async () => {
    const { userCode } = await begin()
    const typed = userCode.toLowerCase().replace('-', ' ')
    const url = (code: string) => `${service.publicUrl}/kube/device?user_code=${encodeURIComponent(code)}`
    expect((await visit(alice, url(typed))).text).toContain(userCode)
    expect((await visit(alice, `${service.publicUrl}/kube/device`)).text).toContain('user_code')
    const unknown = await visit(alice, url('BBBB-BBBB'))
    expect([unknown.status, unknown.text.includes('No machine waits')]).toEqual([404, true])
    await untilEvent(service, 'grant.refused', { reason: 'user-code', email: 'alice@example.com' })
  })

  it('gives nothing when the session of the person has ended meanwhile', async () => {
    const { deviceCode, complete } = await begin()
    const carol = await logInBrowser(service, 'carol')
    const page = await visit(carol, complete)
    await press(carol, service, page.text, { decision: 'allow' })
    const body = JSON.stringify({ subject: `${service.provider.issuer}#carol` })
    const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    await fetch(`http://127.0.0.1:${service.adminPort}/sessions/end`, call)
    expect((await poll(deviceCode)).body.error).toBe('invalid_grant')
  })
})

it('L16 codes are guessed twenty times a minute, from one address, and not more', async () => {
  const own = await startGrantWorld()
  const browser = await logInBrowser(own.service, 'alice')
  const statuses: number[] = []
  for (let count = 0; count < 22; count += 1) {
    statuses.push(
      (await visit(browser, `${own.service.publicUrl}/kube/device?user_code=BBBB-BBB${'BCDF'[count % 4]}`)).status,
    )
  }
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(404))
  expect(statuses.slice(20)).toEqual([429, 429])
  await own.close()
})
