/** One table of scenarios for every proxy. Where a proxy needs another expectation, the scenario says why. */
import { expect } from 'vitest'
import { createBrowser, navigation, request } from '../../cli/demo/browser.ts'
import { choosePerson, isProviderPage, logIn, logOut } from '../../cli/demo/session.ts'
import { cookieScenarios } from './cookie-scenarios.ts'
import { headerScenarios } from './header-scenarios.ts'
import { limitScenarios } from './limit-scenarios.ts'
import { pathScenarios } from './path-scenarios.ts'
import { trafficScenarios } from './traffic-scenarios.ts'
import { faultScenarios, trustScenarios } from './trust-scenarios.ts'
import { handshake } from './tunnels.ts'
import { received, type Scenario, statusOf, type World } from './world.ts'

const strangers: readonly Scenario[] = [
  {
    name: 'a browser without a session is redirected to the login page, uncacheably',
    run: async ({ url, stack }) => {
      const response = await createBrowser().open(url('wiki', '/notes?page=2'))
      expect(response.status).toBe(302)
      const target = new URL(response.headers.location ?? '')
      expect(target.origin + target.pathname).toBe(`${stack.origin('auth')}/login`)
      expect(target.searchParams.get('rd')).toBe(url('wiki', '/notes?page=2'))
      expect(response.headers['cache-control']).toContain('no-store')
      expect(response.setCookies).toHaveLength(1)
    },
  },
  {
    name: 'HEAD is treated like GET',
    run: async ({ url }) => expect((await createBrowser().open(url('wiki', '/'), { method: 'HEAD' })).status).toBe(302),
  },
  {
    name: 'a script gets 401 with the login address and no redirect',
    run: async ({ fetch, url, stack }) => {
      const response = await fetch(url('wiki', '/api'))
      expect(response.status).toBe(401)
      expect(response.headers.location).toContain(`${stack.origin('auth')}/login`)
      expect(response.headers['content-type']).toContain('application/json')
    },
  },
  {
    name: 'XMLHttpRequest gets 401, even when it accepts HTML',
    run: async ({ url }) => {
      const headers = { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }
      expect((await request(url('wiki', '/'), { headers })).status).toBe(401)
    },
  },
  {
    name: 'a script that accepts HTML gets 401 by what the browser says of it, and a navigation is led to the login',
    run: async ({ url }) => {
      for (const [mode, status] of [
        ['cors', 401],
        ['no-cors', 401],
        ['same-origin', 401],
        ['websocket', 401],
        ['navigate', 302],
      ] as const) {
        const headers = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-mode': mode }
        expect([mode, (await request(url('wiki', '/'), { headers })).status]).toEqual([mode, status])
      }
    },
  },
  {
    name: 'a program such as curl gets 401, whether it says what it accepts or not',
    run: async world => {
      for (const accept of ['Accept: */*\r\n', '']) {
        const answer = await world.rawAnswer(
          `GET /notes HTTP/1.1\r\nHost: ${new URL(world.url('wiki', '/')).host}\r\nUser-Agent: curl/8.5.0\r\n${accept}\r\n`,
        )
        expect([accept, statusOf(answer), /^www-authenticate:/im.test(answer)]).toEqual([accept, 401, false])
        expect(answer).toMatch(/^location: .*\/login\?/im)
      }
    },
  },
  {
    name: 'a form without a session gets 401, and nothing of it reaches the application',
    run: async ({ url }) => {
      const response = await request(url('wiki', '/'), { method: 'POST', headers: navigation, body: 'a=1' })
      expect(response.status).toBe(401)
      expect(response.body).not.toContain('"app"')
    },
  },
  {
    name: 'a person who sent it reads a page that leads to the login and says that nothing is sent again (J133)',
    run: async ({ url, stack, fetch }) => {
      const headers = { ...navigation, referer: url('wiki', '/edit?page=1') }
      const page = await request(url('wiki', '/save'), { method: 'POST', headers, body: 'a=secret' })
      expect([page.status, page.headers['content-type']]).toEqual([401, expect.stringContaining('text/html')])
      expect(page.headers['content-security-policy']).toContain("default-src 'none'")
      expect(page.headers['cache-control']).toContain('no-store')
      expect(page.body).toContain('It is not sent by itself afterwards.')
      expect(page.body).not.toContain('secret')
      const link = /href="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
      expect(link.startsWith(`${stack.origin('auth')}/login?`)).toBe(true)
      expect(new URL(link).searchParams.get('rd')).toBe(url('wiki', '/edit?page=1'))
      // Of a page of somebody else nothing is taken, and a script gets what a script can read.
      const foreign = { ...navigation, referer: 'https://evil.example/' }
      const other = await request(url('wiki', '/save'), { method: 'POST', headers: foreign, body: 'a=1' })
      expect([other.status, other.body.includes('evil.example')]).toEqual([401, false])
      const script = await fetch(url('wiki', '/save'), { method: 'POST', body: 'a=1' })
      expect([script.status, script.body.includes('<html')]).toEqual([401, false])
    },
  },
  {
    name: 'a form of a person who may not is answered with the page as well',
    run: async ({ bob, url }) => {
      await bob.visit(url('payroll', '/'))
      const headers = { ...navigation, cookie: bob.cookieFor(url('payroll', '/')) }
      const page = await request(url('payroll', '/pay'), { method: 'POST', headers, body: 'a=1' })
      expect([page.status, page.body]).toEqual([403, expect.stringContaining('You may not open this')])
    },
  },
  {
    name: 'a public path is open to read and closed to write (D01), whatever X-HTTP-Method-Override says (D03)',
    run: async ({ fetch, url }) => {
      expect((await fetch(url('wiki', '/public/page'))).status).toBe(200)
      expect((await fetch(url('wiki', '/public/page'), { method: 'POST', body: 'x' })).status).toBe(401)
      const headers = { 'x-http-method-override': 'GET' }
      expect((await fetch(url('wiki', '/public/page?_method=GET'), { method: 'DELETE', headers })).status).toBe(401)
    },
  },
  {
    name: 'a host that no rule names is refused, and one that the proxy does not know is not served',
    run: async ({ fetch, url }) => {
      const answer = await fetch(url('unknown', '/')).then(
        response => response.status,
        () => 0,
      )
      expect(answer).not.toBe(200)
    },
  },
  {
    name: 'a WebSocket without a session is 401 and no redirect (D06)',
    run: async world => {
      const answer = await world.rawAnswer(liveWiki(world, ''))
      expect(statusOf(answer)).toBe(401)
    },
  },
]

const people: readonly Scenario[] = [
  {
    name: 'a login ends at the address that was asked for, query and all',
    run: async ({ url }) => {
      const wanted = url('wiki', '/a/b?x=1&y=%20z&rd=http://evil.example/')
      const page = await logIn(createBrowser(), wanted, 'carol')
      expect([page.status, page.url]).toEqual([200, wanted])
    },
  },
  {
    name: 'a very long address survives the challenge',
    run: async ({ url }) => {
      const wanted = url('wiki', `/search?q=${'%C3%A4'.repeat(320)}`)
      const response = await createBrowser().open(wanted)
      expect(response.status).toBe(302)
      expect(new URL(response.headers.location ?? '').searchParams.get('rd')).toContain('wiki.localhost')
    },
  },
  {
    name: 'an allowed request carries every identity header exactly once',
    run: async ({ alice, echo, url }) => {
      const seen = await echo(alice, url('wiki', '/'))
      expect(received(seen, 'remote-user')).toEqual(['alice'])
      expect(received(seen, 'remote-email')).toEqual(['alice@example.com'])
      expect(received(seen, 'remote-name')).toEqual(['Alice Archer'])
      expect(received(seen, 'remote-groups')).toEqual(['ops'])
      expect(received(seen, 'x-sallyport-assertion')).toHaveLength(1)
      expect(received(seen, 'host')).toEqual([new URL(url('wiki', '/')).host])
    },
  },
  {
    name: 'a request body reaches the application whole, with its method and query',
    run: async ({ alice, echo, url }) => {
      const seen = await echo(alice, url('payroll', '/salaries?month=11'), { method: 'PUT', body: 'x'.repeat(200_000) })
      expect([seen.app, seen.method, seen.url, seen.bodyLength]).toEqual([
        'payroll',
        'PUT',
        '/salaries?month=11',
        200_000,
      ])
    },
  },
  {
    name: 'a WebSocket with a session is opened and knows who it is (D06)',
    run: async world => {
      const answer = await world.raw(liveWiki(world, world.alice.cookieFor(world.url('wiki', '/'))))
      expect(statusOf(answer)).toBe(101)
      expect(answer).toContain('hello alice')
    },
  },
  {
    name: 'a WebSocket that a page of another origin opens is refused (D06)',
    run: async world => {
      const cookie = world.alice.cookieFor(world.url('wiki', '/'))
      const answer = await world.rawAnswer(liveWiki(world, cookie, 'http://evil.example'))
      expect([400, 403]).toContain(statusOf(answer))
    },
  },
  {
    name: 'a person who may not gets 403 and a page that says who, with a way to another account',
    run: async ({ bob, url, stack }) => {
      const page = await bob.visit(url('payroll', '/salaries'))
      expect(page.status).toBe(403)
      expect(page.headers['content-type']).toContain('text/html')
      expect(page.body).toContain('bob@example.com')
      expect(page.body).toContain(`${stack.origin('auth')}/logout`)
      expect(page.body).toContain('prompt=login')
      expect(page.headers['content-security-policy']).toBeDefined()
    },
  },
  {
    name: 'a script of a person who may not gets 403 as well, never 401',
    run: async ({ bob, fetch, url }) => {
      await bob.visit(url('payroll', '/'))
      const headers = { cookie: bob.cookieFor(url('payroll', '/')) }
      expect((await fetch(url('payroll', '/'), { headers })).status).toBe(403)
      expect((await fetch(url('payroll', '/'), { headers, method: 'POST', body: 'a=1' })).status).toBe(403)
    },
  },
  {
    name: 'after a refusal one can switch to another account and is let in',
    run: async ({ url }) => {
      const browser = createBrowser()
      const denied = await logIn(browser, url('payroll', '/salaries'), 'bob')
      expect(denied.status).toBe(403)
      const link = /href="([^"]*prompt=login[^"]*)"/.exec(denied.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
      const chooser = await browser.visit(new URL(link, denied.url).href)
      const page = await choosePerson(browser, chooser, 'alice')
      expect([page.status, page.url]).toEqual([200, url('payroll', '/salaries')])
    },
  },
  {
    name: 'two tabs log in at once and both arrive (G02)',
    run: async ({ url }) => {
      const browser = createBrowser()
      const first = await browser.visit(url('wiki', '/first'))
      const second = await browser.visit(url('wiki', '/second'))
      expect((await choosePerson(browser, second, 'alice')).url).toBe(url('wiki', '/second'))
      expect((await choosePerson(browser, first, 'alice')).url).toBe(url('wiki', '/first'))
    },
  },
  {
    name: 'logging out ends the session on every host at once, and the old cookies with it',
    run: async ({ fetch, url }) => {
      const browser = createBrowser()
      await logIn(browser, url('wiki', '/'), 'alice')
      await browser.visit(url('payroll', '/'))
      const old = { wiki: browser.cookieFor(url('wiki', '/')), payroll: browser.cookieFor(url('payroll', '/')) }
      expect((await fetch(url('payroll', '/'), { headers: { cookie: old.payroll } })).status).toBe(200)
      await logOut(browser, url('wiki', '/'))
      expect((await fetch(url('wiki', '/'), { headers: { cookie: old.wiki } })).status).toBe(401)
      expect((await fetch(url('payroll', '/'), { headers: { cookie: old.payroll } })).status).toBe(401)
      expect(isProviderPage(await browser.visit(url('wiki', '/')))).toBe(true)
    },
  },
]

/** Opens a WebSocket on the wiki. */
function liveWiki({ stack }: World, cookie: string, origin = stack.origin('wiki')): string {
  const cookies = cookie === '' ? [] : [`Cookie: ${cookie}`]
  return handshake(stack.origin('wiki'), '/live', [`Origin: ${origin}`, ...cookies])
}

/** In this order: the last ones end Sallyport. */
export const scenarios: readonly Scenario[] = [
  ...strangers,
  ...people,
  ...cookieScenarios,
  ...trustScenarios,
  ...headerScenarios,
  ...limitScenarios,
  ...pathScenarios,
  ...trafficScenarios,
  ...faultScenarios,
]
