/** Application passwords at every front, as a proxy asks: who gets in, what a refusal says, and what the audit log keeps. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frontNames } from '../dialects.ts'
import { type Answer, header, identityHeaders, navigation } from '../service.ts'
import { basicOf, conditions, git, type MadePassword, type PasswordsWorld, policy, startPasswords } from './world.ts'

let world: PasswordsWorld
let alice: MadePassword
let bob: MadePassword
beforeAll(async () => {
  world = await startPasswords({
    settings: { passwords: { failuresPerMinute: 100_000, claims: ['department'] } },
    provider: {
      refreshTokens: 'rotated',
      configuration: {
        claims: {
          openid: ['sub', 'acrs', 'department', 'cost_centre'],
          profile: ['name'],
          email: ['email', 'email_verified'],
          groups: ['groups'],
        },
      },
    },
    policy: `${policy}
p, authenticated, git.example.com, /stepped/**,  *, stepped, allow
p, authenticated, git.example.com, /barred/**,   *, -,       allow
p, authenticated, git.example.com, /barred/**,   *, barred,  deny
p, authenticated, git.example.com, /staff/**,    *, staff,   allow
p, authenticated, git.example.com, /centre/**,   *, centre,  allow
`,
    conditions: `${conditions}
stepped: { claim: { name: acrs, in: [c1] } }
barred:  { claim: { name: acrs, in: [c9] } }
staff:   { claim: { name: department, in: [sales] } }
centre:  { claim: { name: cost_centre, in: ['4711'] } }
`,
    hosts: [
      { host: 'git.example.com', passwords: true, assertionClaims: ['steps=acrs', 'department=department'] },
      { host: 'dav.example.com', passwords: true },
      { host: '*.below.example.com', passwords: true },
      { host: 'partners.example.com', passwords: true, providers: ['corp'] },
      { host: 'wiki.example.com' },
    ],
  })
  world.provider.people.setClaims('alice', { acrs: ['c1'], department: 'sales', cost_centre: '4711' })
  alice = await world.make('alice')
  bob = await world.make('bob')
})
afterAll(() => world?.close())

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
const realm = 'Basic realm="git.example.com", charset="UTF-8"'

describe.each(frontNames)('an application password on %s', front => {
  const ask = (
    path: string,
    authorization?: string,
    more: { cookie?: string; headers?: [string, string][]; method?: string } = {},
  ) => {
    const { headers = [], ...rest } = more
    const own: [string, string][] = authorization === undefined ? [] : [['Authorization', authorization]]
    const url = path.startsWith('https:') ? path : `${git}${path}`
    return world.ask(front, { url, headers: [...own, ...headers], ...rest })
  }
  const problemOf = (answer: Answer) => JSON.parse(answer.body) as Readonly<Record<string, unknown>>
  const browser = { headers: navigation.map(([name, value]): [string, string] => [name, value]) }

  it('lets its person in, as who they are, and tells the application', async () => {
    const answer = await ask('/pages/a', basicOf(alice))
    expect(answer.status).toBe(200)
    expect(header(answer, 'remote-user')).toBe('alice')
    expect(header(answer, 'remote-groups')).toBe('ops')
    const assertion = decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')
    expect(assertion).toMatchObject({ aud: git, sub: `${world.provider.issuer}#alice`, groups: ['ops'] })
    for (const name of ['auth_time', 'amr', 'acr', 'sid']) expect(assertion, name).not.toHaveProperty(name)
    expect(answer.headers.has('set-cookie')).toBe(false)
    expect(header(answer, 'x-sallyport-bearer')).toBe(front === 'auth-request' ? 'taken' : undefined)
    expect((await ask('/admin/', basicOf(alice))).status).toBe(200)
    expect((await ask('/admin/', basicOf(bob))).status).toBe(403)
    expect((await ask('/pages/inner/a', basicOf(bob))).status).toBe(403)
    expect((await ask('/pages/a', basicOf(bob), { method: 'PROPFIND' })).status).toBe(200)
  })

  it('J75 has no claim that may speak of a login: an allow does not apply, a deny does', async () => {
    const cookie = await world.logIn('alice', `${git}/pages/`)
    const statuses = async (given: Parameters<typeof ask>) => (await ask(...given)).status
    for (const [path, byPassword, byLogin] of [
      ['/stepped/a', 403, 200],
      ['/barred/a', 403, 200],
      ['/centre/a', 403, 200],
      ['/staff/a', 200, 200],
    ] as const) {
      expect(await statuses([path, basicOf(alice)]), path).toBe(byPassword)
      expect(await statuses([path, undefined, { cookie }]), path).toBe(byLogin)
    }
    const asserted = async (given: Parameters<typeof ask>) =>
      decodeJwt(header(await ask(...given), 'x-sallyport-assertion') ?? '')
    expect(await asserted(['/pages/a', undefined, { cookie }])).toMatchObject({ steps: ['c1'], department: 'sales' })
    const assertion = await asserted(['/pages/a', basicOf(alice)])
    expect(assertion).toMatchObject({ department: 'sales' })
    expect(assertion).not.toHaveProperty('steps')
  })

  it('takes the handle or the e-mail address as the user name, and no other name', async () => {
    for (const user of [alice.handle, 'ALICE@example.com']) {
      expect((await ask('/pages/a', basicOf({ ...alice, user }))).status).toBe(200)
    }
    for (const user of ['bob@example.com', bob.handle, 'alice', 'x-access-token']) {
      expect((await ask('/pages/a', basicOf({ ...alice, user }))).status).toBe(401)
    }
  })

  it('J41 leaves its handle in the audit log, and itself nowhere', async () => {
    const answer = await ask('/pages/a', basicOf(alice))
    const event = await world.eventOf(answer)
    expect(event).toMatchObject({
      event: 'access.allowed',
      credential: 'application-password',
      credentialId: alice.handle,
    })
    expect(event).not.toHaveProperty('session')
    await ask('/pages/a', basicOf({ ...alice, text: `${alice.text.slice(0, -1)}7` }))
    const secret = alice.text.split('_')[2] ?? ''
    for (const part of [secret, secret.slice(0, 32), basicOf(alice).slice(6)]) {
      expect(world.logText()).not.toContain(part)
      expect(JSON.stringify(world.auditEvents())).not.toContain(part)
    }
  })

  it('J36 says the same of a wrong password, an unknown handle and somebody else’s name', async () => {
    const forged = `sallyport_${'a'.repeat(16)}_${'b'.repeat(48)}`
    const answers = [
      { user: alice.user, text: `${alice.text.slice(0, -1)}${alice.text.endsWith('a') ? 'b' : 'a'}` },
      { user: alice.user, text: forged },
      { user: 'nobody@example.com', text: forged },
      { user: 'bob@example.com', text: alice.text },
      { user: alice.user, text: 'secret' },
    ]
    for (const given of answers) {
      // Not even what anybody may read: whoever brings a password that is bad is told so.
      for (const path of ['/pages/a', '/public/a']) {
        for (const more of [{}, browser]) {
          const answer = await ask(path, basicOf(given), more)
          expect(answer.status).toBe(401)
          expect(header(answer, 'www-authenticate')).toBe(realm)
          expect(header(answer, 'content-type')).toBe('application/problem+json')
          for (const name of ['location', 'x-sallyport-redirect', 'set-cookie', ...identityHeaders]) {
            expect(answer.headers.has(name), name).toBe(false)
          }
          const { requestId: _id, ...said } = problemOf(answer)
          expect(said).toEqual({
            type: 'about:blank',
            title: 'Unauthorized',
            status: 401,
            detail: 'The user name and the password let nobody in here.',
            code: 'ERR_PASSWORD_INVALID',
          })
          expect(await world.eventOf(answer)).toMatchObject({ event: 'access.refused', code: 'ERR_PASSWORD_INVALID' })
        }
      }
    }
  })

  it.each([
    ['nothing behind it', () => 'Basic'],
    ['an empty text', () => 'Basic '],
    ['no base64', () => 'Basic ???'],
    ['base64url', () => `Basic ${Buffer.from('ÿÿÿ?:x').toString('base64url')}-_`],
    ['base64 with a newline of its own', () => `Basic ${basicOf(alice).slice(6, 20)} ${basicOf(alice).slice(20)}`],
    ['base64 that ends in other bits', () => `Basic ${Buffer.from('a:b').toString('base64').replace(/.$/, 'j')}=`],
    ['no colon', () => basic(alice.text)],
    ['no name', () => basic(`:${alice.text}`)],
    ['no password', () => basic(`${alice.user}:`)],
    ['a colon in the name', () => basic(`${alice.user}:x:${alice.text}`)],
    ['a name beyond ASCII', () => basic(`älice@example.com:${alice.text}`)],
    ['a name in Latin-1', () => `Basic ${Buffer.from(`\xe4lice:${alice.text}`, 'latin1').toString('base64')}`],
    ['a NUL in the password', () => basic(`${alice.user}:${alice.text}\0`)],
    ['a newline behind the password', () => basic(`${alice.user}:${alice.text}\n`)],
    ['8 KB', () => basic(`${alice.user}:${alice.text}${'a'.repeat(8192)}`)],
    ['two of them in one line', () => `${basicOf(alice)}, ${basicOf(bob)}`],
    ['Bearer behind it', () => `${basicOf(alice)}, Bearer x`],
    ['Bearer before it', () => `Bearer x, ${basicOf(alice)}`],
  ])('J37 lets nobody in with %s', async (_what, authorization) => {
    const answer = await ask('/pages/a', authorization())
    expect(answer.status).toBe(401)
    expect(header(answer, 'remote-user') ?? '').toBe('')
    expect(header(answer, 'www-authenticate')).toBe(realm)
  })

  it('J35 is refused beside a cookie of ours, good or bad, and beside another one', async () => {
    const cookie = await world.logIn('bob', `${git}/pages/`)
    for (const [given, beside] of [
      [basicOf(alice), cookie],
      [basic('a:b'), cookie],
      [basicOf(alice), `${cookie.split('=')[0]}=garbage`],
    ] as const) {
      const answer = await ask('/pages/a', given, { cookie: beside })
      expect(answer.status).toBe(400)
      expect(problemOf(answer)).toMatchObject({ error: 'ERR_CREDENTIALS_AMBIGUOUS' })
    }
    for (const second of [basicOf(alice), basicOf(bob), 'Bearer x', 'Negotiate x']) {
      expect((await ask('/pages/a', basicOf(alice), { headers: [['Authorization', second]] })).status).toBe(400)
    }
    expect((await ask('/pages/a', basicOf(alice), { cookie: 'theme=dark' })).status).toBe(200)
  })

  it('J35 is not read out of the address, a cookie or another header', async () => {
    const { text, user } = alice
    const address = `/pages/a?password=${text}&authorization=${encodeURIComponent(basicOf(alice))}`
    const headers: [string, string][] = [
      ['Proxy-Authorization', basicOf(alice)],
      ['X-Authorization', basicOf(alice)],
    ]
    const answer = await ask(address, undefined, { cookie: `Authorization=${basicOf(alice)}`, headers })
    expect(answer.status).toBe(401)
    const inHost = await ask(`https://${user.replace('@', '%40')}:${text}@git.example.com/pages/a`)
    expect(inHost.status).toBe(400)
  })

  it('J38 lets nobody in on another host, whether it takes passwords or not', async () => {
    expect((await ask('https://dav.example.com/', basicOf(alice))).status).toBe(401)
    for (const given of [basicOf(alice), basic('a:b')]) {
      const answer = await ask('https://wiki.example.com/', given)
      expect(answer.status).toBe(401)
      expect(answer.headers.has('www-authenticate')).toBe(false)
      // There it is the business of the application, as it was before.
      const cookie = await world.logIn('bob', 'https://wiki.example.com/')
      expect(header(await ask('https://wiki.example.com/', given, { cookie }), 'remote-user')).toBe('bob')
    }
  })

  it.each(['/mfa/a', '/fresh/a', '/class/a', '/claim/a', '/unless/a'])(
    'J39 is neither a second factor nor a login, fresh or not: %s',
    async path => {
      for (const more of [{}, browser]) {
        const answer = await ask(path, basicOf(alice), more)
        expect(answer.status).toBe(403)
        expect(header(answer, 'content-type')).toBe('application/problem+json')
        expect(answer.headers.has('www-authenticate')).toBe(false)
        expect(problemOf(answer)).toMatchObject({ status: 403, reason: expect.any(String) })
      }
    },
  )

  it('asks programs for it, and sends people to log in', async () => {
    const program = await ask('/pages/a')
    expect(program.status).toBe(401)
    expect(header(program, 'www-authenticate')).toBe(realm)
    expect((await ask('/pages/a', undefined, { method: 'PROPFIND' })).headers.get('www-authenticate')).toEqual([realm])
    const person = await ask('/pages/a', undefined, browser)
    expect(header(person, front === 'auth-request' ? 'x-sallyport-redirect' : 'location')).toContain('/login?rd=')
    expect(person.headers.has('www-authenticate')).toBe(false)
  })

  it.each<readonly [string, string]>([
    ['Sec-Fetch-Mode', 'cors'],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Origin', 'https://git.example.com'],
    ['X-Requested-With', 'XMLHttpRequest'],
    ['Cookie', 'sallyport=garbage'],
  ])('J42 makes no browser ask for a password behind a script: %s', async (name, value) => {
    const answer = await ask('/pages/a', undefined, { headers: [[name, value]] })
    expect(answer.status).toBe(401)
    expect(answer.headers.has('www-authenticate')).toBe(false)
  })
})
