/** Step-up through the whole service, both fronts and every store, with a provider that does as it likes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { client } from '../login/relying-party.ts'
import { withoutScripts } from '../pages/without-scripts.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { startService, type TestService } from '../service.ts'
import { Journey } from './journey.ts'
import { fronts, wiki } from './world.ts'

const policy = `
p, authenticated, wiki.example.com, /,       *, -,           allow
p, authenticated, wiki.example.com, /keys,   *, mfa,         allow
p, authenticated, wiki.example.com, /fresh,  *, fresh,       allow
p, authenticated, wiki.example.com, /gold,   *, gold,        allow
p, authenticated, wiki.example.com, /both,   *, mfa & fresh, allow
p, authenticated, wiki.example.com, /markup, *, markup,      allow
`
const conditions = `
mfa:    { authentication-method: [mfa, hwk] }
fresh:  { authentication-age: 15m }
gold:   { acr: [urn:gold] }
markup: { authentication-method: ['<script>'] }
`
const hasRedis = requirePeer('redis-server') !== undefined
const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds
const password = { amr: ['pwd'], auth_time: ago(7200) }

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis).each(fronts)('a step-up by way of %s', front => {
    let redis: RunningRedis | undefined
    let provider: MisbehavingProvider
    let world: TestService
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      provider = await startMisbehavingProvider()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      const { clientId, clientSecret } = client
      world = await startService({
        policy,
        conditions,
        settings: { sessions },
        providers: corp => [{ ...corp, issuer: provider.issuer, clientId, clientSecret }],
      })
    })
    afterAll(async () => {
      await world.close()
      await provider.close()
      await redis?.stop()
    })

    /** Somebody who logged in hours ago; the provider answers with these claims from then on. */
    async function travel(
      answerOf: (authorizationUrl: URL) => Answers['claims'],
      first: Answers['claims'] = password,
    ): Promise<Journey> {
      let claims: (authorizationUrl: URL) => Answers['claims'] = () => first
      const journey = new Journey(world, {
        front,
        answerOf: url => {
          const said = claims(new URL(url))
          return provider.answerTo(url, said === undefined ? {} : { claims: said })
        },
      })
      expect(await journey.goTo(`${wiki}/`)).toMatchObject({ url: `${wiki}/`, status: 200 })
      journey.asked.length = 0
      claims = answerOf
      return journey
    }

    it.each<[string, string, Record<string, string | null>, () => Answers['claims']]>([
      ['a method', '/keys', { prompt: 'login', max_age: null }, () => ({ amr: ['pwd', 'hwk'] })],
      ['a fresh login', '/fresh', { max_age: '900' }, () => ({ auth_time: ago(60) })],
      ['a class', '/gold', { acr_values: 'urn:gold' }, () => ({ acr: 'urn:gold' })],
      ['two at once', '/both', { max_age: '900', prompt: 'login' }, () => ({ amr: ['mfa'], auth_time: ago(0) })],
    ])('to %s is asked of the provider once, and comes back to the same address', async (_, path, asked, answer) => {
      const journey = await travel(answer)
      const url = `${wiki}${path}?a=1&b=%2F`
      expect(await journey.goTo(url)).toMatchObject({ url, status: 200 })
      expect(journey.asked).toHaveLength(1)
      for (const [name, value] of Object.entries(asked)) expect(journey.asked[0]?.searchParams.get(name)).toBe(value)
    })

    it.each<[string, string, () => Answers['claims'], readonly string[]]>([
      ['does not look at max_age', '/fresh', () => password, ['at most 15 min ago', '<dd>2 h']],
      ['leaves auth_time out', '/fresh', () => ({ auth_time: undefined }), ['at most 15 min ago', 'time not said']],
      ['is happy with a password', '/keys', () => ({ amr: ['pwd'] }), ['mfa or hwk', '<dd>pwd<']],
      ['does not say how', '/keys', () => ({ amr: undefined }), ['mfa or hwk', 'not said']],
      ['does not look at acr_values', '/gold', () => ({ acr: 'urn:tin' }), ['urn:gold', 'urn:tin']],
    ])('G22 at a provider that %s ends on a page that says so', async (_, path, answer, said) => {
      const journey = await travel(answer)
      const arrival = await journey.goTo(`${wiki}${path}?a=1`)
      expect(arrival.status).toBe(403)
      expect(new URL(arrival.url).pathname).toBe('/callback/corp')
      for (const text of said) expect(arrival.body).toContain(text)
      expect(withoutScripts(arrival.body)).not.toMatch(/http-equiv|<script/i)
      expect(journey.asked).toHaveLength(1)
      // The login of before still counts for what it was enough for.
      expect(await journey.goTo(`${wiki}/`)).toMatchObject({ status: 200 })
    })

    it('that failed can be tried again from the page, and then comes back to the same address', async () => {
      let amr = ['pwd']
      const journey = await travel(() => ({ amr }))
      const url = `${wiki}/keys?a=1&b=2`
      const { url: page, body } = await journey.goTo(url)
      const links = [...body.matchAll(/<a[^>]* href="([^"]*)"[^>]*>([^<]*)</g)]
      const [again, other] = links.map(([, href = '']) => new URL(href.replaceAll('&amp;', '&'), page).href)
      expect(links.map(([, , label]) => label)).toEqual(['Try again', 'Use another account'])
      expect((await journey.goTo(again ?? '')).status).toBe(403)
      amr = ['mfa']
      expect(await journey.goTo(other ?? '')).toMatchObject({ url, status: 200 })
    })

    it('G22 of which each login undoes the other half ends on a page', async () => {
      const withMethod = { amr: ['mfa'], auth_time: ago(7200) }
      const journey = await travel(
        ({ searchParams }) => (searchParams.has('max_age') ? { amr: ['pwd'], auth_time: ago(0) } : withMethod),
        withMethod,
      )
      const arrival = await journey.goTo(`${wiki}/both?a=1`)
      expect(arrival.status).toBe(403)
      expect(arrival.body).toContain('at most 15 min ago')
      expect(journey.asked).toHaveLength(4)
      // Whoever goes on from there has clicked.
      const [, again = ''] = /class="main" href="([^"]*)"/.exec(arrival.body) ?? []
      expect((await journey.goTo(new URL(again.replaceAll('&amp;', '&'), arrival.url).href)).status).toBe(403)
      expect(journey.asked).toHaveLength(8)
    })

    it('I01 shows what policy and provider say as text', async () => {
      const journey = await travel(() => ({ amr: ['<img/src=x>'] }))
      const { status, body } = await journey.goTo(`${wiki}/markup`)
      expect(status).toBe(403)
      expect(body).toContain('&lt;script&gt;')
      expect(body).toContain('&lt;img/src=x&gt;')
      expect(body).not.toContain('<img')
    })

    it('F03 changes the id of the session: what was planted before is worth nothing after', async () => {
      const journey = await travel(() => ({ amr: ['mfa'] }))
      const before = { host: journey.cookie, auth: await authCookie(journey) }
      expect((await journey.goTo(`${wiki}/keys`)).status).toBe(200)
      expect(journey.cookie).not.toBe(before.host)
      expect(await authCookie(journey)).not.toBe(before.auth)
      const planted = await world.ask(front, { url: `${wiki}/`, cookie: before.host ?? '' })
      expect(planted.status).toBe(401)
    })

    it('F03 changes it at log-out as well: the session of before is nobody', async () => {
      const journey = await travel(() => undefined)
      const before = await authCookie(journey)
      const { browser } = journey
      const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
      await browser.request(`${world.publicUrl}/logout`, { method: 'POST', body: `token=${token}` })
      expect(await authCookie(journey)).toBeUndefined()
      const mallory = new Journey(world, { front, answerOf: url => url })
      await mallory.browser.jar.setCookie(`sallyport-login=${before}; Path=/`, world.publicUrl)
      expect((await mallory.goTo(`${world.publicUrl}/`)).body).toContain('Nobody is logged in')
    })

    async function authCookie({ browser }: Journey): Promise<string | undefined> {
      return (await browser.jar.getCookies(world.publicUrl)).find(({ key }) => key === 'sallyport-login')?.value
    }
  })
})
