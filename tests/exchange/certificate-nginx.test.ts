/** Tokens that are bound to a client certificate, made and used through a real NGINX that asks for it, with the lines of the page. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { type Certificate, createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startTlsProxy } from '../proxies/tls-proxy.ts'
import { type ExchangeWorld, exchangeGrant, jwtType, startExchange } from './world.ts'

const hasPeers = ['nginx', 'openssl'].every(name => requirePeer(name) !== undefined)

const policy = `
p, service-account:prod/ci/deployer, tokens,         /wiki.localhost, create, -, allow
p, service-account:prod/ci/deployer, wiki.localhost, /deploy/**,      *,      -, allow
`

/** What docs/lifetimes.md says about NGINX: lines of a `server`, and the one that passes the certificate on. */
function documented(authorityFile: string) {
  const page = readFileSync(join(import.meta.dirname, '../../docs/lifetimes.md'), 'utf8')
  const [, lines = ''] = /```nginx\n(ssl_client_certificate [\s\S]*?)```/.exec(page) ?? []
  const all = lines.replace('/etc/nginx/people-ca.pem', authorityFile).trim().split('\n')
  const isPassing = (line: string): boolean => line.startsWith('proxy_set_header')
  return { server: all.filter(line => !isPassing(line)).join(' '), ask: all.filter(isPassing).join('\n') }
}

describe.runIf(hasPeers)('a token that is bound to a client certificate, through NGINX', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bound-nginx-'))
  const fleet = createAuthority('Fleet CA')
  const [robot, thief] = ['robot', 'thief'].map(name => fleet.issue(name)) as [Certificate, Certificate]
  const application = createDemoApp({ name: 'wiki' })
  let world: ExchangeWorld
  let proxy: Child
  let port: number

  beforeAll(async () => {
    world = await startExchange({
      policy,
      hosts: [{ host: 'wiki.localhost', bearerFrom: ['sallyport', 'prod'] }],
      settings: { server: { clientCertificateHeader: 'X-Client-Certificate' }, sessions: { bindTo: 'none' } },
    })
    port = await freePort()
    const authorityFile = join(directory, 'fleet.pem')
    writeFileSync(authorityFile, fleet.certificate)
    const ports = { proxy: port, auth: world.port, wiki: await listen(application) }
    proxy = await startTlsProxy(directory, ports, documented(authorityFile))
  })
  afterAll(async () => {
    await proxy?.stop()
    await world?.close()
    await close(application)
    fleet.close()
    rmSync(directory, { recursive: true, force: true })
  })

  interface Sent {
    readonly as?: Certificate | undefined
    readonly headers?: Readonly<Record<string, string>>
    readonly form?: Readonly<Record<string, string>>
  }
  const send = (servername: string, path: string, { as, headers = {}, form }: Sent) => {
    const client = as === undefined ? {} : { cert: as.certificate, key: as.key }
    const ca = readFileSync(join(directory, 'cert.pem'))
    const typed = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const options = { host: '127.0.0.1', servername, port, path, ca, ...client, agent: false }
    const method = form === undefined ? 'GET' : 'POST'
    const own = { host: `${servername}:${port}`, ...typed, ...headers }
    return new Promise<{ status: number; challenge: unknown; text: string }>((resolve, reject) => {
      const sent = request({ ...options, method, headers: own }, response => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        const challenge = response.headers['www-authenticate']
        response.on('end', () => resolve({ status: response.statusCode ?? 0, challenge, text }))
      })
      sent.on('error', reject).end(form === undefined ? undefined : new URLSearchParams(form).toString())
    })
  }
  const exchange = async (form: Readonly<Record<string, string>>, as?: Certificate) => {
    const whole = {
      ...{ grant_type: exchangeGrant, subject_token: world.token(), subject_token_type: jwtType },
      ...{ audience: 'wiki.localhost', ...form },
    }
    // The name of the public URL, which the tests have on a port of its own.
    const headers = { host: new URL(world.publicUrl).host }
    const { status, text } = await send('auth.localhost', '/token', { as, headers, form: whole })
    return { status, body: JSON.parse(text) as { access_token?: string; cnf?: object; error?: string } }
  }
  const use = (token: string, as?: Certificate, headers: Readonly<Record<string, string>> = {}) =>
    send('wiki.localhost', '/deploy/now', { as, headers: { authorization: `Bearer ${token}`, ...headers } })
  const claimed = { 'X-Client-Certificate': encodeURIComponent(robot.certificate) }

  it('is made on a connection with the certificate, and counts on such connections alone', async () => {
    const { status, body } = await exchange({ bind: 'certificate' }, robot)
    expect([status, body.cnf]).toEqual([200, { 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) }])
    const token = String(body.access_token)
    const answer = await use(token, robot)
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('service-account:prod/ci/deployer')
    expect(answer.text).not.toContain(token)
  })

  it('J100 is refused without it, with another one, and with a header that a client writes', async () => {
    const token = String((await exchange({ bind: 'certificate' }, robot)).body.access_token)
    expect((await use(token, robot)).status).toBe(200)
    for (const as of [undefined, thief]) {
      for (const headers of [{}, claimed]) {
        const { status, challenge } = await use(token, as, headers)
        expect([status, challenge]).toEqual([401, expect.stringMatching(/^Bearer error="invalid_token".*RFC 8705/)])
      }
    }
    expect((await use(token, robot, { 'X-Client-Certificate': '' })).status).toBe(200)
  })

  it('J101 is exchanged on such a connection alone', async () => {
    const subject_token = String((await exchange({ bind: 'certificate' }, robot)).body.access_token)
    for (const as of [undefined, thief]) {
      const { status, body } = await exchange({ subject_token }, as)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
    const { body } = await exchange({ subject_token }, robot)
    expect((await use(String(body.access_token), thief)).status).toBe(401)
    expect((await use(String(body.access_token), robot)).status).toBe(200)
  })

  it('J102 is not made without a certificate', async () => {
    expect((await exchange({ bind: 'certificate' })).status).toBe(400)
  })
})
