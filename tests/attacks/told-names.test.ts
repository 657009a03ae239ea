/** Names under which single hosts are told who is asking, at the check itself, over every front. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compilePolicy, PolicyError } from '../../rbac/policy.ts'
import { frontNames } from '../dialects.ts'
import { header, navigation, startService, type TestService } from '../service.ts'

const grafana = 'http://grafana.localhost'
const wiki = 'http://wiki.localhost'
const policy = ['grafana.localhost', 'wiki.localhost']
  .flatMap(host => [`p, anyone, ${host}, /public/**, read, -, allow`, `p, authenticated, ${host}, /**, *, -, allow`])
  .join('\n')

describe('what a host is told who is asking', () => {
  let world: TestService
  let cookie: string
  beforeAll(async () => {
    world = await startService({
      policy,
      hosts: [
        {
          host: 'grafana.localhost',
          identityHeaders: ['webauth'],
          userName: { emailDomain: 'example.com' },
          claimHeaders: ['X-Nickname=nickname'],
        },
      ],
    })
    cookie = await world.logIn('alice', `${grafana}/`)
  })
  afterAll(() => world.close())

  it.each(frontNames)('H51 H57: is in every answer of the host over %s, and in none of another', async front => {
    const names = ['x-webauth-user', 'x-webauth-name', 'x-webauth-email', 'x-webauth-groups', 'x-nickname']
    const told = async (url: string, own?: string) => {
      const answer = await world.ask(front, { url, ...(own !== undefined && { cookie: own }) })
      expect(answer.status).toBe(200)
      return names.map(name => answer.headers.get(name))
    }
    expect(await told(`${grafana}/`, cookie)).toEqual([
      ['alice'],
      ['Alice Example'],
      ['alice@example.com'],
      ['ops'],
      [''],
    ])
    expect(await told(`${grafana}/public/a`)).toEqual(names.map(() => ['']))
    expect(await told(`${wiki}/public/a`)).toEqual(names.map(() => undefined))
  })

  const spellings = [
    ...['X-WEBAUTH-USER', 'x-webauth-user', 'X_WEBAUTH_USER', 'X-WEBAUTH_USER', 'X.WebAuth.User', 'X!WEBAUTH!GROUPS'],
    ...['X-Nickname', 'x_nickname', 'X~Nickname'],
  ]
  it.each(frontNames)(
    'H52: refuses over %s who says it themselves, in each spelling, and writes down why',
    async front => {
      for (const name of spellings)
        for (const [path, own] of [
          ['/', cookie],
          ['/public/a', ''],
          ['/', ''],
        ] as const) {
          const question = { url: `${grafana}${path}`, ...(own !== '' && { cookie: own }) }
          const answer = await world.ask(front, { ...question, headers: [[name, 'admin']] })
          expect([name, path, answer.status]).toEqual([name, path, 400])
          expect(answer.body).toContain('ERR_IDENTITY_HEADER_SENT')
        }
      const last = await world.ask(front, { url: `${grafana}/`, cookie, headers: [['X-Nickname', '']] })
      expect(await world.eventOf(last)).toMatchObject({
        event: 'access.refused',
        code: 'ERR_IDENTITY_HEADER_SENT',
        detail: expect.stringContaining('x-nickname'),
      })
      expect((await world.ask(front, { url: `${wiki}/public/a`, headers: [['X-Nickname', 'own']] })).status).toBe(200)
    },
  )

  it('H52: shows a person a page that says what is wrong, and nothing of the policy', async () => {
    const answer = await world.ask('forward-auth', {
      url: `${grafana}/`,
      headers: [...navigation, ['X-WEBAUTH-USER', 'a']],
    })
    expect([answer.status, header(answer, 'content-type')]).toEqual([400, 'text/html; charset=utf-8'])
    expect(answer.body).toContain('The request says itself who is asking.')
  })

  it.each(frontNames)('A48: refuses over %s a Connection that names one', async front => {
    for (const name of ['X-WEBAUTH-USER', 'x-nickname']) {
      const headers = [['Connection', `close, ${name}`]] as const
      expect((await world.ask(front, { url: `${grafana}/`, cookie, headers })).status).toBe(400)
    }
  })

  it('tells Envoy to take other spellings away, on that host alone', async () => {
    const removed = async (url: string) =>
      (header(await world.ask('ext-authz', { url }), 'x-envoy-auth-headers-to-remove') ?? '').split(',')
    const own = await removed(`${grafana}/public/a`)
    expect(own).toEqual(expect.arrayContaining(['remote_user', 'x_webauth_user', 'x.webauth.user', 'x_nickname']))
    expect(own).not.toContain('x-webauth-user')
  })
})

it('warns once for a host of claims that it asks for and that no header holds, with their names and without what they say', async () => {
  const world = await startService({
    policy,
    hosts: [{ host: 'grafana.localhost', claimHeaders: ['X-Nickname=nickname', 'X-Name=name'] }],
  })
  try {
    const warnings = () => world.logText().match(/^.*claims that the host asks for.*$/gm) ?? []
    world.provider.people.setClaims('alice', { name: 'n'.repeat(1_100) })
    const cookie = await world.logIn('alice', `${grafana}/`)
    for (const path of ['/', '/again']) {
      const { headers } = await world.ask('auth-request', { url: `${grafana}${path}`, cookie })
      expect([headers.get('x-name'), headers.get('x-nickname')]).toEqual([[''], ['']])
    }
    expect(warnings()).toHaveLength(1)
    expect(JSON.parse(warnings()[0] ?? '')).toMatchObject({
      level: 'warn',
      host: 'grafana.localhost',
      subject: `${world.provider.issuer}#alice`,
      claims: ['X-Name'],
    })
    await world.logIn('bob', `${grafana}/`)
    expect(warnings()).toHaveLength(1)
    expect(world.logText()).not.toContain('nnnn')
  } finally {
    await world.close()
  }
})

describe('H58: a condition that reads what hosts are told', () => {
  const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
  const compile = (writtenHeaders: readonly string[], condition = 'admin') =>
    compilePolicy({
      model,
      files: [{ name: 'rows.csv', text: `p, anyone, wiki.localhost, /**, *, ${condition}, deny\n` }],
      conditions: {
        name: 'conditions.yaml',
        text: 'admin: { header: { name: X-Nickname, in: [admin] } }\noffice: { source-network: [192.0.2.0/24] }\n',
      },
      writtenHeaders,
    })

  it('does not load, also within others', async () => {
    for (const condition of ['admin', 'office&!admin', '!admin']) {
      const error = await compile(['x-nickname'], condition).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(PolicyError)
      expect(String(error)).toContain('rows.csv:1')
      expect(String(error)).toContain('the header x-nickname is what applications are told')
    }
  })

  it('loads where no host is told in it', async () => {
    await expect(compile(['x-webauth-user'])).resolves.toMatchObject({ rowCount: 1 })
  })
})
