/** Sessions bound to the client certificate of their login, through the whole service, on every store. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { logIn, navigation, startService, TestBrowser, type TestService } from '../service.ts'
import { expectDenied, fronts } from './world.ts'

const wiki = 'https://wiki.example.com/a'
const policy = `
p, authenticated, wiki.example.com, /**,        *,    -, allow
p, anyone,        wiki.example.com, /public/**, read, -, allow
`
const header = 'X-Client-Certificate'
const bound = {
  server: { clientCertificateHeader: header },
  sessions: { bindTo: 'client-certificate' },
}
const hasRedis = requirePeer('redis-server') !== undefined

const authority = createAuthority('Corp CA')
const [own, others] = [authority.issue('alice').certificate, authority.issue('mallory').certificate]
afterAll(() => authority.close())
/** As a proxy that puts the same certificate into different clothes. */
const escaped = encodeURIComponent
const bytes = (pem: string): string => `:${new X509Certificate(pem).raw.toString('base64')}:`

type Front = (typeof fronts)[number]

/** A browser behind a proxy that passes its certificate on. */
class CertifiedBrowser extends TestBrowser {
  readonly certificate: string | undefined

  constructor(certificate: string | undefined) {
    super()
    this.certificate = certificate
  }

  override request(url: string, init: Parameters<TestBrowser['request']>[1] = {}): Promise<Response> {
    const certified = this.certificate === undefined ? {} : { [header]: this.certificate }
    return super.request(url, { ...init, headers: { ...certified, ...init.headers } })
  }
}

/** Somebody else's browser with everything of this one that a thief can copy. */
function stolen({ jar, visitor }: TestBrowser, certificate: string | undefined): CertifiedBrowser {
  return Object.assign(new CertifiedBrowser(certificate), { jar, visitor })
}

function certified(world: TestService, certificate: string): TestService['ask'] {
  return (front, { headers = [], ...question }) =>
    world.ask(front, { ...question, headers: [...headers, [header, certificate]] })
}

const arrive = (world: TestService, certificate: string, browser: TestBrowser = new CertifiedBrowser(certificate)) =>
  logIn(certified(world, certificate), 'alice', wiki, browser)

/** Follows redirects between the auth host and the provider to the first page, or to another host. */
async function follow(world: TestService, browser: TestBrowser, start: string) {
  let url = start
  for (let step = 0; step < 8; step += 1) {
    const response = await browser.request(url)
    const location = response.headers.get('location')
    if (location === null) return { url, status: response.status, body: await response.text() }
    url = new URL(location, url).href
    if (url.startsWith('http://idp.localhost')) url = await browser.visitor.logIn(url, 'alice')
    if (!url.startsWith(world.publicUrl)) return { url, status: response.status, body: '' }
  }
  throw new Error(`still redirected, last to ${url}`)
}

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('F20 a session that is bound to a client certificate', () => {
    let redis: RunningRedis | undefined
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const where = redis === undefined ? { store } : { store, url: redis.url }
      const sessions = { ...where, ...bound.sessions, verifyEvery: '5m' }
      world = await startService({ policy, settings: { ...bound, sessions } })
    })
    afterAll(async () => {
      await world.close()
      await redis?.stop()
    })

    describe.each(fronts)('by way of %s', front => {
      const check = async (cookie: string, ...values: string[]) => {
        const headers = values.map(value => [header, value] as const)
        const answer = await world.ask(front, { url: wiki, cookie, headers })
        return { answer, event: await world.eventOf(answer) }
      }

      it('is taken with its certificate, in whatever form the proxy passes it', async () => {
        const cookie = await arrive(world, escaped(own))
        for (const value of [escaped(own), bytes(own), bytes(own).slice(1, -1)]) {
          const { answer } = await check(cookie, value)
          expect(answer.status).toBe(200)
          expect(answer.headers.get('remote-email')).toEqual(['alice@example.com'])
        }
      })

      it.each([
        ['another certificate', [escaped(others)]],
        ['no header', []],
        ['an empty header', ['']],
        ['two headers, the right one first', [escaped(own), escaped(others)]],
        ['two headers, the right one last', [escaped(others), escaped(own)]],
        ['the right header twice', [escaped(own), escaped(own)]],
        ['what cannot be read', [escaped(own).slice(0, -40)]],
      ])('is refused with %s, and goes on', async (_, values) => {
        const cookie = await arrive(world, escaped(own))
        const { answer, event } = await check(cookie, ...values)
        expectDenied(answer)
        expect(answer.status).toBe(401)
        expect(event).toMatchObject({ event: 'access.challenged', reason: 'session-unbound' })
        expect(answer.headers.get('location')?.[0]).toContain('prompt=login')
        expect(answer.headers.has('set-cookie')).toBe(false)
        expect((await check(cookie, escaped(own))).answer.status).toBe(200)
      })

      it('leaves open to anybody what is open to anybody', async () => {
        const cookie = await arrive(world, escaped(own))
        const answer = await world.ask(front, { url: 'https://wiki.example.com/public/a', cookie })
        expect(answer.status).toBe(200)
        expect(answer.headers.get('remote-email')).toEqual([''])
      })
    })

    const statusWith = async (cookie: string, certificate: string, front: Front = 'forward-auth') =>
      (await certified(world, certificate)(front, { url: wiki, cookie })).status

    it('keeps its certificate when its provider is asked again', async () => {
      const cookie = await arrive(world, escaped(own))
      world.moveClock(6 * 60)
      expect(await statusWith(cookie, escaped(others))).toBe(401)
      expect(await statusWith(cookie, escaped(own))).toBe(200)
      await expect.poll(() => world.auditEvents().some(({ event }) => event === 'session.verified')).toBe(true)
      expect(await statusWith(cookie, escaped(own))).toBe(200)
      expect(await statusWith(cookie, escaped(others))).toBe(401)
    })

    it('is nobody to the pages of the auth host with another certificate', async () => {
      const browser = new CertifiedBrowser(escaped(own))
      await arrive(world, escaped(own), browser)
      const welcome = async (visitor: TestBrowser) => (await visitor.request(`${world.publicUrl}/`)).text()
      expect(await welcome(browser)).toContain('alice@example.com')
      for (const certificate of [escaped(others), undefined]) {
        expect(await welcome(stolen(browser, certificate))).not.toContain('alice@example.com')
        const login = `${world.publicUrl}/login?rd=${encodeURIComponent(wiki)}`
        const response = await stolen(browser, certificate).request(login)
        expect(response.headers.get('location')).toContain('http://idp.localhost')
      }
      expect(await welcome(browser)).toContain('alice@example.com')
    })

    it('is not bound to another certificate by a silent confirmation', async () => {
      const browser = new CertifiedBrowser(escaped(own))
      const cookie = await arrive(world, escaped(own), browser)
      const silent = `${world.publicUrl}/login?prompt=none&rd=${encodeURIComponent(`${world.publicUrl}/`)}`
      const before = world.auditEvents().length
      expect((await follow(world, stolen(browser, escaped(others)), silent)).status).toBe(200)
      expect(await statusWith(cookie, escaped(others))).toBe(401)
      await expect
        .poll(() =>
          world
            .auditEvents()
            .slice(before)
            .map(({ event }) => event),
        )
        .toContain('login.succeeded')
      expect(
        world
          .auditEvents()
          .slice(before)
          .map(({ event }) => event),
      ).not.toContain('session.verified')
    })

    it('gives way to a new one when the same person comes with a new certificate', async () => {
      const browser = new CertifiedBrowser(escaped(own))
      await arrive(world, escaped(own), browser)
      const cookie = await arrive(world, escaped(others), stolen(browser, escaped(others)))
      expect(await statusWith(cookie, escaped(others))).toBe(200)
      expect(await statusWith(cookie, escaped(own))).toBe(401)
    })

    it.each([
      ['no certificate', undefined],
      ['another certificate', escaped(others)],
    ])('is not handed to a host where %s comes along: a page, and no circle', async (_, certificate) => {
      const ask = certificate === undefined ? world.ask : certified(world, certificate)
      const browser = new CertifiedBrowser(escaped(own))
      const handed = logIn(ask, 'alice', wiki, browser)
      await expect(handed).rejects.toThrow(/answered with 403:.*client certificate/s)
    })

    it('does not come to be without a certificate: a page says so, and nothing goes round', async () => {
      const start = `${world.publicUrl}/login?rd=${encodeURIComponent(wiki)}`
      for (const certificate of [undefined, 'CN=alice', `${escaped(own)}, ${escaped(others)}`]) {
        const browser = new CertifiedBrowser(certificate)
        const page = await follow(world, browser, start)
        expect(page).toMatchObject({ status: 403 })
        expect(page.body).toContain('client certificate')
        await expect.poll(() => world.auditEvents().at(-1)?.code).toBe('ERR_LOGIN_CERTIFICATE_MISSING')
        expect(await (await browser.request(`${world.publicUrl}/`)).text()).not.toContain('alice@example.com')
      }
    })
  })
})

describe('F20 the header of a client certificate', () => {
  it('is not believed from a peer that is no trusted proxy', async () => {
    const server = { ...bound.server, trustedProxies: ['192.0.2.1'] }
    const world = await startService({ policy, settings: { ...bound, server } })
    try {
      const start = `${world.publicUrl}/login?rd=${encodeURIComponent(`${world.publicUrl}/`)}`
      const page = await follow(world, new CertifiedBrowser(escaped(own)), start)
      expect(page).toMatchObject({ status: 403 })
      expect(page.body).toContain('client certificate')
    } finally {
      await world.close()
    }
  })

  it('means nothing while the setting is off', async () => {
    const world = await startService({ policy })
    try {
      const cookie = await arrive(world, escaped(own))
      for (const headers of [
        [],
        [[header, escaped(others)]],
        [
          [header, 'x'],
          [header, 'y'],
        ],
      ] as [string, string][][]) {
        expect((await world.ask('auth-request', { url: wiki, cookie, headers })).status).toBe(200)
      }
      expect(await world.logIn('alice', wiki)).toContain('sallyport')
    } finally {
      await world.close()
    }
  })

  it('navigation is sent on to log in again, with the certificate that it has', async () => {
    const world = await startService({ policy, settings: bound })
    try {
      const cookie = await arrive(world, escaped(own))
      const answer = await certified(world, escaped(others))('forward-auth', { url: wiki, cookie, headers: navigation })
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')?.[0]).toMatch(/\/login\?.*prompt=login/)
    } finally {
      await world.close()
    }
  })
})
