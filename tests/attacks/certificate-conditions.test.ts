/** Conditions about the client certificate, through the whole service: what the proxy passes is what decides. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { startService, type TestService } from '../service.ts'
import { expectDenied, fronts } from './world.ts'

const policy = `
p, authenticated, wiki.example.com, /laptop/**,  *, laptop,   allow
p, authenticated, wiki.example.com, /any/**,     *, -,        allow
p, anyone,        wiki.example.com, /any/**,     *, !known,   deny
p, authenticated, wiki.example.com, /lost/**,    *, -,        allow
p, authenticated, wiki.example.com, /lost/**,    *, stolen,   deny
p, anyone,        wiki.example.com, /anybody/**, *, laptop,   allow
p, authenticated, wiki.example.com, /without,    *, !known,   allow
`
const conditions = `
laptop: { client-certificate: { san-dns: [laptop.example.com] } }
known: { client-certificate: { san-dns: [laptop.example.com, phone.example.com] } }
stolen: { client-certificate: { san-dns: [stolen.example.com] } }
`
const header = 'X-Client-Certificate'
const settings = { server: { clientCertificateHeader: header }, sessions: { bindTo: 'none' } }

const authority = createAuthority('Corp CA')
const issue = (name: string): string => encodeURIComponent(authority.issue('alice', [name]).certificate)
const [laptop, phone, stolen] = ['laptop', 'phone', 'stolen'].map(name => issue(`${name}.example.com`)) as [
  string,
  string,
  string,
]
afterAll(() => authority.close())

const derOf = (escaped: string): Buffer => new X509Certificate(decodeURIComponent(escaped)).raw
const cut = derOf(laptop).subarray(0, -1).toString('base64')

describe.each(fronts)('a certificate condition by way of %s', front => {
  let world: TestService
  let cookie: string
  beforeAll(async () => {
    world = await startService({ policy, conditions, settings })
    cookie = await world.logIn('alice', 'https://wiki.example.com/lost/a')
  })
  afterAll(() => world.close())

  const ask = (path: string, ...values: string[]) =>
    world.ask(front, {
      url: `https://wiki.example.com${path}`,
      cookie,
      headers: values.map(value => [header, value] as const),
    })
  const statusOf = async (path: string, ...values: string[]): Promise<number> => (await ask(path, ...values)).status

  it('lets in whom an allow asks for, and nobody else', async () => {
    expect(await statusOf('/laptop/a', laptop)).toBe(200)
    expect(await statusOf('/laptop/a', phone)).toBe(403)
    expect(await statusOf('/laptop/a')).toBe(403)
    expect(await statusOf('/laptop/a', `:${derOf(laptop).toString('base64')}:`)).toBe(200)
  })

  it('keeps out whom a deny of `!` names, and nobody else', async () => {
    for (const certificate of [laptop, phone]) expect(await statusOf('/any/a', certificate)).toBe(200)
    expect(await statusOf('/any/a', stolen)).toBe(403)
    expect(await statusOf('/any/a')).toBe(403)
    expect(await statusOf('/any/a', '')).toBe(403)
  })

  it('keeps out the certificate that a deny names', async () => {
    expect(await statusOf('/lost/a', stolen)).toBe(403)
    expect(await statusOf('/lost/a', laptop)).toBe(200)
    expect(await statusOf('/lost/a')).toBe(200)
  })

  it('needs no login where the row needs none', async () => {
    const answer = await world.ask(front, { url: 'https://wiki.example.com/anybody/a', headers: [[header, laptop]] })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('remote-email')).toEqual([''])
  })

  it.each([
    ['the header twice', [laptop, laptop]],
    ['another one before it', [phone, laptop]],
    ['another one behind it', [laptop, phone]],
    ['an empty one beside it', ['', laptop]],
    ['garbage', ['CN=laptop.example.com']],
    ['cut DER', [cut]],
    ['an end that is cut off', [laptop.slice(0, -40)]],
  ])('A18 is unknown with %s: no allow opens, and every deny applies', async (_, values) => {
    for (const path of ['/laptop/a', '/any/a', '/lost/a', '/without']) {
      const answer = await ask(path, ...values)
      expect([path, answer.status]).toEqual([path, 403])
      expectDenied(answer)
    }
  })

  it('H12 is judged for each request anew, whatever was decided before', async () => {
    for (let round = 0; round < 3; round += 1) {
      expect(await statusOf('/laptop/a', laptop)).toBe(200)
      expect(await statusOf('/laptop/a', phone)).toBe(403)
      expect(await statusOf('/laptop/a')).toBe(403)
      expect(await statusOf('/laptop/a', laptop, phone)).toBe(403)
      expect(await statusOf('/lost/a')).toBe(200)
      expect(await statusOf('/lost/a', stolen)).toBe(403)
      expect(await statusOf('/without')).toBe(200)
      expect(await statusOf('/without', laptop)).toBe(403)
    }
  })

  it('is explained with the certificate that it was made with', async () => {
    const explained = async (...values: string[]) => {
      const id = (await ask('/laptop/a', ...values)).headers.get('x-sallyport-request-id')?.[0]
      const answer = await fetch(`http://127.0.0.1:${world.adminPort}/explain/${id}`)
      return (await answer.json()) as { decision: { effect: string; reason?: string }; changes?: unknown }
    }
    expect((await explained(laptop)).decision).toMatchObject({ effect: 'allow' })
    expect((await explained(phone)).decision).toMatchObject({ effect: 'deny', reason: 'condition-failed' })
    expect((await explained(phone, phone)).decision).toMatchObject({ effect: 'deny', reason: 'condition-failed' })
  })
})

describe('the header of a certificate', () => {
  it('A18 is not believed from a peer that is no trusted proxy', async () => {
    const server = { ...settings.server, trustedProxies: ['192.0.2.1'] }
    const world = await startService({ policy, conditions, settings: { ...settings, server } })
    try {
      const url = 'https://wiki.example.com/anybody/a'
      const answer = await world.ask('forward-auth', { url, headers: [[header, laptop]] })
      expectDenied(answer)
      expect(await world.eventOf(answer)).toMatchObject({ event: 'access.refused', code: 'ERR_PROXY_UNTRUSTED' })
    } finally {
      await world.close()
    }
  })

  it('H13 means nothing while it has no name, and the rows that ask for it are named in the log', async () => {
    const world = await startService({ policy, conditions })
    try {
      const url = 'https://wiki.example.com/anybody/a'
      const answer = await world.ask('forward-auth', { url, headers: [[header, laptop]] })
      expect(answer.status).toBe(401)
      const line = world
        .logText()
        .split('\n')
        .find(text => text.includes('ask for the client certificate'))
      expect(line).toContain('server.clientCertificateHeader')
      expect(JSON.parse(line ?? '')).toMatchObject({
        count: 5,
        rows: expect.arrayContaining([{ rule: 'policy.csv:2' }].map(row => expect.objectContaining(row))),
      })
    } finally {
      await world.close()
    }
  })
})
