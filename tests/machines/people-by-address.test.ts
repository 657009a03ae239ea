/** People who come by token, and rows that deny an address: access tokens often do not tell it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frontNames } from '../dialects.ts'
import { type ExchangeWorld, jwtType, startExchange } from '../exchange/world.ts'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { timesNow } from './world.ts'

// Nobody listens there: its keys stand in a file, and nobody logs in.
const idp = createSigningIssuer('https://127.0.0.1:1', { client_id: 'wiki-cli', groups: ['staff'] })
const policy = `
g, email:mallory@corp.example, role:watched, *
g, email:bob@corp.example, role:owners, *
p, group:staff, wiki.example.com, /**, *, -, allow
p, group:staff, payroll.example.com, /**, *, -, allow
p, group:staff, tokens, /**, create, -, allow
p, email:mallory@corp.example, wiki.example.com, /by-address/**, *, -, deny
p, email-domain:corp.example, wiki.example.com, /by-domain/**, *, -, deny
p, role:watched, wiki.example.com, /by-role/**, *, -, deny
p, email:mallory@corp.example, wiki.example.com, /never/**, *, never, deny
p, email:mallory@corp.example, tokens, /payroll.example.com, create, -, deny
p, email:bob@corp.example, shop.example.com, /**, *, -, allow
p, email-domain:corp.example, shop.example.com, /**, *, -, allow
p, role:owners, shop.example.com, /**, *, -, allow
`

const directory = mkdtempSync(join(tmpdir(), 'sallyport-addresses-'))
let world: ExchangeWorld
beforeAll(async () => {
  const jwksFile = join(directory, 'idp.json')
  writeFileSync(jwksFile, JSON.stringify(idp.jwks()))
  const bearerFrom = ['people', 'sallyport']
  world = await startExchange({
    policy,
    conditions: 'never: { date-window: { from: 2001-01-01, until: 2001-01-01, zone: UTC } }\n',
    providers: corp => [corp, { name: 'people', issuer: idp.issuer, clientId: 'sallyport', clientSecret: 'of a test' }],
    tokenIssuers: () => [
      { name: 'people', kind: 'openid', issuer: idp.issuer, audience: 'urn:hosts', provider: 'people', jwksFile },
    ],
    hosts: ['wiki.example.com', 'payroll.example.com', 'shop.example.com'].map(host => ({ host, bearerFrom })),
  })
})
afterAll(async () => {
  await world?.close()
  rmSync(directory, { recursive: true, force: true })
})

const token = (claims: object): string =>
  idp.token({ aud: 'urn:hosts', sub: 'someone', ...timesNow(), ...claims }, { header: { typ: 'at+jwt' } })
const exchange = (claims: object, audience = 'wiki.example.com') =>
  world.exchange({ subject_token: token(claims), subject_token_type: jwtType, audience })
const bearer = (text: string): [string, string][] => [['Authorization', `Bearer ${text}`]]

const bob = { email: 'bob@agency.example', email_verified: true }
const mallory = { email: 'mallory@corp.example', email_verified: true }
const withoutAddress: [string, object][] = [
  ['no address', {}],
  ['no address, and says that it is verified', { email_verified: true }],
  ['an address of which it does not say that it is verified', { email: 'mallory@corp.example' }],
  ['an address that is not verified', { email: 'carol@elsewhere.example', email_verified: false }],
  ['no address that can be read', { email: ['mallory@corp.example'], email_verified: true }],
]
const paths = ['/by-address/a', '/by-domain/a', '/by-role/a']

describe.each(withoutAddress)('a token of a person with %s', (_what, claims) => {
  it.each(frontNames)('J61 is denied by each row that denies some address, on %s', async front => {
    const ask = (host: string, path: string, text: string) =>
      world.ask(front, { url: `https://${host}${path}`, headers: bearer(text) })
    const made = String((await exchange(claims)).body.access_token)
    for (const text of [token(claims), made]) {
      for (const path of paths) expect([path, (await ask('wiki.example.com', path, text)).status]).toEqual([path, 403])
      // Twice: the second time decisions are remembered.
      expect((await ask('wiki.example.com', '/by-address/a', text)).status).toBe(403)
      expect((await ask('wiki.example.com', '/a', text)).status).toBe(200)
      expect((await ask('wiki.example.com', '/never/a', text)).status).toBe(200)
    }
  })

  it('J61 is exchanged for no host whose tokens some address is denied, and gets nothing that addresses are allowed', async () => {
    expect((await exchange(claims, 'payroll.example.com')).status).toBe(400)
    for (const host of ['shop.example.com']) expect((await world.at(host, '/a', token(claims))).status).toBe(403)
  })
})

it('J61 a token with a verified address is judged by that one alone', async () => {
  for (const path of [...paths, '/a']) {
    const forMallory = path === '/a' ? 200 : 403
    expect([path, (await world.at('wiki.example.com', path, token(mallory))).status]).toEqual([path, forMallory])
    expect([path, (await world.at('wiki.example.com', path, token(bob))).status]).toEqual([path, 200])
  }
  expect((await exchange(bob, 'payroll.example.com')).status).toBe(200)
  expect((await exchange(mallory, 'payroll.example.com')).status).toBe(400)
  expect((await world.at('shop.example.com', '/a', token(mallory))).status).toBe(200)
  expect((await world.at('shop.example.com', '/a', token(bob))).status).toBe(403)
})

it('J61 the audit log names the row', async () => {
  const answer = await world.at('wiki.example.com', '/by-domain/a', token({}))
  const event = await world.eventOf(answer)
  expect(event).toMatchObject({ event: 'access.denied', reason: 'rule-denied', credential: 'user-token' })
  expect(event).not.toHaveProperty('email')
})
