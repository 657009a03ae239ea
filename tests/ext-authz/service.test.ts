/** Checks of Envoy over gRPC, with the whole service behind them and a client of its own kind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { navigation, startService, type TestService } from '../service.ts'
import { type CheckResponse, createEnvoyClient, type EnvoyClient, requestAbout } from './client.ts'

const wiki = 'https://wiki.example.com'
const policy = `
p, anyone,    wiki.example.com, /public/**, read, -,        allow
p, group:ops, wiki.example.com, /pages/**,  *,    -,        allow
p, group:ops, wiki.example.com, /inner/**,  *,    inner,    allow
p, anyone,    wiki.example.com, /marked/**, read, -,        allow
p, anyone,    wiki.example.com, /marked/**, read, closed,   deny
p, anyone,    wiki.example.com, /office/**, read, office,   allow
p, anyone,    wiki.example.com, /sizes/**,  read, -,        allow
p, anyone,    wiki.example.com, /sizes/**,  read, old,      deny
p, anyone,    wiki.example.com, /parts/**,  read, -,        allow
p, anyone,    wiki.example.com, /parts/**,  read, odd,      deny
`
const conditions = `
inner: { route: { name: Tier, in: [internal] } }
old: { route: { name: Größe, in: [größer] } }
odd: { header: { name: x-part, in: [größer] } }
closed: { route: { name: envoy-gateway/resources.0.annotations.access, in: [closed] } }
office: { source-network: [198.51.100.0/24] }
`

let world: TestService
let client: EnvoyClient
beforeAll(async () => {
  world = await startService({ policy, conditions, settings: { envoy: { listen: '127.0.0.1:0' } } })
  client = createEnvoyClient(world.service.ports().envoy ?? 0)
})
afterAll(async () => {
  client?.close()
  await world?.close()
})

const ok = ({ ok_response: answer }: CheckResponse) =>
  Object.fromEntries((answer?.headers ?? []).map(({ header }) => [header.key, header.value]))
const deniedStatus = ({ status, denied_response: answer }: CheckResponse) => {
  expect(status.code).not.toBe(0)
  return answer?.status.code
}
const deniedHeader = ({ denied_response: answer }: CheckResponse, name: string) =>
  answer?.headers.find(({ header }) => header.key === name)?.header.value

describe('a check over gRPC', () => {
  it('lets a person in, says who it is, and takes away what a client may have forged', async () => {
    const cookie = await world.logIn('alice', `${wiki}/pages/a`)
    const answer = await client.check(
      requestAbout({ url: `${wiki}/pages/a?x=1`, headers: [['cookie', `theme=dark; ${cookie}`]] }),
    )
    expect(answer.status.code).toBe(0)
    expect(ok(answer)).toMatchObject({ 'remote-user': 'alice', 'remote-groups': 'ops', cookie: 'theme=dark' })
    expect(Object.keys(ok(answer))).not.toContain('x-sallyport-request-id')
    for (const option of answer.ok_response?.headers ?? []) expect(option.append_action).toBe(2)
    expect(answer.ok_response?.headers_to_remove).toEqual(
      expect.arrayContaining(['remote_user', 'remote.groups', 'x_sallyport_assertion']),
    )
    expect(answer.dynamic_metadata?.fields).toMatchObject({
      effect: { string_value: 'allow' },
      user: { string_value: 'alice@example.com' },
    })
  })

  it('A24 passes bytes of other cookies on as they are, or refuses the request and says what to do', async () => {
    const cookie = await world.logIn('alice', `${wiki}/pages/a`)
    const ask = (url: string, value: string, more: typeof navigation | readonly [] = []) =>
      client.check(requestAbout({ url: `${wiki}${url}`, headers: [['cookie', value], ...more] }))
    // The client reads what arrives as UTF-8.
    expect(ok(await ask('/pages/a', `a=d\u00c3\u00a4rk; ${cookie}`)).cookie).toBe('a=d\u00e4rk')
    const refused = await ask('/pages/a', `a=d\u00e4rk; ${cookie}`, navigation)
    expect(deniedStatus(refused)).toBe(400)
    expect(refused.denied_response?.body).toContain('Please delete the cookies of this site.')
    for (const untouched of ['a=d\u00e4rk', 'a=dark']) {
      const answer = await ask('/public/a', untouched)
      expect([answer.status.code, ok(answer).cookie]).toEqual([0, undefined])
      expect(answer.ok_response?.headers_to_remove).not.toContain('cookie')
    }
  })

  it('takes every identity header and the cookie away where nobody is known', async () => {
    const answer = await client.check(requestAbout({ url: `${wiki}/public/a`, headers: [['remote-user', 'mallory']] }))
    expect(answer.status.code).toBe(0)
    expect(answer.ok_response?.headers_to_remove).toEqual(
      expect.arrayContaining(['remote-user', 'remote-email', 'remote-name', 'remote-groups', 'cookie']),
    )
  })

  it('sends a browser to the login with a cookie that replaces no other, and tells a script', async () => {
    const browser = await client.check(requestAbout({ url: `${wiki}/pages/a`, headers: navigation }))
    expect(deniedStatus(browser)).toBe(302)
    expect(new URL(deniedHeader(browser, 'location') ?? '').searchParams.get('rd')).toBe(`${wiki}/pages/a`)
    const cookies = browser.denied_response?.headers.filter(({ header }) => header.key === 'set-cookie') ?? []
    // With `append` Envoy leaves it out.
    expect(cookies.map(option => [option.append, option.append_action])).toEqual([[null, 0]])
    const script = await client.check(requestAbout({ url: `${wiki}/pages/a` }))
    expect([deniedStatus(script), script.status.code]).toEqual([401, 16])
    expect(JSON.parse(script.denied_response?.body ?? '')).toMatchObject({ error: 'authentication-required' })
    expect(script.dynamic_metadata?.fields.reason?.string_value).toBe('user-unauthenticated')
  })

  it('is the word of its audit events', async () => {
    const answer = await client.check(requestAbout({ url: `${wiki}/public/audited` }))
    const requestId = answer.dynamic_metadata?.fields.request_id?.string_value
    const found = () => world.auditEvents().find(event => event.requestId === requestId)
    for (let attempt = 0; found() === undefined && attempt < 2_000; attempt += 1)
      await new Promise(resolve => setTimeout(resolve, 10))
    expect(found()).toMatchObject({ event: 'access.allowed', front: 'ext-authz-grpc', clientAddress: '203.0.113.9' })
  })

  it('A21 what the route says of itself is a condition, and no header of a client is', async () => {
    const cookie = await world.logIn('alice', `${wiki}/pages/a`)
    const ask = async (extensions: Record<string, string> | undefined, more: [string, string][] = []) =>
      client.check(
        requestAbout({
          url: `${wiki}/inner/a`,
          headers: [['cookie', cookie], ...more],
          ...(extensions && { extensions }),
        }),
      )
    expect((await ask({ tier: 'internal' })).status.code).toBe(0)
    expect(deniedStatus(await ask({ tier: 'other' }))).toBe(403)
    expect(deniedStatus(await ask(undefined))).toBe(403)
    for (const name of [':route/tier', 'tier', 'route/tier', 'x-route-tier'])
      expect(deniedStatus(await ask(undefined, [[name, 'internal']])), name).toBe(403)
    expect(deniedStatus(await ask({ tier: 'internal', Tier: 'other' }))).toBe(400)
  })

  it('A21 a deny by what a route says holds where it says nothing', async () => {
    const text = (value: string) => ({ string_value: value })
    const list = (fields: object) => ({ list_value: { values: [{ struct_value: { fields } }] } })
    const about = (access?: string) => {
      const { attributes } = requestAbout({ url: `${wiki}/marked/a` }) as { readonly attributes: object }
      const annotations = { struct_value: { fields: { access: text(access ?? '') } } }
      const fields = { resources: list({ annotations }) }
      const metadata = { filter_metadata: { 'envoy-gateway': { fields } } }
      return { attributes: { ...attributes, ...(access !== undefined && { route_metadata_context: metadata }) } }
    }
    expect((await client.check(about('open'))).status.code).toBe(0)
    expect(deniedStatus(await client.check(about('closed')))).toBe(403)
    expect(deniedStatus(await client.check(about()))).toBe(403)
  })

  it('A25 a deny by what is no ASCII applies, be it of a route or of a header', async () => {
    const size = async (extensions: Record<string, string>) =>
      (await client.check(requestAbout({ url: `${wiki}/sizes/a`, extensions }))).status.code
    expect(await size({ größe: 'klein' })).toBe(0)
    expect(await size({ größe: 'größer' })).toBe(7)
    expect(await size({})).toBe(7)
    const bytes = Buffer.from('größer').toString('latin1')
    for (const [part, statuses] of [
      ['klein', [0, 200]],
      ['gr\u00f6\u00dfer', [7, 403]],
      [bytes, [7, 403]],
    ] as const) {
      const url = `${wiki}/parts/a`
      const { status } = await client.check(requestAbout({ url, headers: [['x-part', part]] }))
      const answer = await world.ask('forward-auth', { url, headers: [['X-Part', part]] })
      expect([status.code, answer.status]).toEqual(statuses)
    }
  })

  it('H49 a deny by a header holds whichever of its lines is the one that is meant', async () => {
    for (const lines of [['klein', 'gr\u00f6\u00dfer'], ['gr\u00f6\u00dfer', 'klein'], ['klein, gr\u00f6\u00dfer']]) {
      const url = `${wiki}/parts/a`
      const { status } = await client.check(requestAbout({ url, headers: lines.map(line => ['x-part', line]) }))
      const answer = await world.ask('forward-auth', { url, headers: lines.map(line => ['X-Part', line]) })
      expect([lines, status.code, answer.status]).toEqual([lines, 7, 403])
    }
  })

  it('A26 has the host in one form however it is written, and no second one beside it', async () => {
    const about = (host: string, headers: [string, string][] = []) =>
      client.check(requestAbout({ url: `https://${host}/public/a`, headers }))
    for (const host of ['wiki.example.com', 'WIKI.example.com', 'wiki.example.com.', 'wiki.example.com:443']) {
      expect([host, (await about(host)).status.code]).toEqual([host, 0])
      expect([host, (await about(host, [['host', host]])).status.code]).toEqual([host, 0])
    }
    expect(deniedStatus(await about('other.example.com'))).toBe(403)
    for (const host of ['', 'wiki.example.com:', 'wiki.example.com..', 'a@wiki.example.com', '[::1'])
      expect([host, deniedStatus(await about(host))]).toEqual([host, 400])
    const besides = [['host', 'evil.example.com']] as [string, string][]
    expect(deniedStatus(await about('wiki.example.com', besides))).toBe(400)
    expect(deniedStatus(await about('wiki.example.com', [['Host', 'evil.example.com']]))).toBe(400)
  })

  it('A12 A13 takes the address that Envoy states, behind trusted hops the one that they appended', async () => {
    const from = async (source: string, forwarded?: string) => {
      const headers = forwarded === undefined ? [] : ([['x-forwarded-for', forwarded]] as const)
      return (await client.check(requestAbout({ url: `${wiki}/office/a`, source, headers }))).status.code
    }
    expect(await from('198.51.100.7')).toBe(0)
    expect(await from('127.0.0.1', '198.51.100.7')).toBe(0)
    for (const [source, forwarded] of [
      ['203.0.113.9', '198.51.100.7'],
      ['', '198.51.100.7'],
      ['198.51.100.7:80', '198.51.100.7'],
      ['127.0.0.1', '198.51.100.7, 203.0.113.9'],
    ] as const)
      expect(await from(source, forwarded), `${source} ${forwarded}`).not.toBe(0)
  })

  it('answers health checks, also about the service itself', async () => {
    expect(await client.health('')).toBe(1)
    expect(await client.health('envoy.service.auth.v3.Authorization')).toBe(1)
    await expect(client.health('another')).rejects.toMatchObject({ code: 5 })
  })

  it('answers nobody after its deadline, and goes on', async () => {
    const late = client.check(requestAbout({ url: `${wiki}/public/a` }), { deadline: Date.now() - 1 })
    await expect(late).rejects.toMatchObject({ code: 4 })
    expect((await client.check(requestAbout({ url: `${wiki}/public/a` }))).status.code).toBe(0)
  })

  it('A22 a message that is longer than is read is an error of gRPC, and no allow', async () => {
    const http = { body: 'x'.repeat(300_000) }
    await expect(client.check(requestAbout({ url: `${wiki}/public/a`, http }))).rejects.toMatchObject({ code: 8 })
  })
})
