/** Abuse cases B01 to B17 through the real proxy: no spelling of a path opens what its plain form keeps closed. */
import { expect } from 'vitest'
import { send } from './tunnels.ts'
import { reachedApplication, type Scenario, statusOf } from './world.ts'

/** Each leads, for some program on the way, from the public folder to `/secrets`. */
const escapes = [
  '/public/../secrets',
  '/public/./../secrets',
  '/public/%2e%2e/secrets',
  '/public/%2E./secrets',
  '/public/.%2e/secrets',
  '/public/..%2fsecrets',
  '/public/..%2Fsecrets',
  '/public/%2e%2e%2fsecrets',
  '/public/..%5csecrets',
  '/public\\..\\secrets',
  '/public/..\\secrets',
  '/public//../secrets',
  '/public/..;/secrets',
  '/public/..;x=1/secrets',
  '/public/%3b/../../secrets',
  '/public/x/../../secrets',
  '/public/..%00/secrets',
  '/public/%c0%ae%c0%ae/secrets',
  '/public/%u002e%u002e/secrets',
  '//secrets',
  '///secrets',
  '/secrets#/public/page',
  '/secrets?/public/page',
  '/secrets?x=/../public/page',
  '/secrets;/public/page',
  '/PUBLIC/page',
  '/public%2fpage',
  '/publicpage',
]

/** Request lines whose target is no path of this host, where `HOST` stands for it and its port. */
const pathless = [
  'CONNECT HOST HTTP/1.1',
  'CONNECT wiki:22 HTTP/1.1',
  'CONNECT wiki:22 HTTP/1.0',
  'CONNECT / HTTP/1.1',
  'CONNECT /public/page HTTP/1.1',
  'CONNECT http://HOST/public/page HTTP/1.1',
  'connect wiki:22 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET * HTTP/1.1',
  'PRI * HTTP/2.0',
  'GET HOST HTTP/1.1',
  'GET wiki:22 HTTP/1.1',
  'GET public/page HTTP/1.1',
  'GET ?x HTTP/1.1',
  'GET mailto:alice@example.com HTTP/1.1',
  // Caddy sent the check there, where it was answered with 200.
  'GET x:http://y/.well-known/jwks.json HTTP/1.1',
]

export const pathScenarios: readonly Scenario[] = [
  {
    name: 'a target that is no path reaches nobody, whoever asks (D08)',
    run: async ({ alice, kind, stack, url }) => {
      const { host } = new URL(url('wiki', '/'))
      for (const cookie of ['', `Cookie: ${alice.cookieFor(url('wiki', '/'))}\r\n`]) {
        for (const line of pathless) {
          const { status, text } = await send(
            stack.port,
            `${line.replace('HOST', host)}\r\nHost: ${host}\r\n${cookie}\r\n`,
          )
          // 502 would be the application that hung up. Proxies in Go answer `OPTIONS *` themselves, with nothing; Envoy has
          // no route for it, speaks no HTTP/1.0, and takes `PRI` for the beginning of HTTP/2.
          const own = kind.startsWith('envoy') ? [0, 404, 426] : []
          const wanted = [...(line.startsWith('OPTIONS') ? [200, 400] : [400, 404, 405, 501]), ...own]
          expect([line, status, wanted.includes(status), reachedApplication(text)]).toEqual([line, status, true, false])
        }
      }
    },
  },
  {
    name: 'no spelling of a path leaves the public folder (B01 to B12, B15)',
    run: async ({ kind, raw, url }) => {
      const { host } = new URL(url('wiki', '/'))
      for (const path of escapes) {
        const answer = await raw(
          `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n`,
        )
        // Envoy has resolved it for everybody, the application too: the parent of an empty segment is what is before it.
        if (kind.startsWith('envoy') && answer.includes('"url":"/public/secrets"')) continue
        expect([path, statusOf(answer) === 200, reachedApplication(answer)]).toEqual([path, false, false])
      }
    },
  },
  {
    name: 'control characters in a path are refused (B09)',
    run: async ({ raw, url }) => {
      const { host } = new URL(url('wiki', '/'))
      for (const path of [
        '/public/\tpage',
        '/public/\x01page',
        '/public/\x7fpage',
        '/public/%0d%0apage',
        '/public/%00page',
      ]) {
        const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
        expect([path, reachedApplication(answer)]).toEqual([path, false])
      }
    },
  },
  {
    name: 'a path of 64 KB is refused (B17)',
    run: async ({ raw, url }) => {
      const { host } = new URL(url('wiki', '/'))
      const answer = await raw(
        `GET /public/${'a'.repeat(64_000)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      // 0: the proxy hung up on it. 500: we hung up on the proxy, while it was still sending us 64 KB of header.
      expect([0, 400, 414, 431, 500]).toContain(statusOf(answer))
      expect(reachedApplication(answer)).toBe(false)
    },
  },
  {
    name: 'a path of 9 KB is refused as too long, not as a failure (B17)',
    run: async ({ fetch, url }) => {
      expect((await fetch(url('wiki', `/public/${'a'.repeat(9_000)}`))).status).toBe(414)
    },
  },
]
