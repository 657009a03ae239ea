/** What holds over HTTP/2 and TLS, behind each real proxy. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { Echo } from '../../../cli/demo/echo.ts'
import type { Http3Answer } from '../http3/client.ts'
import { authorityOf, fieldOf, forgedFields, json, navigationFields, wasServed } from '../http3/fields.ts'
import type { Http3Scenario } from '../http3/scenarios.ts'
import type { Fields } from '../http3/world.ts'
import { received } from '../world.ts'

const above = (status: number) => expect.toSatisfy((actual: number) => actual === 0 || actual >= status)
/** 0: the stream was reset, or the connection ended. */
const statusOf = ({ status = 0 }: Http3Answer): number => status

export const http2Scenarios: readonly Http3Scenario[] = [
  {
    name: 'over HTTP/2 a browser without a session is led to the login, and a script gets 401',
    run: async world => {
      const led = await world.ask('/notes?page=2', navigationFields)
      const login = new URL(fieldOf(led, 'location') ?? '')
      expect([led.status, login.host]).toEqual([302, authorityOf(world, 'auth')])
      expect(login.searchParams.get('rd')).toBe(`https://${authorityOf(world, 'wiki')}/notes?page=2`)
      expect((await world.ask('/notes', json)).status).toBe(401)
      expect((await world.ask('/public/page', json, { body: 'written' })).status).toBe(401)
    },
  },
  {
    name: 'over HTTP/2 each stream of a connection is judged by itself',
    run: async world => {
      const stream = (path: string, ...more: Fields): Fields => [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':authority', authorityOf(world, 'wiki')],
        [':path', path],
        ...json,
        ...more,
      ]
      const cookie = ['cookie', world.cookie] as const
      const beside = [
        stream('/notes'),
        stream('/closed/notes', cookie),
        stream('/public/page'),
        stream('/notes', cookie),
        stream('/secrets'),
      ]
      const answer = await world.ask('/notes', [cookie, ...json], { beside })
      expect([answer.status, answer.beside]).toEqual([200, [401, 403, 200, 200, 401]])
    },
  },
  {
    name: 'over HTTP/2 identity headers are overwritten, in every spelling, and none is about the connection',
    run: async world => {
      const seen = await world.echo('/notes', [['cookie', world.cookie], ...forgedFields])
      expect(received(seen, 'remote-user')).toEqual(['alice'])
      expect(received(seen, 'x-sallyport-assertion').map(text => text.split('.').length)).toEqual([3])
      expect(received(seen, 'x-forwarded-proto')).toEqual(['https'])
      expect(JSON.stringify(seen)).not.toContain('mallory')
      expect(JSON.stringify(await world.echo('/public/page', forgedFields))).not.toContain('mallory')
      // No field of HTTP/2 has capitals, and none is about the connection (RFC 9113 sections 8.2.1 and 8.2.2).
      for (const field of [
        ['Remote-User', 'mallory'],
        ['REMOTE-GROUPS', 'mallory'],
        ['connection', 'remote-user'],
        ['transfer-encoding', 'chunked'],
        ['upgrade', 'h2c'],
        ['upgrade', 'websocket'],
        ['http2-settings', 'AAMAAABkAAQAAP__'],
        ['te', 'gzip'],
      ] as const) {
        const { body = '' } = await world.ask('/notes', [['cookie', world.cookie], ...json, field])
        // Whoever takes it all the same takes nothing away by it, and adds nothing.
        expect([field, body.includes('mallory'), /\["(?:upgrade|http2-settings)",/i.test(body)]).toEqual([
          field,
          false,
          false,
        ])
        if (body.includes('"app":'))
          expect([field, received(JSON.parse(body), 'remote-user')]).toEqual([field, ['alice']])
      }
    },
  },
  {
    name: 'over HTTP/2 a trailer is no header for an application, and nobody is who it says (A49)',
    run: async world => {
      const names = ['remote-user', 'remote-groups', 'x-sallyport-assertion', 'x-webauth-user', 'remote_user', 'cookie']
      const trailers: Fields = [...names, 'authorization', 'x-forwarded-for'].map(name => [name, 'mallory'])
      for (const announced of [[], [['trailer', names.join(', ')] as const]]) {
        for (const [path, method, more, user] of [
          ['/public/page', 'GET', [], ''],
          ['/office/page', 'POST', [['cookie', world.cookie]], 'alice'],
        ] as const) {
          const fields: Fields = [[':method', method], ...more, ...announced, ['te', 'trailers'], ...json]
          const answer = await world.ask(path, fields, { body: 'a', trailers })
          // NGINX takes no trailer over HTTP/2 at all, Caddy and Traefik none that says so in `Trailer`.
          if (answer.error !== undefined) {
            expect([path, wasServed(answer)]).toEqual([path, false])
            continue
          }
          expect([path, answer.status]).toEqual([path, 200])
          const seen = JSON.parse(answer.body ?? '') as Echo
          expect([seen.bodyLength, received(seen, 'remote-user').join()]).toEqual([1, user])
          expect(JSON.stringify(seen.headers)).not.toContain('mallory')
        }
      }
      expect(received(await world.echo('/notes', [['cookie', world.cookie]]), 'remote-user')).toEqual(['alice'])
    },
  },
  {
    name: 'over HTTP/2 the session cookie never reaches the application, in however many fields it comes',
    run: async world => {
      const fields: Fields = [
        ['cookie', 'theme=dark'],
        ['cookie', world.cookie],
        ['cookie', 'own=1'],
      ]
      const seen = await world.echo('/notes', fields)
      expect(received(seen, 'remote-user')).toEqual(['alice'])
      expect(received(seen, 'cookie').join('; ')).toBe('theme=dark; own=1')
    },
  },
  {
    name: 'over HTTP/2 a body of 900 KB arrives byte for byte, and one of another length than it says is refused',
    run: async world => {
      const body = 'what a person wrote\n'.repeat(45_000)
      const seen = await world.echo('/upload', [['cookie', world.cookie]], { body })
      expect([seen.method, seen.bodyLength]).toEqual(['POST', body.length])
      expect(seen.bodyDigest).toBe(createHash('sha256').update(body).digest('hex'))
      for (const length of ['3', '30']) {
        const told: Fields = [['cookie', world.cookie], ['content-length', length], ...json]
        expect([length, wasServed(await world.ask('/upload', told, { body: 'ten bytes\n' }))]).toEqual([length, false])
      }
    },
  },
  {
    name: 'over HTTP/2 the host that is judged is the host that is served, whatever Host says beside :authority',
    run: async world => {
      const [wiki, open] = [authorityOf(world, 'wiki'), authorityOf(world, 'open')]
      for (const fields of [
        [
          [':authority', wiki],
          ['host', open],
        ],
        [
          [':authority', open],
          ['host', wiki],
        ],
        [[':authority', `open.localhost@${wiki}`]],
        [[':authority', `${wiki}, ${open}`]],
        [
          [':authority', ''],
          ['host', wiki],
        ],
        [
          [':authority', wiki],
          [':path', `https://${open}/secrets`],
        ],
        [
          [':authority', open],
          [':path', `https://${wiki}/secrets`],
        ],
        [
          [':authority', wiki],
          ['host', open],
          ['host', wiki],
        ],
      ] as const) {
        const { body = '', status } = await world.ask('/secrets', [...fields, ...json])
        expect([fields, body.includes('"app":"wiki"')]).toEqual([fields, false])
        if (status === 200) expect([fields, JSON.parse(body).app]).toEqual([fields, 'payroll'])
      }
      // A connection whose TLS was for another host asks for this one.
      expect(wasServed(await world.ask('/secrets', json, { name: 'open.localhost' }))).toBe(false)
    },
  },
  {
    name: 'over HTTP/2 a target that is no path reaches nobody, and nothing but a WebSocket becomes a tunnel',
    run: async world => {
      const cookie = ['cookie', world.cookie] as const
      for (const path of ['*', '', 'public/page'])
        expect([path, wasServed(await world.ask('/', [[':path', path], cookie, ...json]))]).toEqual([path, false])
      for (const protocol of [undefined, 'connect-udp', 'h2c', 'connect-ip']) {
        const more = protocol === undefined ? [] : [[':protocol', protocol] as const]
        const answer = await world.ask('/live', [[':method', 'CONNECT'], ...more, cookie])
        expect([protocol, statusOf(answer)]).toEqual([protocol, above(400)])
      }
      const stranger = await world.ask('/live', [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
      ])
      expect(statusOf(stranger)).toEqual(above(400))
    },
  },
  {
    name: 'over HTTP/2 1,100 fields and 40 KB of cookies are refused',
    run: async world => {
      const many = Array.from({ length: 1_100 }, (_, index) => [`x-field-${index}`, '1'] as const)
      expect(wasServed(await world.ask('/public/page', [...json, ...many]))).toBe(false)
      const long = ['cookie', `${world.cookie}; long=${'x'.repeat(40_000)}`] as const
      expect(wasServed(await world.ask('/notes', [...json, long]))).toBe(false)
    },
  },
  {
    name: 'over HTTP/2 the check endpoints cannot be reached',
    run: async world => {
      for (const path of ['/verify/forward-auth', '/verify/ext-authz/', '/verify/auth-request', '/verify']) {
        const asked = await world.ask(path, [[':authority', authorityOf(world, 'auth')]])
        expect([path, asked.status]).toEqual([path, 404])
      }
    },
  },
  {
    name: 'over HTTP/2 every request is refused with a 5xx without Sallyport',
    run: async world => {
      for (const relay of world.checks) await relay.close()
      for (const path of ['/public/page', '/notes']) {
        const { status = 0 } = await world.ask(path, [['cookie', world.cookie]])
        expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code >= 500)])
      }
    },
  },
]
