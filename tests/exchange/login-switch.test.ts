/** J146: the operator switches tokens of people off, while some of them are under way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { frontNames } from '../dialects.ts'
import { createEnvoyClient, type EnvoyClient, requestAbout } from '../ext-authz/client.ts'
import { logInBrowser, newGrant } from '../grants/world.ts'
import { header } from '../service.ts'
import { type LoginWorld, peoplePolicy, startLogins } from './login-world.ts'
import { exchangeGrant, jwtType } from './world.ts'

const wiki = 'wiki.example.com'
const url = `https://${wiki}/team/`
const sentence = 'tokens that are made from a login do not count here, or no longer'

describe('J146 a token of a person, where people may have none any more', () => {
  let world: LoginWorld
  let envoy: EnvoyClient
  let token: string
  let account: string
  beforeAll(async () => {
    // The second one has been started again with the setting off, over the same store.
    const switchedOff = { machines: { exchange: {} } }
    world = await startLogins({
      policy: `${peoplePolicy}p, client:robots/relay, tokens, /wiki.example.com, introspect, -, allow\n`,
      settings: { envoy: { listen: '127.0.0.1:0' } },
      replicas: 2,
      replicaSettings: [{}, switchedOff],
    })
    envoy = createEnvoyClient(world.replica(1).service.ports().envoy ?? 0)
    account = String((await newGrant(world, await logInBrowser(world, 'alice'))).body.access_token)
    token = await world.exchanged({ subject_token: account })
  })
  afterAll(async () => {
    envoy?.close()
    await world?.close()
  })

  /** Of the second one, which answers to the public name alone. */
  const post = async (path: string, form: Readonly<Record<string, string>>, headers = {}) => {
    const content = { 'content-type': 'application/x-www-form-urlencoded' }
    const sent = { host: new URL(world.publicUrl).host, ...content, ...headers }
    const body = new URLSearchParams(form).toString()
    const url = `http://127.0.0.1:${world.replica(1).port}${path}`
    const { status, body: text } = await request(url, { method: 'POST', headers: sent, body })
    return { status, body: JSON.parse(text || '{}') as Readonly<Record<string, unknown>> }
  }
  const bearer = () => [['Authorization', `Bearer ${token}`]] as const

  it.each(frontNames)('is 401 on %s with the next request, and says why', async front => {
    expect((await world.ask(front, { url, headers: bearer() })).status).toBe(200)
    const refused = await world.replica(1).ask(front, { url, headers: bearer() })
    expect([refused.status, header(refused, 'www-authenticate')]).toEqual([401, expect.stringContaining(sentence)])
    expect(await world.replica(1).eventOf(refused)).toMatchObject({ event: 'access.refused' })
  })

  it('is 401 over gRPC', async () => {
    const answer = await envoy.check(requestAbout({ url, headers: bearer() }))
    const { status, headers = [] } = answer.denied_response ?? {}
    const challenge = headers.find(({ header: { key } }) => key === 'www-authenticate')
    expect([status?.code, challenge?.header.value]).toEqual([401, expect.stringContaining(sentence)])
  })

  it('is exchanged for nothing, nor is what the command line keeps, and is active to nobody', async () => {
    const form = { grant_type: exchangeGrant, subject_token_type: jwtType, audience: wiki }
    const again = await post('/token', { ...form, subject_token: token })
    expect([again.status, again.body.error_description]).toEqual([400, `subject_token: ${sentence}`])
    expect((await post('/token', { ...form, subject_token: account })).status).toBe(400)
    const asking = { authorization: `Bearer ${world.robot('relay')}` }
    expect((await world.post('/token/introspect', { token }, asking)).body.active).toBe(true)
    expect((await post('/token/introspect', { token }, asking)).body).toEqual({ active: false })
  })

  it('is revoked all the same', async () => {
    expect((await post('/token/revoke', { token })).status).toBe(200)
    expect((await world.ask('auth-request', { url, headers: bearer() })).status).toBe(401)
  })
})
