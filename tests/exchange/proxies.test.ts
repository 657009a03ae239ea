/** Tokens are exchanged and used through the real proxies, with what `sallyport proxy-config` prints for such hosts. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { type HttpResponse, request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { printedFormats, startPrintedFor } from '../proxy-config/printed.ts'
import { type ExchangeWorld, jwtType, startExchange } from './world.ts'

const policy = `
p, service-account:prod/ci/deployer, tokens,            /wiki.localhost, create, -, allow
p, service-account:prod/ci/deployer, wiki.localhost,    /deploy/**,      *,      -, allow
p, service-account:prod/ci/deployer, payroll.localhost, /**,             *,      -, allow
p, anyone,                           wiki.localhost,    /public/**,      *,      -, allow
p, client:robots/relay,              tokens,            /wiki.localhost, create, -, allow
p, client:robots/relay,              wiki.localhost,    /deploy/keys,    *,      -, deny
`

describe.each(printedFormats)('through the real %s', kind => {
  describe.skipIf(requirePeer(programOf(kind)) === undefined)('an exchanged token', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-exchange-proxy-'))
    const application = createDemoApp({ name: 'wiki' })
    let world: ExchangeWorld
    let proxy: Child
    let port: number

    beforeAll(async () => {
      const hosts = ['wiki.localhost', 'payroll.localhost'].map(host => ({ host, bearerFrom: ['sallyport'] }))
      const settings = { envoy: { listen: '127.0.0.1:0' }, machines: { exchange: {} } }
      world = await startExchange({ policy, hosts, settings })
      port = await freePort()
      const wikiAddress = `127.0.0.1:${await listen(application)}`
      const sites = ['wiki', 'payroll'].map(name => `${name}.localhost=${wikiAddress}`)
      proxy = await startPrintedFor(kind, { directory, world, port, hosts: sites })
      for (let attempt = 0; ; attempt += 1) {
        const answer = await request(`http://wiki.localhost:${port}/public/`).catch(() => undefined)
        if (answer?.status === 200) break
        if (attempt > 2_000) throw new Error('the proxy does not answer')
        await new Promise(resolve => setTimeout(resolve, 25))
      }
    })
    afterAll(async () => {
      await proxy?.stop()
      await world?.close()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const ask = (host: string, path: string, token: string, method = 'GET'): Promise<HttpResponse> =>
      request(`http://${host}:${port}${path}`, {
        method,
        headers: { accept: 'application/json', authorization: `Bearer ${token}` },
      })

    it('lets a workload in at its host, and the application gets who it is and not the token', async () => {
      const made = await world.exchanged({ audience: 'wiki.localhost' })
      const answer = await ask('wiki.localhost', '/deploy/now', made)
      expect(answer.status).toBe(200)
      const { headers } = JSON.parse(answer.body) as Echo
      const received = (name: string) =>
        headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => value)
      expect(received('remote-user')).toEqual(['service-account:prod/ci/deployer'])
      expect(received('authorization')).toEqual([])
    })

    it('J21 is refused at another host, and J28 at its own once it was revoked', async () => {
      const made = await world.exchanged({ audience: 'wiki.localhost' })
      const elsewhere = await ask('payroll.localhost', '/', made)
      expect([elsewhere.status, elsewhere.headers['www-authenticate']]).toEqual([
        401,
        expect.stringContaining('the token is for another audience'),
      ])
      expect((await ask('wiki.localhost', '/deploy/now', made)).status).toBe(200)
      await world.post('/token/revoke', { token: made })
      const revoked = await ask('wiki.localhost', '/deploy/now', made)
      expect([revoked.status, revoked.headers['www-authenticate']]).toEqual([
        401,
        expect.stringContaining('was revoked'),
      ])
    })

    it('J81 is refused what a row denies to whoever acts with it, and whoever acts is told', async () => {
      const wiki = { audience: 'wiki.localhost' }
      const relay = { actor_token: world.robot('relay'), actor_token_type: jwtType }
      const acted = await world.exchanged({ ...wiki, ...relay })
      expect((await ask('wiki.localhost', '/deploy/keys', await world.exchanged(wiki))).status).toBe(200)
      expect((await ask('wiki.localhost', '/deploy/now', acted)).status).toBe(200)
      const refused = await ask('wiki.localhost', '/deploy/keys', acted)
      expect(refused.status).toBe(403)
      // NGINX answers with a page of its own making, to which it is told the reason alone.
      const actor = kind === 'nginx' ? {} : { actor: 'client:robots/relay' }
      expect(JSON.parse(refused.body)).toMatchObject({ reason: 'actor-denied', ...actor })
    })

    it('J23 is refused for what its scope lacks', async () => {
      const made = await world.exchanged({ audience: 'wiki.localhost', scope: 'read' })
      expect((await ask('wiki.localhost', '/deploy/now', made)).status).toBe(200)
      const refused = await ask('wiki.localhost', '/deploy/now', made, 'POST')
      expect(refused.status).toBe(403)
      expect(refused.body).not.toContain('remote-user')
    })

    it('J31 that is bound to a key is let in with a proof, once, and a denial says so', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      const prove = (claims: object) =>
        new SignJWT({ jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
          .sign(privateKey)
      const dpop = await prove({ htm: 'POST', htu: `${world.publicUrl}/token` })
      const { body } = await world.exchange({ audience: 'wiki.localhost' }, { dpop })
      const token = String(body.access_token)
      const ath = createHash('sha256').update(token).digest('base64url')
      const send = async (path: string, proof: string) =>
        request(`http://wiki.localhost:${port}${path}`, {
          headers: { accept: 'application/json', authorization: `DPoP ${token}`, dpop: proof },
        })
      const proofAt = (path: string) => prove({ htm: 'GET', htu: `http://wiki.localhost:${port}${path}`, ath })
      const proof = await proofAt('/deploy/now')
      const answer = await send('/deploy/now', proof)
      expect(answer.status).toBe(200)
      const { headers } = JSON.parse(answer.body) as Echo
      expect(headers.filter(([name]) => name.toLowerCase() === 'authorization')).toEqual([])
      expect((await send('/deploy/now', proof)).status).toBe(401)
      const denied = await send('/secret/', await proofAt('/secret/'))
      expect(denied.status).toBe(403)
      expect(JSON.parse(denied.body)).toMatchObject({ status: 403, reason: 'no-rule-matched' })
    })

    it('is made through the proxy as well', async () => {
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: world.token(),
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        audience: 'wiki.localhost',
      }).toString()
      const { host } = new URL(world.publicUrl)
      const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await request(`http://auth.localhost:${port}/token`, { method: 'POST', headers, body })
      expect(answer.status).toBe(200)
      const { access_token: made } = JSON.parse(answer.body) as { access_token: string }
      expect((await ask('wiki.localhost', '/deploy/now', made)).status).toBe(200)
    })
  })
})
