/** Who may ask Sallyport, about which host, and what happens when it cannot answer. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Scenario, statusOf } from './world.ts'

export const trustScenarios: readonly Scenario[] = [
  {
    name: 'the check endpoints cannot be reached from outside, not even by somebody who is logged in (A15)',
    run: async ({ alice, rawAnswer, stack, url }) => {
      const cookie = alice.cookieFor(url('wiki', '/'))
      const host = new URL(stack.origin('auth')).host
      const paths = [
        '/verify/auth-request',
        '/verify/forward-auth',
        '//verify/auth-request',
        '/x/../verify/auth-request',
        '/%76erify/auth-request',
        '/./verify/forward-auth',
        '/verify/./auth-request',
        '/Verify/auth-request',
        `http://${host}/verify/auth-request`,
      ]
      for (const path of paths) {
        const answer = await rawAnswer(
          `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Original-URL: ${url('wiki', '/')}\r\nX-Original-Method: GET\r\n` +
            `X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: wiki.localhost\r\nX-Forwarded-Uri: /\r\n` +
            `Remote-User: mallory\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
        )
        const wanted = path.startsWith('/verify/') && !path.includes('./') ? [404] : [400, 404, 421]
        expect([path, wanted.includes(statusOf(answer))]).toEqual([path, true])
        expect(answer).not.toMatch(/^(remote-user|x-sallyport-assertion):/im)
      }
    },
  },
  {
    name: 'the subrequest location of an application cannot be reached from outside',
    run: async ({ fetch, url, alice }) => {
      const headers = { cookie: alice.cookieFor(url('wiki', '/')) }
      expect((await fetch(url('wiki', '/.sallyport/verify'), { headers })).status).toBe(404)
    },
  },
  {
    name: 'a request target that names another host is judged as that host',
    run: async ({ raw, url, stack, bob }) => {
      const cookie = bob.cookieFor(url('wiki', '/'))
      const answer = await raw(
        `GET ${stack.origin('payroll')}/salaries HTTP/1.1\r\nHost: ${new URL(stack.origin('wiki')).host}\r\n` +
          `Accept: application/json\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).not.toContain('"app":"payroll"')
      expect([400, 401, 403]).toContain(statusOf(answer))
    },
  },
]

/** The last one ends Sallyport. */
export const faultScenarios: readonly Scenario[] = [
  {
    name: 'while Sallyport hangs, nothing goes through; afterwards everything does',
    run: async ({ alice, fetch, url, stack }) => {
      const headers = { cookie: alice.cookieFor(url('wiki', '/')) }
      stack.sallyport.signal('SIGSTOP')
      try {
        const status = await fetch(url('wiki', '/public/page'), { headers, timeoutMs: 1_500 }).then(
          response => response.status,
          () => 504,
        )
        expect(status).toBeGreaterThanOrEqual(500)
      } finally {
        stack.sallyport.signal('SIGCONT')
      }
      expect((await fetch(url('wiki', '/'), { headers })).status).toBe(200)
    },
  },
  {
    name: 'while Sallyport is slow, everybody waits for the answer that is theirs',
    run: async ({ alice, fetch, url, stack }) => {
      const headers = { cookie: alice.cookieFor(url('wiki', '/')) }
      stack.sallyport.signal('SIGSTOP')
      const answers = [headers, {}, headers].map(async own => (await fetch(url('wiki', '/'), { headers: own })).status)
      try {
        // Long enough for one that nobody was asked about.
        expect(await Promise.race([...answers, sleep(400, 'nobody was answered')])).toBe('nobody was answered')
      } finally {
        stack.sallyport.signal('SIGCONT')
      }
      expect(await Promise.all(answers)).toEqual([200, 401, 200])
    },
  },
  {
    name: 'without Sallyport every request is refused with a 5xx',
    run: async ({ alice, fetch, url, stack }) => {
      await stack.sallyport.stop(12_000)
      const headers = { cookie: alice.cookieFor(url('wiki', '/')) }
      for (const path of ['/', '/public/page', '/.sallyport/handoff']) {
        const response = await fetch(url('wiki', path), { headers })
        expect(response.status).toBeGreaterThanOrEqual(500)
        expect(response.body).not.toContain('"app"')
      }
    },
  },
]
