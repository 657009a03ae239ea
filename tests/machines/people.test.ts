/** People who come by token: what a program is told when a newer or better login is needed (RFC 9470). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenRefusals } from '../../app/identity/token/refusal.ts'
import { frontNames } from '../dialects.ts'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { header, navigation } from '../service.ts'
import { type MachinesWorld, startMachines, timesNow } from './world.ts'

// Nobody listens there: its keys stand in a file, and nobody logs in.
const idp = createSigningIssuer('https://127.0.0.1:1', { sub: 'alice', client_id: 'wiki-cli', groups: ['ops'] })
const policy = `
p, group:ops, wiki.example.com,    /always,  *, -,            allow
p, group:ops, wiki.example.com,    /fresh,   *, fresh,        allow
p, group:ops, wiki.example.com,    /gold,    *, gold,         allow
p, group:ops, wiki.example.com,    /both,    *, fresh & gold, allow
p, group:ops, payroll.example.com, /**,      *, -,            allow
p, authenticated, shop.example.com, /**,     *, -,            allow
`
const conditions = `
fresh: { authentication-age: 15m }
gold: { acr: [urn:example:gold] }
`

const directory = mkdtempSync(join(tmpdir(), 'sallyport-people-'))
let world: MachinesWorld
beforeAll(async () => {
  const jwksFile = join(directory, 'idp.json')
  writeFileSync(jwksFile, JSON.stringify(idp.jwks()))
  world = await startMachines({
    policy,
    conditions,
    providers: corp => [corp, { name: 'people', issuer: idp.issuer, clientId: 'sallyport', clientSecret: 'of a test' }],
    tokenIssuers: () => [
      { name: 'people', kind: 'openid', issuer: idp.issuer, audience: 'urn:hosts', provider: 'people', jwksFile },
    ],
    hosts: [
      { host: 'wiki.example.com', bearerFrom: ['people'] },
      { host: 'payroll.example.com', bearerFrom: ['people'], maxAge: '1h' },
      { host: 'shop.example.com', bearerFrom: ['people'], maxIdle: '15m' },
    ],
  })
})
afterAll(async () => {
  await world?.close()
  rmSync(directory, { recursive: true, force: true })
})

describe.each(frontNames)("a person's token on %s", front => {
  const ask = (url: string, minutesAgo: number, more: object = {}) => {
    const claims = { aud: 'urn:hosts', auth_time: timesNow().iat - minutesAgo * 60, ...timesNow(), ...more }
    const token = idp.token(claims, { header: { typ: 'at+jwt' } })
    return world.ask(front, { url, headers: [['Authorization', `Bearer ${token}`], ...navigation] })
  }
  const insufficient = (reason: string, wanted: string) =>
    `Bearer error="insufficient_user_authentication", error_description="${reason}"${wanted}`

  it.each([
    ['too old a login', '/fresh', 20, {}, 'authentication-too-old', ', max_age="900"'],
    [
      'too weak a login',
      '/gold',
      1,
      { acr: 'urn:example:bronze' },
      'authentication-method-missing',
      ', acr_values="urn:example:gold"',
    ],
    [
      'a login that is both',
      '/both',
      20,
      {},
      'authentication-too-old',
      ', max_age="900", acr_values="urn:example:gold"',
    ],
  ])('J17 of %s is told which login would do, and sent to none', async (_what, path, age, claims, reason, wanted) => {
    const answer = await ask(`https://wiki.example.com${path}`, age, claims)
    expect(answer.status).toBe(401)
    expect(header(answer, 'www-authenticate')).toBe(insufficient(reason, wanted))
    expect(header(answer, 'content-type')).toBe('application/problem+json')
    for (const name of ['location', 'x-sallyport-redirect', 'set-cookie', 'remote-user']) {
      expect(answer.headers.has(name), name).toBe(false)
    }
    expect(await world.eventOf(answer)).toMatchObject({ event: 'access.challenged', credential: 'user-token' })
  })

  it('J17 is told so by a host that limits the age of logins, and named to nobody', async () => {
    const answer = await ask('https://payroll.example.com/a', 61)
    expect(answer.status).toBe(401)
    expect(header(answer, 'www-authenticate')).toBe(insufficient('session-too-old', ', max_age="3600"'))
    expect((await ask('https://payroll.example.com/a', 59)).status).toBe(200)
  })

  it('J64 is refused by a host that ends logins that are not used, and a client is not', async () => {
    const answer = await ask('https://shop.example.com/a', 0)
    expect(answer.status).toBe(401)
    expect(header(answer, 'www-authenticate')).toBe(
      `Bearer error="invalid_token", error_description="${tokenRefusals.idle}"`,
    )
    const client = idp.token({ aud: 'urn:hosts', ...timesNow(), sub: 'wiki-cli' }, { header: { typ: 'at+jwt' } })
    const headers: [string, string][] = [['Authorization', `Bearer ${client}`]]
    expect((await world.ask(front, { url: 'https://shop.example.com/a', headers })).status).toBe(200)
  })

  it('lets in whoever logged in as is asked', async () => {
    const gold = { acr: 'urn:example:gold' }
    for (const [path, claims] of [
      ['/always', {}],
      ['/fresh', {}],
      ['/gold', gold],
      ['/both', gold],
    ] as const) {
      const answer = await ask(`https://wiki.example.com${path}`, 1, claims)
      expect([path, answer.status, header(answer, 'remote-user')]).toEqual([path, 200, `${idp.issuer}#alice`])
    }
  })
})
