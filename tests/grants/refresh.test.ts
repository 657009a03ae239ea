/** What a machine keeps: refresh tokens, through the whole service, and what ends them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestBrowser, TestService } from '../service.ts'
import {
  clientId,
  type GrantWorld,
  get,
  logInBrowser,
  newGrant,
  post,
  refresh,
  startGrantWorld,
  untilEvent,
} from './world.ts'

let world: GrantWorld
let service: TestService
let alice: TestBrowser

beforeAll(async () => {
  world = await startGrantWorld({ settings: { sessions: { lifetime: '2h', idle: '1h', verifyEvery: '0s' } } })
  service = world.service
})
afterAll(() => world.close())
beforeEach(async () => {
  alice = await logInBrowser(service, 'alice')
})

const begun = async (): Promise<string> => String((await newGrant(service, alice)).body.refresh_token)

async function endSessions(person: string): Promise<void> {
  const body = JSON.stringify({ subject: `${service.provider.issuer}#${person}` })
  const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  expect((await fetch(`http://127.0.0.1:${service.adminPort}/sessions/end`, call)).status).toBe(200)
}

describe('a refresh token', () => {
  it('is replaced at each use', async () => {
    const first = await begun()
    const second = (await refresh(service, first)).body.refresh_token
    expect(second).not.toBe(first)
    const third = (await refresh(service, second)).body.refresh_token
    expect(third).not.toBe(second)
    expect((await refresh(service, third)).status).toBe(200)
  })

  it('gives the same answer once more for a moment, to a machine that lost the first one', async () => {
    const first = await begun()
    const second = (await refresh(service, first)).body.refresh_token
    expect((await refresh(service, first)).body.refresh_token).toBe(second)
    expect((await refresh(service, second)).status).toBe(200)
  })

  it('is used by many at once, and all get the same next one', async () => {
    const first = await begun()
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(service, first)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
  })

  it('L14 ends the grant when it comes again after the moment: somebody has a copy', async () => {
    const first = await begun()
    const second = (await refresh(service, first)).body.refresh_token
    service.moveClock(31)
    const again = await refresh(service, first)
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant'])
    expect(again.body.error_description).toContain('two places')
    expect((await refresh(service, second)).body.error).toBe('invalid_grant')
    await untilEvent(service, 'grant.ended', { cause: 'reused' })
  })

  it('L14 ends the grant when one before the last comes, however soon', async () => {
    const first = await begun()
    const second = (await refresh(service, first)).body.refresh_token
    const third = (await refresh(service, second)).body.refresh_token
    expect((await refresh(service, first)).body.error).toBe('invalid_grant')
    expect((await refresh(service, third)).body.error).toBe('invalid_grant')
  })

  it.each(['', 'x', 'a.b', `${'a'.repeat(43)}.${'b'.repeat(43)}`, `${'a'.repeat(43)}`])('is not %j', async token => {
    const { status, body } = await refresh(service, token)
    expect(status).toBe(400)
    expect(['invalid_grant', 'invalid_request']).toContain(body.error)
  })

  it('L14 with a secret that was made up ends the grant, whose name only its machine knows', async () => {
    const first = await begun()
    const forged = `${first.split('.')[0]}.${'A'.repeat(43)}`
    expect((await refresh(service, forged)).body.error).toBe('invalid_grant')
    expect((await refresh(service, first)).body.error).toBe('invalid_grant')
  })

  it('is of no use to another client', async () => {
    const { status, body } = await refresh(service, await begun(), { client_id: 'somebody' })
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })
})

describe('L15 with the session ends everything that hangs on it', () => {
  it('when an administrator ends it, with a sentence that says what to do', async () => {
    const token = await begun()
    await endSessions('alice')
    const { status, body } = await refresh(service, token)
    expect(status).toBe(400)
    expect(body).toEqual({
      error: 'invalid_grant',
      error_description: 'your session has ended: run sallyport kube login',
    })
    await untilEvent(service, 'grant.ended', { cause: 'session-ended' })
    // Also after another login of the same person.
    await logInBrowser(service, 'alice')
    expect((await refresh(service, token)).body.error).toBe('invalid_grant')
  })

  it('when the person logs out', async () => {
    const token = await begun()
    const page = await (await alice.request(`${service.publicUrl}/logout`)).text()
    const body = new URLSearchParams({ token: /name="token" value="([\w-]+)"/.exec(page)?.[1] ?? '' }).toString()
    await alice.request(`${service.publicUrl}/logout`, { method: 'POST', body })
    expect((await refresh(service, token)).body.error).toBe('invalid_grant')
  })

  it('when its time is over, and no token outlives it', async () => {
    const token = await begun()
    let current: unknown = token
    for (const minutes of [50, 50]) {
      service.moveClock(minutes * 60)
      current = (await refresh(service, current, { audience: 'prod' })).body.refresh_token
    }
    service.moveClock(18 * 60)
    const { body } = await refresh(service, current, { audience: 'prod' })
    expect(Number(body.expires_in)).toBeLessThanOrEqual(120)
    expect(Number(body.expires_in)).toBeGreaterThan(0)
    service.moveClock(180)
    expect((await refresh(service, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it.each([
    ['of kubectl keeps the session alive as a check does', { audience: 'prod' }, 200],
    ['without a cluster, which a script may have, does not', {}, 400],
  ])('and a use of it %s', async (_, audience, status) => {
    let current: unknown = await begun()
    service.moveClock(50 * 60)
    current = (await refresh(service, current, audience)).body.refresh_token
    service.moveClock(50 * 60)
    expect((await refresh(service, current, audience)).status).toBe(status)
  })

  it('and an idle one ends', async () => {
    const token = await begun()
    service.moveClock(61 * 60)
    expect((await refresh(service, token)).body.error).toBe('invalid_grant')
  })
})

describe('what is asked with an access token', () => {
  const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

  it('is whether the session stands', async () => {
    const { body } = await newGrant(service, alice, 'prod')
    expect((await get(service, '/kube/session', bearer(body.access_token))).body).toMatchObject({ active: true })
    await endSessions('alice')
    const after = await get(service, '/kube/session', bearer(body.access_token))
    expect([after.status, after.body.error_description]).toEqual([
      401,
      'your session has ended: run sallyport kube login',
    ])
  })

  it('is who it is, and which clusters there are; of a token for the account alone', async () => {
    const account = await newGrant(service, alice)
    expect((await get(service, '/kube/userinfo', bearer(account.body.access_token))).body).toMatchObject({
      email: 'alice@example.com',
      groups: ['ops'],
      clusters: [
        { name: 'prod', server: 'https://k8s.example.com/clusters/prod' },
        { name: 'lab', server: 'https://k8s.example.com/clusters/lab' },
      ],
      certificate_authority: world.certificateAuthority,
    })
    const ofCluster = await newGrant(service, alice, 'prod')
    expect((await get(service, '/kube/userinfo', bearer(ofCluster.body.access_token))).status).toBe(401)
  })

  it.each(['', 'x', 'a.b.c', 'e30.e30.', `${'a'.repeat(9000)}`])('is nothing without one (%j)', async token => {
    for (const path of ['/kube/session', '/kube/userinfo']) {
      expect((await get(service, path, bearer(token))).status).toBe(401)
      expect((await get(service, path)).status).toBe(401)
    }
  })
})

describe('log-out of a machine', () => {
  it('ends its grant, and nothing else', async () => {
    const token = await begun()
    const other = await begun()
    expect(await post(service, '/kube/revoke', { token })).toEqual({ status: 200, body: {} })
    expect((await refresh(service, token)).body.error).toBe('invalid_grant')
    expect((await refresh(service, other)).status).toBe(200)
    await untilEvent(service, 'grant.ended', { cause: 'logout' })
  })

  it('answers alike for what is no token', async () => {
    for (const token of ['x', `${'a'.repeat(43)}.${'b'.repeat(43)}`]) {
      expect(await post(service, '/kube/revoke', { token })).toEqual({ status: 200, body: {} })
    }
  })
})

it('L12 no page of a browser asks the endpoints of programs', async () => {
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
    for (const path of ['/kube/device', '/kube/token', '/kube/revoke']) {
      expect((await post(service, path, { client_id: clientId }, headers)).status).toBe(400)
    }
  }
})
