/** The examples of docs/assertion.md, as applications that are shown real assertions, and forged ones. */
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../peers.ts'
import { header, navigation, startService, type TestService } from '../service.ts'
import { availableExamples, type ExampleApp, removeBuilt, startExample } from './example-apps.ts'
import { alice, carol } from './fixtures.ts'
import {
  type Claims,
  foreignKey,
  forge,
  forgeHmac,
  type KeyServer,
  partsOf,
  startKeyServer,
  unsigned,
} from './key-server.ts'

const audience = 'https://wiki.example.com'
const examples = availableExamples()
const algorithms = ['ES256', 'EdDSA'] as const
const seconds = () => Math.floor(Date.now() / 1_000)

afterAll(removeBuilt)

describe.each(examples)('the example in $language', example => {
  // The first use of Go compiles its standard library.
  beforeAll(() => void example.command(), 180_000)

  describe.each(algorithms)('with %s', algorithm => {
    let server: KeyServer
    let app: ExampleApp
    let good: string

    beforeAll(async () => {
      server = await startKeyServer(algorithm)
      app = await startExample(example, { issuer: server.issuer, audience })
    })

    // Fresh for each test: what is refused must not be so for its age.
    beforeEach(() => {
      good = server.sign(alice, { audience, session: 'a1b2c3d4e5f60718' })
    })

    afterAll(async () => {
      await app?.stop()
      await server?.close()
    })

    test('knows who is asking', async () => {
      const person = { sub: alice.subject, name: alice.name, groups: alice.groups }
      expect(await app.show(good)).toEqual({ status: 200, body: person })
      expect((await app.show(server.sign(carol, { audience }))).body).toMatchObject({ groups: [] })
    })

    test('sees that groups were left out, and takes that for no empty list', async () => {
      const { status, body } = await app.show(server.sign(alice, { audience, areGroupsOmitted: true }))
      expect(status).toBe(200)
      expect((body as { groups?: unknown }).groups ?? undefined).toBeUndefined()
    })

    test('refuses what was made for another application', async () => {
      const token = server.sign(alice, { audience: 'https://payments.example.com' })
      expect(await app.show(token)).toEqual({ status: 401, body: {} })
    })

    test('refuses what has expired, and what is not made yet', async () => {
      expect((await app.show(server.signAt(-30)(alice, { audience }))).status).toBe(200)
      expect((await app.show(server.signAt(-70)(alice, { audience }))).status).toBe(401)
      expect((await app.show(server.signAt(60)(alice, { audience }))).status).toBe(401)
    })

    test.each<[string, (h: Claims, c: Claims) => string | readonly string[]]>([
      ['no header', () => []],
      ['an empty header', () => ''],
      ['two assertions', () => [good, good]],
      ['no token', () => 'Bearer x'],
      ['a text without a signature', () => good.split('.').slice(0, 2).join('.')],
      ['an empty signature', () => good.replace(/[^.]*$/, '')],
      ['a changed claim', (_h, c) => good.replace(/\.[^.]*\./, `.${base64url({ ...c, sub: 'mallory' })}.`)],
      ['alg none', (h, c) => unsigned(h, c, 'none')],
      ['alg nOnE', (h, c) => unsigned(h, c, 'nOnE')],
      ['alg none with a signature', (h, c) => unsigned(h, c, 'none') + good.split('.')[2]],
      ['a foreign key under the right name', (h, c) => forge(h, c, foreignKey(algorithm))],
      ['a foreign key under a name of its own', (h, c) => forge({ ...h, kid: 'k' }, c, foreignKey(algorithm))],
      ['a foreign key without a name', (h, c) => forge({ ...h, kid: undefined }, c, foreignKey(algorithm))],
      ['a foreign key that comes along', (h, c) => forgeWithOwnKey(h, c)],
      ['the other algorithm, signed with a foreign key', (h, c) => forgeOther(h, c)],
      ['the published key as a secret', (h, c) => forgeHmac(h, c, JSON.stringify(server.keys.current().publicJwk))],
      ['the published key in PEM as a secret', (h, c) => forgeHmac(h, c, publicPem())],
      ['an empty secret', (h, c) => forgeHmac(h, c, '')],
    ])('refuses %s', async (_name, make) => {
      const { header: h, claims } = partsOf(good)
      const made = make(h, claims)
      expect(await app.show(...(typeof made === 'string' ? [made] : made))).toEqual({ status: 401, body: {} })
    })

    // Signed with the very key that signs: each is refused for what it says alone.
    test.each<[string, () => Claims, Claims]>([
      ['another iss', () => ({ iss: 'https://evil.example.net' }), {}],
      ['an iss with a slash more', () => ({ iss: `${server.issuer}/` }), {}],
      ['no iss', () => ({ iss: undefined }), {}],
      ['no aud', () => ({ aud: undefined }), {}],
      ['an aud with another port', () => ({ aud: `${audience}:8443` }), {}],
      ['an empty aud', () => ({ aud: '' }), {}],
      ['a list without us as aud', () => ({ aud: ['https://a.example', 'https://b.example'] }), {}],
      ['no sub', () => ({ sub: undefined }), {}],
      ['no exp', () => ({ exp: undefined }), {}],
      ['an exp that is a text', () => ({ exp: 'never' }), {}],
      ['no iat', () => ({ iat: undefined }), {}],
      ['an iat of tomorrow', () => ({ iat: seconds() + 86_400, exp: seconds() + 86_460 }), {}],
      ['an extension that nobody knows', () => ({}), { crit: ['x'], x: 1 }],
      ['another type of token', () => ({}), { typ: 'logout+jwt' }],
    ])('refuses %s', async (_name, claims, further) => {
      const token = partsOf(good)
      const { privateKey } = server.keys.current()
      const fresh = { ...token.claims, iat: seconds(), exp: seconds() + 60 }
      expect((await app.show(forge(token.header, fresh, privateKey))).status).toBe(200)
      const forged = forge({ ...token.header, ...further }, { ...fresh, ...claims() }, privateKey)
      expect(await app.show(forged)).toEqual({ status: 401, body: {} })
    })

    test('knows the next key before it signs, and asks for no key again and again', async () => {
      await app.show(good)
      const before = server.fetches()
      const oldKey = server.keys.current().kid
      await server.rotate()
      expect(server.keys.current().kid).not.toBe(oldKey)
      expect((await app.show(server.sign(alice, { audience }))).status).toBe(200)
      // What the old key signed a moment ago is still good.
      expect((await app.show(good)).status).toBe(200)
      for (let round = 0; round < 20; round += 1) {
        const { header: h, claims } = partsOf(good)
        await app.show(forge({ ...h, kid: `unknown-${round}` }, claims, foreignKey(algorithm)))
      }
      expect(server.fetches()).toBe(before)
    })

    function forgeWithOwnKey(h: Claims, c: Claims): string {
      const key = foreignKey(algorithm)
      const jwk = createPublicKey(key).export({ format: 'jwk' })
      return forge({ ...h, kid: 'own', jwk: { ...jwk, kid: 'own' }, jku: 'http://127.0.0.1:1/keys' }, c, key)
    }

    function forgeOther(h: Claims, c: Claims): string {
      const other = algorithm === 'ES256' ? 'EdDSA' : 'ES256'
      return forge({ ...h, alg: other }, c, foreignKey(other))
    }

    const publicPem = (): string =>
      createPublicKey(server.keys.current().privateKey).export({ format: 'pem', type: 'spki' }).toString()
  })

  test('lets nobody in while there are no keys, and comes back by itself', async () => {
    const port = await freePort()
    const app = await startExample(example, { issuer: `http://127.0.0.1:${port}`, audience })
    try {
      const old = await startKeyServer('ES256')
      const token = old.sign(alice, { audience })
      await old.close()
      expect(await app.show(token)).toEqual({ status: 503, body: {} })
      const server = await startKeyServer('ES256', { port })
      try {
        await expect.poll(async () => (await app.show(server.sign(alice, { audience }))).status).toBe(200)
      } finally {
        await server.close()
      }
    } finally {
      await app.stop()
    }
  })
})

describe('behind the whole service', () => {
  let world: TestService

  beforeAll(async () => {
    const everybody = ['wiki.localhost', 'payments.localhost'].map(
      host => `p, authenticated, ${host}, /**, *, -, allow`,
    )
    world = await startService({ policy: `${everybody.join('\n')}\n` })
  })

  afterAll(() => world?.close())

  test.each(examples)('the example in $language knows Alice at the wiki only', async example => {
    const app = await startExample(example, {
      issuer: world.publicUrl,
      audience: 'http://wiki.localhost',
      keys: `http://127.0.0.1:${world.port}/.well-known/jwks.json`,
    })
    try {
      const assertionAt = async (host: string) => {
        const url = `http://${host}/`
        const cookie = await world.logIn('alice', url)
        return (
          header(await world.ask('forward-auth', { url, cookie, headers: navigation }), 'x-sallyport-assertion') ?? ''
        )
      }
      const seen = await app.show(await assertionAt('wiki.localhost'))
      expect(seen).toMatchObject({ status: 200, body: { sub: `${world.provider.issuer}#alice`, groups: ['ops'] } })
      expect(await app.show(await assertionAt('payments.localhost'))).toEqual({ status: 401, body: {} })
    } finally {
      await app.stop()
    }
  })
})

test('docs/assertion.md shows the examples as they are', () => {
  const page = readFileSync(new URL('../../docs/assertion.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```(js|go|python)\n(.*?)```/gs)]
  expect(blocks.map(([, language]) => language).sort()).toEqual(['go', 'js', 'python'])
  const files = { js: 'node/app.mjs', go: 'go/verify.go', python: 'python/app.py' }
  for (const [, language, code = ''] of blocks) {
    const file = files[language as keyof typeof files]
    expect(readFileSync(new URL(`../../docs/examples/verify/${file}`, import.meta.url), 'utf8')).toContain(code)
  }
})

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
