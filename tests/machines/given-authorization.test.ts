/** What an application gets as Authorization of a host that wants one, through the real proxies with what `sallyport proxy-config` prints. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { type GrantWorld, gatewayUrl, startGrantWorld } from '../grants/world.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startPrintedFor } from '../proxy-config/printed.ts'

const givingProxies = ['nginx', 'traefik', 'caddy', 'envoy', 'haproxy'] as const

const policy = `
p, group:ops,     wiki.localhost,    /**,        *, -, allow
p, authenticated, payroll.localhost, /**,        *, -, allow
p, anyone,        wiki.localhost,    /public/**, *, -, allow
p, anyone,        payroll.localhost, /public/**, *, -, allow
p, authenticated, kube:prod,         /**,        *, -, allow
`
const hosts = [
  { host: 'wiki.localhost', authorization: 'kube:prod' },
  { host: 'payroll.localhost', authorization: 'assertion' },
]

describe.each(givingProxies)('the Authorization header of an application behind %s', kind => {
  describe.skipIf(requirePeer(kind) === undefined)(`the real ${kind}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-authorization-'))
    const application = createDemoApp({ name: 'wiki' })
    let world: GrantWorld
    let proxy: Child
    let port: number

    beforeAll(async () => {
      world = await startGrantWorld({ policy, hosts })
      port = await freePort()
      const wikiAddress = `127.0.0.1:${await listen(application)}`
      const sites = hosts.map(({ host }) => `${host}=${wikiAddress}`)
      proxy = await startPrintedFor(kind, { directory, world: world.service, port, hosts: sites })
      const isThere = async () => expect((await ask('wiki', '/public/')).status).toBe(200)
      await vi.waitFor(isThere, { timeout: 60_000, interval: 25 })
    })
    afterAll(async () => {
      await proxy?.stop()
      await world?.close()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const url = (site: string, path: string): string => `http://${site}.localhost:${port}${path}`
    const ask = (site: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
      request(url(site, path), { headers: { accept: 'application/json', ...headers } })
    async function given(site: string, path: string, headers: Readonly<Record<string, string>> = {}) {
      const { status, body } = await ask(site, path, headers)
      expect([status, body]).toEqual([200, expect.stringContaining('"headers"')])
      const found = (JSON.parse(body) as Echo).headers.filter(([name]) => name.toLowerCase() === 'authorization')
      // An empty header and none are one.
      return found.map(([, value]) => value).filter(value => value !== '')
    }

    it('is a token for the cluster, of whoever is logged in, and for nobody but this application', async () => {
      const cookie = await world.service.logIn('alice', url('wiki', '/'))
      const [first = '', ...more] = await given('wiki', '/', { cookie })
      expect([first.slice(0, 7), more]).toEqual(['Bearer ', []])
      const claims = decodeJwt(first.slice(7))
      expect(claims).toMatchObject({
        aud: `${gatewayUrl}/clusters/prod`,
        sub: `${world.service.provider.issuer}#alice`,
        client_id: `http://wiki.localhost:${port}`,
      })
      expect(Object.keys(claims)).not.toContain('groups')
      expect(Number(claims.exp) - Number(claims.iat)).toBe(300)
      expect(await given('wiki', '/again', { cookie })).toEqual([first])
    })

    it('is the assertion where the host wants that', async () => {
      const cookie = await world.service.logIn('bob', url('payroll', '/'))
      const { body } = await ask('payroll', '/', { cookie })
      const { headers } = JSON.parse(body) as Echo
      const assertion = headers.find(([name]) => name.toLowerCase() === 'x-sallyport-assertion')?.[1]
      expect(await given('payroll', '/', { cookie })).toEqual([`Bearer ${assertion}`])
    })

    it("L28 is never the client's own", async () => {
      const authorization = 'Bearer a-token-of-somebody-else'
      const cookie = await world.service.logIn('alice', url('wiki', '/'))
      const [token] = await given('wiki', '/', { cookie })
      expect(await given('wiki', '/', { cookie, authorization })).toEqual([token])
      for (const site of ['wiki', 'payroll']) {
        expect(await given(site, '/public/a', { authorization })).toEqual([])
        expect(await given(site, '/public/a')).toEqual([])
      }
    })

    it('is in no answer that lets nobody in', async () => {
      const cookie = await world.service.logIn('bob', url('wiki', '/'))
      for (const headers of [{ cookie }, {}]) {
        const { status, headers: answered } = await ask('wiki', '/', headers)
        expect([403, 401]).toContain(status)
        expect(JSON.stringify(answered)).not.toMatch(/authorization":"|eyJ/)
      }
    })
  })
})
