/** What holds over HTTP/3, behind each proxy that speaks it. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { received } from '../world.ts'
import { authorityOf, fieldOf, forgedFields, json, navigationFields, wasServed } from './fields.ts'
import type { Fields, Http3World } from './world.ts'

export interface Http3Scenario {
  readonly name: string
  readonly run: (world: Http3World) => Promise<void>
}

export const http3Scenarios: readonly Http3Scenario[] = [
  {
    name: 'over HTTP/3 a browser without a session is led to the login, and a script gets 401',
    run: async world => {
      const led = await world.ask('/notes?page=2', navigationFields)
      const login = new URL(fieldOf(led, 'location') ?? '')
      expect([led.status, login.host]).toEqual([302, authorityOf(world, 'auth')])
      expect(login.searchParams.get('rd')).toBe(`https://${authorityOf(world, 'wiki')}/notes?page=2`)
      expect((await world.ask('/notes', json)).status).toBe(401)
      expect((await world.ask('/public/page', [], { body: 'written' })).status).toBe(401)
    },
  },
  {
    name: 'over HTTP/3 a person who may is let in, and one who may not gets 403',
    run: async world => {
      expect((await world.ask('/notes', [['cookie', world.cookie]])).status).toBe(200)
      const refused = await world.ask('/closed/notes', [['cookie', world.cookie]])
      expect([refused.status, wasServed(refused)]).toEqual([403, false])
    },
  },
  {
    name: 'over HTTP/3 identity headers are overwritten, in every spelling',
    run: async world => {
      const seen = await world.echo('/notes', [['cookie', world.cookie], ...forgedFields])
      expect(received(seen, 'remote-user')).toEqual(['alice'])
      expect(received(seen, 'x-sallyport-assertion').map(text => text.split('.').length)).toEqual([3])
      expect(received(seen, 'x-forwarded-for').join()).not.toContain('192.0.2.7')
      expect(received(seen, 'x-forwarded-proto')).toEqual(['https'])
      expect(JSON.stringify(seen)).not.toContain('mallory')
      const stranger = await world.echo('/public/page', forgedFields)
      expect(JSON.stringify(stranger)).not.toContain('mallory')
      // No field of HTTP/3 has capitals (RFC 9114 section 4.2), and none is about the connection.
      for (const field of [
        ['Remote-User', 'mallory'],
        ['connection', 'remote-user'],
        ['transfer-encoding', 'chunked'],
        ['upgrade', 'h2c'],
      ] as const)
        expect([field, wasServed(await world.ask('/public/page', [...json, field]))]).toEqual([field, false])
    },
  },
  {
    name: 'over HTTP/3 the session cookie never reaches the application, in however many fields it comes',
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
    name: 'over HTTP/3 a body arrives byte for byte, and one of another length than it says is refused',
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
    name: 'over HTTP/3 the host that is judged is the host that is served, whatever Host says beside :authority',
    run: async world => {
      const [wiki, open] = [authorityOf(world, 'wiki'), authorityOf(world, 'open')]
      // Traefik takes the path out of a whole address, and neither judges nor serves by its host.
      const spoken = [
        [':authority', wiki, 'host', open],
        [':authority', open, 'host', wiki],
        [':authority', `open.localhost@${wiki}`, 'x-a', 'b'],
        [':authority', `${wiki}, ${open}`, 'x-a', 'b'],
        [':authority', '', 'host', wiki],
        [':authority', wiki, ':path', `https://${open}/secrets`],
        [':authority', open, ':path', `https://${wiki}/secrets`],
      ] as const
      for (const [pseudo, value, name, text] of spoken) {
        const answer = await world.ask('/secrets', [[pseudo, value], [name, text], ...json])
        expect([value, text, answer.body?.includes('"app":"wiki"') ?? false]).toEqual([value, text, false])
        if (answer.status === 200) expect(JSON.parse(answer.body ?? '').app).toBe('payroll')
      }
      const closed: Fields = [
        [':path', `https://${open}/closed/notes`],
        ['cookie', world.cookie],
      ]
      expect(wasServed(await world.ask('', closed))).toBe(false)
      // A connection whose TLS was for another host asks for this one.
      const answer = await world.ask('/secrets', json, { name: 'open.localhost' })
      expect(wasServed(answer)).toBe(false)
    },
  },
  {
    name: 'over HTTP/3 a target that is no path reaches nobody, and nothing becomes a tunnel',
    run: async world => {
      const cookie = ['cookie', world.cookie] as const
      for (const path of ['*', '', 'public/page'])
        expect([path, wasServed(await world.ask('/', [[':path', path], cookie, ...json]))]).toEqual([path, false])
      for (const more of [[], [[':protocol', 'websocket'] as const], [[':protocol', 'connect-udp'] as const]]) {
        const answer = await world.ask('/live', [[':method', 'CONNECT'], ...more, cookie])
        expect([more, answer.status ?? 400]).toEqual([more, expect.toSatisfy((status: number) => status >= 400)])
      }
    },
  },
  {
    name: 'over HTTP/3 1,100 fields and 40 KB of cookies are refused',
    run: async world => {
      const many = Array.from({ length: 1_100 }, (_, index) => [`x-field-${index}`, '1'] as const)
      expect(wasServed(await world.ask('/public/page', [...json, ...many]))).toBe(false)
      const long = ['cookie', `${world.cookie}; long=${'x'.repeat(40_000)}`] as const
      expect(wasServed(await world.ask('/notes', [...json, long]))).toBe(false)
    },
  },
  {
    name: 'over HTTP/3 nothing is taken before the handshake is done, which anybody could send again',
    run: async world => {
      // Several times: a worker of Envoy may refuse what another one would take.
      for (let attempt = 0; attempt < 5; attempt += 1) {
        // Brings a ticket, with which the next one begins.
        expect((await world.ask('/public/page')).status).toBe(200)
        const early = await world.ask('/early', [['cookie', world.cookie]], { body: 'once', early: true })
        expect(early).toEqual({ ticket: expect.any(Number), early: false })
      }
      expect((await world.ask('/late', [['cookie', world.cookie]], { body: 'once' })).status).toBe(200)
      expect(world.reached.filter(line => /early|late/.test(line))).toEqual(['POST /late'])
    },
  },
  {
    name: 'over HTTP/3 the check endpoints cannot be reached; clients are told of HTTP/3 over TCP',
    run: async world => {
      for (const path of ['/verify/forward-auth', '/verify/ext-authz/', '/verify']) {
        const asked = await world.ask(path, [[':authority', authorityOf(world, 'auth')]])
        expect([path, asked.status]).toEqual([path, 404])
      }
      const told = await world.overTcp(`https://${authorityOf(world, 'wiki')}/public/page`)
      expect(told.headers['alt-svc']).toContain(`h3=":${world.port}"`)
    },
  },
  {
    name: 'over HTTP/3 every request is refused with a 5xx without Sallyport',
    run: async world => {
      for (const relay of world.checks) await relay.close()
      for (const path of ['/public/page', '/notes']) {
        const { status = 0 } = await world.ask(path, [['cookie', world.cookie]])
        expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code >= 500)])
      }
    },
  },
]
