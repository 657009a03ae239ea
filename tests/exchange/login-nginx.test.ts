/** A person's token of the command line, through a real NGINX with the files of deploy/. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { type LoginWorld, startLogins, tokenFor } from './login-world.ts'

const policy = `
p, group:corp/ops,          tokens,            /wiki.localhost, create, -, allow
p, group:corp/ops,          wiki.localhost,    /team/**,        *,      -, allow
p, email:alice@example.com, wiki.localhost,    /team/secret,    *,      -, deny
p, authenticated,           payroll.localhost, /**,             *,      -, allow
p, anyone,                  wiki.localhost,    /public/**,      *,      -, allow
`

describe.skipIf(requirePeer('nginx') === undefined)("a person's token of the command line, through NGINX", () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-login-nginx-'))
  const application = createDemoApp({ name: 'wiki' })
  let world: LoginWorld
  let proxy: RunningProxy
  let port: number

  beforeAll(async () => {
    const hosts = ['wiki.localhost', 'payroll.localhost'].map(host => ({ host, bearerFrom: ['sallyport'] }))
    world = await startLogins({ policy, conditions: '', hosts, settings: { assertion: { enabled: true } } })
    cpSync(join(import.meta.dirname, '../../deploy/nginx'), directory, { recursive: true })
    port = await freePort()
    const wikiAddress = `127.0.0.1:${await listen(application)}`
    const targets = { bind: '127.0.0.1', port, authHost: 'auth.localhost', authAddress: `127.0.0.1:${world.port}` }
    const addresses = { wikiAddress, payrollAddress: wikiAddress, providerAddress: wikiAddress }
    proxy = await startProxy('nginx', { ...targets, ...addresses }, directory)
    const isThere = async () => expect(await statusOf(wiki('/public/'), {})).toBe(200)
    await vi.waitFor(isThere, { timeout: 60_000, interval: 25 })
  })
  afterAll(async () => {
    await proxy?.stop()
    await world?.close()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  const send = (url: string, headers: Readonly<Record<string, string>>) =>
    request(url, { headers: { accept: 'application/json', ...headers } })
  const statusOf = async (url: string, headers: Readonly<Record<string, string>>) => (await send(url, headers)).status
  const wiki = (path: string) => `http://wiki.localhost:${port}${path}`
  const receivedBy = (body: string) => {
    const { headers } = JSON.parse(body) as Echo
    const found = (name: string) => headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)
    const [assertion = ''] = found('x-sallyport-assertion')
    const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()) as object
    const { jti: _id, iat: _at, exp: _until, nbf: _from, ...said } = claims as Readonly<Record<string, unknown>>
    const names = ['remote-user', 'remote-email', 'remote-name', 'remote-groups']
    return { said, names: names.map(found), authorization: found('authorization') }
  }

  it('gives the application what their cookie would, and neither the token', async () => {
    const { machine, browser } = await world.machineOf('alice')
    const cookie = await world.logIn('alice', wiki('/team/'), browser)
    const authorization = `Bearer ${await tokenFor(machine, 'wiki.localhost')}`
    const [byCookie, byToken] = [await send(wiki('/team/'), { cookie }), await send(wiki('/team/'), { authorization })]
    expect([byCookie.status, byToken.status]).toEqual([200, 200])
    expect(receivedBy(byToken.body)).toEqual({ ...receivedBy(byCookie.body), authorization: [] })
    expect(receivedBy(byToken.body).said).toMatchObject({ email: 'alice@example.com', groups: ['ops'] })
    expect(await statusOf(wiki('/team/secret'), { authorization })).toBe(403)
    expect(await statusOf(wiki('/team/secret'), { cookie })).toBe(403)
    expect(await statusOf(wiki('/team/'), { authorization, cookie })).toBe(400)
  })

  it('J122 ends with the session, J123 is nothing elsewhere', async () => {
    const { machine } = await world.machineOf('alice')
    const authorization = `Bearer ${await tokenFor(machine, 'wiki.localhost')}`
    expect(await statusOf(wiki('/team/'), { authorization })).toBe(200)
    expect(await statusOf(`http://payroll.localhost:${port}/`, { authorization })).toBe(401)
    await world.endSessionsOf('alice')
    const refused = await send(wiki('/team/'), { authorization })
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('the login that the token was made from has ended'),
    ])
  })
})
