import session from 'express-session'
import request from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startProvider, type TestProvider } from '../provider.ts'
import {
  client,
  corp,
  locationOf,
  publicUrl,
  type RelyingParty,
  type RelyingPartyOptions,
  startRelyingParty,
  wiki,
} from './relying-party.ts'

const local = 'http://auth.localhost:9180'
let provider: TestProvider
const parties: RelyingParty[] = []

async function start(options: Partial<RelyingPartyOptions> = {}): Promise<RelyingParty> {
  const party = await startRelyingParty({ providers: [corp(provider.issuer)], ...options })
  parties.push(party)
  await party.providers.start()
  return party
}

beforeAll(async () => {
  const redirectUris = [...client.redirectUris, `${local}/callback/corp`]
  provider = await startProvider({ clients: [{ ...client, redirectUris }] })
})
afterEach(async () => {
  await Promise.all(parties.splice(0).map(party => party.close()))
})
afterAll(() => provider.close())

const sidOf = (cookie: string | undefined) =>
  decodeURIComponent(cookie ?? '')
    .slice(2)
    .split('.')[0] ?? ''

describe('the cookies of the auth host', () => {
  test('are bound to it, whatever the headers of the hop say', async () => {
    const browser = (await start()).browser()
    const begun = await browser.get(`/login?rd=${encodeURIComponent(wiki)}`, { 'x-forwarded-proto': 'http' })
    const done = await browser.get(await browser.visitor.logIn(locationOf(begun), 'alice'), {
      'x-forwarded-proto': 'http',
    })
    const [first = ''] = (begun.headers['set-cookie'] ?? []) as unknown as string[]
    const [second = ''] = (done.headers['set-cookie'] ?? []) as unknown as string[]
    expect(first).toMatch(/^__Host-sallyport-browser=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    expect(second).toMatch(/^__Host-sallyport-login=s%3A[\w-]{43}\.[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  })

  test('are plain ones on http://localhost, where a browser would not keep the others', async () => {
    const browser = (await start({ publicUrl: local })).browser()
    const response = await browser.logIn('alice', '/login?rd=http://wiki.localhost/')
    expect(locationOf(response)).toBe('http://wiki.localhost/')
    const cookies = await browser.cookies()
    expect(Object.keys(cookies).sort()).toEqual(['sallyport-browser', 'sallyport-login'])
    expect(String(response.headers['set-cookie'])).not.toContain('Secure')
  })

  test('are not set for a visitor who does not log in', async () => {
    const browser = (await start()).browser()
    for (const path of ['/', '/signed-out', '/logout']) {
      expect((await browser.get(path)).headers['set-cookie']).toBeUndefined()
    }
  })
})

describe('F03: a session id that somebody planted', () => {
  test('is replaced at the login, and ended', async () => {
    const party = await start()
    const mallory = party.browser()
    await mallory.logIn('bob')
    const planted = (await mallory.cookies())['__Host-sallyport-login']
    const victim = party.browser()
    await victim.jar.setCookie(`__Host-sallyport-login=${planted}; Secure; Path=/`, publicUrl)
    await victim.logIn('alice', `/login?prompt=login&rd=${encodeURIComponent(wiki)}`)
    expect(sidOf((await victim.cookies())['__Host-sallyport-login'])).not.toBe(sidOf(planted))
    expect((await victim.get('/')).text).toContain('alice@example.com')
    expect((await mallory.get('/')).text).toContain('Nobody is logged in')
    expect(party.ended).toContain(sidOf(planted))
  })

  test.each(['s:planted.signature', 's%3Aplanted.c2lnbmF0dXJl', 'planted', ''])(
    'without our signature (%j) is nobody',
    async value => {
      const party = await start()
      const response = await request(party.server).get('/').set('cookie', `__Host-sallyport-login=${value}`)
      expect(response.status).toBe(200)
      expect(response.text).toContain('Nobody is logged in')
    },
  )
})

test('F16: a session ends with its lifetime, however often it is used', async () => {
  const party = await start()
  const alice = party.browser()
  await alice.logIn('alice')
  party.moveClock(3500)
  expect((await alice.get('/')).text).toContain('You are logged in')
  party.moveClock(200)
  expect((await alice.get('/')).text).toContain('Nobody is logged in')
})

const stored = {
  kind: 'user',
  subject: 'https://idp.example#bob',
  provider: 'corp',
  groups: [],
  email: 'bob@example.com',
}

test.each([
  { identity: { ...stored, kind: 'machine' }, startedAt: 1e12 },
  { identity: { ...stored, groups: 'ops' }, startedAt: 1e12 },
  { identity: { ...stored, subject: 7 }, startedAt: 1e12 },
  { identity: stored, startedAt: '1e12' },
  { identity: 'bob', startedAt: 1e12 },
  'bob',
  [],
  7,
])('a record that is not a login (%j) is nobody', async user => {
  const party = await start()
  const alice = party.browser()
  await alice.logIn('alice')
  const sid = sidOf((await alice.cookies())['__Host-sallyport-login'])
  const record = { cookie: { originalMaxAge: 1000, path: '/' }, passport: { user } } as unknown as session.SessionData
  await new Promise(resolve => party.store.set(sid, record, resolve))
  expect((await alice.get('/')).text).toContain('Nobody is logged in')
})

describe('F11: a store that is down', () => {
  class FailingStore extends session.MemoryStore {
    failing = new Set<'get' | 'set' | 'touch' | 'destroy'>()
    override get(...[id, done]: Parameters<session.MemoryStore['get']>) {
      this.failing.has('get') ? done(new Error('store is down')) : super.get(id, done)
    }
    override set(...[id, data, done]: Parameters<session.MemoryStore['set']>) {
      this.failing.has('set') ? done?.(new Error('store is down')) : super.set(id, data, done)
    }
    override touch(...[id, data, done]: Parameters<session.MemoryStore['touch']>) {
      this.failing.has('touch')
        ? (done as (error: Error) => void)(new Error('store is down'))
        : super.touch(id, data, done)
    }
    override destroy(...[id, done]: Parameters<session.MemoryStore['destroy']>) {
      this.failing.has('destroy') ? done?.(new Error('store is down')) : super.destroy(id, done)
    }
  }

  const withStore = async () => {
    const store = new FailingStore()
    const party = await start({ store })
    return { store, party, browser: party.browser() }
  }

  test('is 503 for whoever has a session, never "nobody is logged in", and recovers by itself', async () => {
    const { store, browser } = await withStore()
    await browser.logIn('alice')
    store.failing.add('get')
    for (const path of ['/', '/logout', '/login']) {
      const response = await browser.get(path)
      expect([path, response.status]).toEqual([path, 503])
      expect(response.text).toContain('Sessions cannot be read at the moment')
    }
    store.failing.clear()
    expect((await browser.get('/')).text).toContain('You are logged in')
  })

  test('that says so is 503 for everybody, although express-session would go on without a session', async () => {
    const { store, browser } = await withStore()
    store.emit('disconnect')
    expect((await browser.get('/')).status).toBe(503)
    expect((await browser.get('/login')).status).toBe(503)
    store.emit('connect')
    expect((await browser.get('/')).status).toBe(200)
  })

  test('when the login is to be written is 503, and nobody is logged in', async () => {
    const { store, party, browser } = await withStore()
    const callback = await browser.visitor.logIn(locationOf(await browser.get('/login')), 'alice')
    store.failing.add('set')
    const response = await browser.get(callback)
    expect(response.status).toBe(503)
    expect(response.headers.location).toBeUndefined()
    expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_STORE_UNAVAILABLE' })
    store.failing.clear()
    expect((await browser.get('/')).text).toContain('Nobody is logged in')
  })

  test('when a session is touched after the answer has begun is logged, and the process lives on', async () => {
    const { store, party, browser } = await withStore()
    await browser.logIn('alice')
    store.failing.add('touch')
    expect((await browser.get('/')).status).toBe(200)
    await vi.waitFor(() =>
      expect(party.log.at(-1)).toMatchObject({ level: 'error', message: 'session could not be saved' }),
    )
    expect((await browser.get('/')).text).toContain('You are logged in')
  })

  test('when attempts or tickets are to be written is 503', async () => {
    const { party, browser } = await withStore()
    const { OperationalError } = await import('../../app/errors.ts')
    const down = async () => {
      throw new OperationalError('ERR_STORE_UNAVAILABLE', 'store is down')
    }
    party.attempts.put = down
    expect((await browser.get('/login')).status).toBe(503)
  })
})
