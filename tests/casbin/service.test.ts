/** A running service, some of whose hosts a Casbin model decides about, beside rows of the built-in language. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, header, identityHeaders, navigation, startService, type TestService } from '../service.ts'

const conf = `[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act, eft
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && keyMatch2(r.obj, p.obj) && regexMatch(r.act, p.act)
`
const rows = [
  'p, editor, wiki.localhost, /pages/:page, ^(GET|POST)$, allow',
  'p, anyone, wiki.localhost, /public/:page, ^GET$, allow',
  'p, email:bob@example.com, wiki.localhost, /pages/secret, .*, deny',
  'g, group:writers, editor, wiki.localhost',
]

let model: string
let service: TestService
beforeAll(async () => {
  model = mkdtempSync(join(tmpdir(), 'sallyport-casbin-'))
  put('model.conf', conf)
  put('policy.csv', rows.join('\n'))
  service = await startService({
    policy: 'p, authenticated, shop.localhost, /**, *, -, allow\n',
    settings: {
      policy: {
        watch: false,
        casbin: { model: join(model, 'model.conf'), policy: join(model, 'policy.csv') },
      },
    },
  })
  for (const writer of ['alice', 'bob'] as const) service.provider.people.setGroups(writer, ['writers'])
  service.provider.people.setGroups('carol', ['readers'])
})
afterAll(async () => {
  await service?.close()
  rmSync(model, { recursive: true, force: true })
})

const put = (name: string, text: string): void => writeFileSync(join(model, name), text)
const ask = (path: string, cookie?: string, method = 'GET', host = 'wiki.localhost'): Promise<Answer> =>
  service.ask('forward-auth', {
    method,
    url: `http://${host}${path}`,
    headers: navigation,
    ...(cookie === undefined ? {} : { cookie }),
  })
interface Told {
  readonly revision: string
  readonly decision: unknown
  readonly rows: readonly { readonly rule: string; readonly applies: boolean }[]
  readonly isByModel?: boolean
}
const told = async (response: Promise<Response>) => (await (await response).json()) as Told
const admin = (path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${service.adminPort}${path}`, { method, headers: { 'Content-Type': 'application/json' } })

describe('a host that a Casbin model decides about', () => {
  it('allows by a role that a group gives, and audit and explain name the row of the model', async () => {
    const cookie = await service.logIn('alice', 'http://wiki.localhost/pages/home')
    const answer = await ask('/pages/home', cookie)
    expect(answer.status).toBe(200)
    expect(header(answer, 'remote-email')).toBe('alice@example.com')
    const event = await service.eventOf(answer)
    expect(event).toMatchObject({ event: 'access.allowed', rule: 'casbin/policy.csv:1', domain: 'wiki.localhost' })
    const { decision, rows: all } = await told(admin(`/explain/${event.requestId}`))
    expect(decision).toMatchObject({ effect: 'allow', rule: 'casbin/policy.csv:1' })
    expect(all.map(({ rule, applies }) => [rule, applies])).toEqual([
      ['casbin/policy.csv:1', true],
      ['casbin/policy.csv:2', false],
      ['casbin/policy.csv:3', false],
    ])
  })

  it('denies by its own row, and the id on the page of the denial leads to it', async () => {
    const cookie = await service.logIn('bob', 'http://wiki.localhost/pages/home')
    expect((await ask('/pages/home', cookie)).status).toBe(200)
    const denied = await ask('/pages/secret', cookie)
    expect(denied.status).toBe(403)
    for (const name of identityHeaders) expect(header(denied, name), name).toBeUndefined()
    const id = header(denied, 'x-sallyport-request-id') ?? 'none'
    expect(denied.body).toContain(`>${id}<`)
    const { decision, isByModel } = await told(admin(`/explain/${id}`))
    expect(decision).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:3' })
    expect(isByModel).toBe(true)
    expect(await service.eventOf(denied)).toMatchObject({ reason: 'rule-denied', rule: 'casbin/policy.csv:3' })
    expect((await ask('/pages/secret/', cookie, 'HEAD')).status).toBe(403)
    const other = await ask('/elsewhere', cookie)
    expect(await service.eventOf(other)).toMatchObject({ event: 'access.denied', reason: 'no-rule-matched' })
  })

  it('asks whoever is nobody to log in, except where a row admits anyone', async () => {
    const challenged = await ask('/pages/home')
    expect(challenged.status).toBe(302)
    expect(await service.eventOf(challenged)).toMatchObject({
      event: 'access.challenged',
      reason: 'user-unauthenticated',
    })
    const open = await ask('/public/a')
    expect(open.status).toBe(200)
    expect(await service.eventOf(open)).toMatchObject({ rule: 'casbin/policy.csv:2' })
  })

  it('asks Casbin about the path that the upstream will see, however it was written', async () => {
    for (const path of ['/public/../pages/home', '/public/%2e%2e/pages/home', '//pages/home', '/public/a%00']) {
      expect([400, 302], path).toContain((await ask(path)).status)
    }
    // What a server may read as another path is allowed only if that is allowed too.
    for (const path of ['/public/a%2F..%2F..%2Fpages', '/public/x;/home', '/public/a%2Fb', '/public%2Fa']) {
      expect((await ask(path)).status, path).not.toBe(200)
    }
    for (const path of ['/public/%61', '/public/a?b=../../pages/home', '/public/%C3%BC']) {
      expect((await ask(path)).status, path).toBe(200)
    }
  })

  it('gives nobody the links of whoever asked at the same time', async () => {
    const [writer, reader] = await Promise.all([
      service.logIn('alice', 'http://wiki.localhost/pages/home'),
      service.logIn('carol', 'http://wiki.localhost/pages/home'),
    ])
    const asked = Array.from({ length: 60 }, (_, index) => [writer, reader, undefined][index % 3])
    const answers = await Promise.all(asked.map(cookie => ask('/pages/home', cookie)))
    expect(answers.map(({ status }) => status)).toEqual(asked.map((_, index) => [200, 403, 302][index % 3]))
  })

  it('leaves other hosts to the built-in language', async () => {
    const cookie = await service.logIn('alice', 'http://shop.localhost/')
    const answer = await ask('/a', cookie, 'GET', 'shop.localhost')
    expect(await service.eventOf(answer)).toMatchObject({ event: 'access.allowed', rule: 'policy.csv:1' })
  })

  it('is loaded again when told to; a broken model or a host of two engines changes nothing and is told', async () => {
    const before = await told(admin('/policy'))
    expect(before).toMatchObject({ rows: 4, sources: [service.directory, `casbin ${join(model, 'model.conf')}`] })
    put('model.conf', conf.replace('keyMatch2', 'keyMatch9'))
    const broken = await admin('/policy/reload', 'POST')
    expect(broken.status).toBe(422)
    expect(await broken.json()).toMatchObject({
      revision: before.revision,
      lastError: expect.stringContaining('casbin/model.conf:10:1: the matcher calls keyMatch9'),
    })
    put('model.conf', conf)
    put('policy.csv', [...rows, 'p, anyone, shop.localhost, /:a, ^GET$, allow'].join('\n'))
    expect(await (await admin('/policy/reload', 'POST')).json()).toMatchObject({
      outcome: 'rejected',
      lastError: expect.stringContaining('policy.csv:1:1: shop.localhost meets shop.localhost'),
    })
    expect((await ask('/public/a')).status).toBe(200)
    put('policy.csv', rows.filter(row => !row.startsWith('p, anyone')).join('\n'))
    expect(await (await admin('/policy/reload', 'POST')).json()).toMatchObject({ outcome: 'loaded', rows: 3 })
    expect((await ask('/public/a')).status).toBe(302)
  })
})
