/** More headers than are read, through the real proxy: refused as such, never let through, never a fault of the proxy. */
import { expect } from 'vitest'
import type { Echo } from '../../cli/demo/echo.ts'
import { reachedApplication, received, type Scenario, statusOf, type World } from './world.ts'

const lines = (count: number, value = ''): string =>
  Array.from({ length: count }, (_, index) => `X-Filler-${index}: ${value}\r\n`).join('')

const forgedTrailers = [
  ...['Remote-User', 'Remote-Groups', 'X-Sallyport-Assertion', 'X-WEBAUTH-USER', 'Remote_User'],
  ...['Authorization', 'Cookie', 'X-Forwarded-For', 'Host'],
].map(name => [name, 'mallory'] as const)

const ask = ({ raw, url }: World, path: string, headers: string): Promise<string> =>
  raw(`GET ${path} HTTP/1.1\r\nHost: ${new URL(url('wiki', '/')).host}\r\n${headers}Connection: close\r\n\r\n`)

export const limitScenarios: readonly Scenario[] = [
  {
    name: 'a deny that looks at a header holds, however many headers come with it',
    run: async world => {
      expect(statusOf(await ask(world, '/checked/page', ''))).toBe(200)
      for (const count of [0, 500, 1_016, 1_023, 1_024, 1_025, 5_000]) {
        const answer = await ask(world, '/checked/page', `${lines(count)}X-Waf-Verdict: block\r\n`)
        expect([count, reachedApplication(answer)]).toEqual([count, false])
        // NGINX and HAProxy have room for 64 KB of header lines, which is one of their own 4xx; all else is Sallyport's answer.
        const hasOwn = world.kind === 'nginx' || world.kind === 'haproxy'
        const expected = count < 1_000 ? [403] : hasOwn ? [431, 400] : [431]
        expect([count, expected.includes(statusOf(answer))], answer.slice(0, 200)).toEqual([count, true])
      }
    },
  },
  {
    name: 'a header that comes in two lines arrives whole, and a deny that looks at either holds (H49)',
    run: async world => {
      const verdicts = ['ok', 'block'].map(verdict => `X-Waf-Verdict: ${verdict}\r\n`)
      for (const lines of [verdicts, verdicts.toReversed(), ['X-Waf-Verdict: ok, block\r\n']]) {
        const answer = await ask(world, '/checked/page', lines.join(''))
        expect([lines, statusOf(answer), reachedApplication(answer)]).toEqual([lines, 403, false])
      }
      const seen = await world.echo(world.alice, world.url('wiki', '/notes'), { headers: { 'x-note': ['a', 'b'] } })
      expect(received(seen, 'x-note').join(', ')).toBe('a, b')
    },
  },
  {
    name: 'headers of 40 KB are 431, whoever asks, and counted',
    run: async world => {
      const counted = async (): Promise<number> => {
        const page = await (await fetch(`http://${world.stack.adminAddress}/metrics`)).text()
        return Number(/client_errors_total\{listener="main",error="headers-too-large"\} (\d+)/.exec(page)?.[1])
      }
      const before = await counted()
      const cookie = `Cookie: ${world.alice.cookieFor(world.url('wiki', '/'))}\r\n`
      for (const [path, more] of [
        ['/public/page', ''],
        ['/secrets', ''],
        ['/secrets', cookie],
      ] as const) {
        const answer = await ask(world, path, more + lines(80, 'x'.repeat(500)))
        expect([path, statusOf(answer)], answer.slice(0, 300)).toEqual([path, 431])
      }
      // Caddy and the built-in proxy have a limit of their own, and give the same answer.
      if (world.kind === 'nginx' || world.kind === 'traefik') expect(await counted()).toBe(before + 3)
    },
  },
  {
    name: 'a trailer never becomes a header',
    run: async ({ kind, raw, url }) => {
      const { host } = new URL(url('wiki', '/'))
      const answer = await raw(
        `POST /office/page HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\nConnection: close\r\n` +
          'Trailer: Remote-User, X-Forwarded-For\r\nTransfer-Encoding: chunked\r\n\r\n' +
          '1\r\na\r\n0\r\nX-Forwarded-For: 192.0.2.7\r\nRemote-User: alice\r\n\r\n',
      )
      expect([kind, reachedApplication(answer), statusOf(answer)]).toEqual([kind, false, 401])
    },
  },
  {
    name: 'a trailer is no header for an application, and nobody is who it says (A49)',
    run: async ({ alice, kind, raw, url }) => {
      const cookie = `Cookie: ${alice.cookieFor(url('wiki', '/'))}\r\n`
      for (const announced of ['', `Trailer: ${forgedTrailers.map(([name]) => name).join(', ')}\r\n`]) {
        for (const [line, more, user] of [
          ['GET /public/page', '', ''],
          ['POST /office/page', cookie, 'alice'],
        ] as const) {
          const answer = await raw(
            `${line} HTTP/1.1\r\nHost: ${new URL(url('wiki', '/')).host}\r\nAccept: application/json\r\n` +
              `Connection: close\r\n${more}${announced}TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n` +
              `${forgedTrailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
          )
          expect([kind, line, statusOf(answer)]).toEqual([kind, line, 200])
          const seen = JSON.parse(/\{"app":.*\}/.exec(answer)?.[0] ?? '') as Echo
          expect([seen.bodyLength, received(seen, 'remote-user').join()]).toEqual([1, user])
          expect(JSON.stringify(seen.headers)).not.toContain('mallory')
          // HAProxy alone passes them on, as what they are.
          const names = kind === 'haproxy' ? forgedTrailers.map(([name]) => name.toLowerCase()) : []
          expect([kind, seen.trailers.map(([name]) => name)]).toEqual([kind, names])
        }
      }
    },
  },
]
