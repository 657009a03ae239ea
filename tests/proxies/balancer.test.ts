/**
 * TLS ends at a balancer in front of the proxy. The files of deploy/ with exactly those lines in force that they hold for
 * it, and nothing else, or for Envoy what is printed with `--balancer`: a login leads back to https, a page opens its own WebSocket, the audit names the client, and what
 * a client says of itself is worth nothing, neither through the balancer nor past it.
 */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { compose, type Service } from '../../app/compose/service.ts'
import { createLogger } from '../../app/telemetry/logger.ts'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { type ProxyKind, programOf, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { freshSecret } from '../../cli/secret.ts'
import { loadConfig } from '../../config/load.ts'
import { type Authority, createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen, startProvider, type TestProvider } from '../provider.ts'
import { printInto, startPrinted } from '../proxy-config/printed.ts'
import { readLines } from '../service.ts'
import { type Answer, addresses, ask, createBalancer, logInThrough, shakeHands } from './balancer.ts'

const hasOpenssl = requirePeer('openssl') !== undefined
const secret = 'the client secret behind a balancer'
const policy = `
p, anyone,        wiki.localhost, /public/**, read, -,      allow
p, anyone,        wiki.localhost, /office/**, *,    office, allow
p, authenticated, wiki.localhost, /**,        *,    -,      allow
p, anyone,        open.localhost, /**,        *,    -,      allow
`

/** The lines that each proxy's files hold for a balancer, with its address. */
const inForce: Readonly<Record<string, (text: string) => string>> = {
  'nginx/templates/sallyport.conf.template': text =>
    text.replaceAll(/# (10\.0\.0\.10 balancer;|set_real_ip_from .*;|real_ip_\w+ .*;)/g, '$1'),
  'caddy/Caddyfile': text => text.replaceAll(/# (trusted_proxies)/g, '$1'),
  'haproxy/haproxy.cfg': text => text.replaceAll(/# (http-request set-var.*src 10\.0\.0\.10 )/g, '$1'),
  'traefik/traefik.env': text => text.replaceAll(/# (TRAEFIK_ENTRYPOINTS_WEB_FORWARDEDHEADERS_TRUSTEDIPS)/g, '$1'),
}

function editedFiles(kind: ProxyKind): string {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-balancer-'))
  cpSync(join(import.meta.dirname, '../../deploy', kind), directory, { recursive: true })
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const file = join(directory, name)
    if (statSync(file).isDirectory()) continue
    const text = readFileSync(file, 'utf8')
    const edited = inForce[`${kind}/${name}`]?.(text) ?? text
    writeFileSync(file, edited.replaceAll('10.0.0.10', addresses.balancer))
  }
  return directory
}

const isEnvoy = (kind: ProxyKind): kind is 'envoy' | 'envoy-grpc' => programOf(kind) === 'envoy'

describe.each(['nginx', 'traefik', 'caddy', 'haproxy', 'envoy', 'envoy-grpc'] as const)(
  '%s behind a balancer',
  kind => {
    describe.skipIf(requirePeer(programOf(kind)) === undefined || !hasOpenssl)('that ends TLS', () => {
      const directory = mkdtempSync(join(tmpdir(), 'sallyport-behind-'))
      const application = createDemoApp({ name: 'wiki' })
      let authority: Authority
      let files: string | undefined
      let port: number
      let proxyPort: number
      let service: Service
      let provider: TestProvider
      let proxy: { readonly stop: () => Promise<unknown> }
      let balancer: Server
      let cookie: string

      const url = (host: string, path = '/') => `https://${host}.localhost:${port}${path}`
      /** Past the balancer, at the proxy itself. */
      const direct = (path: string) => `http://wiki.localhost:${proxyPort}${path}`
      const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
      const events = () => readLines(join(directory, 'audit.jsonl'))
      const eventOf = async (answer: Answer) => {
        const found = () => events().find(({ requestId }) => requestId === answer.headers['x-sallyport-request-id'])
        await vi.waitUntil(() => found() !== undefined, { timeout: 120_000 })
        return found()
      }

      beforeAll(async () => {
        authority = createAuthority('Balancer')
        port = await freePort()
        proxyPort = await freePort()
        const redirectUris = [url('auth', '/callback/corp')]
        provider = await startProvider({ clients: [{ clientId: 'sallyport', clientSecret: secret, redirectUris }] })
        service = await composeFor(directory, url('auth', ''), provider.issuer)
        await service.start()
        // Discovery of the provider goes on in the background.
        await vi.waitUntil(async () => (await service.answers.readiness()).status === 'ready', { timeout: 120_000 })
        const wikiAddress = `127.0.0.1:${await listen(application)}`
        const authAddress = `127.0.0.1:${service.ports().main}`
        const providerAddress = '127.0.0.1:9'
        if (isEnvoy(kind)) {
          const printed = ['--balancer', addresses.balancer, '--listen', `127.0.0.1:${proxyPort}`]
          const checks = ['--sallyport', authAddress, '--grpc', `127.0.0.1:${service.ports().envoy}`]
          const hosts = ['--host', `wiki.localhost=${wikiAddress}`, '--host', `open.localhost=${wikiAddress}`]
          await printInto(join(directory, 'printed'), [kind, ...printed, ...checks, ...hosts], directory)
          proxy = startPrinted(kind, join(directory, 'printed'))
        } else {
          files = editedFiles(kind)
          const targets = { bind: '127.0.0.1', port: proxyPort, authHost: 'auth.localhost', authAddress, wikiAddress }
          proxy = await startProxy(kind, { ...targets, payrollAddress: wikiAddress, providerAddress }, files)
        }
        balancer = createBalancer(authority.issue('localhost', ['*.localhost']), proxyPort)
        await new Promise<void>(resolve => balancer.listen(port, '127.0.0.1', resolve))
        await vi.waitUntil(
          () =>
            ask(url('wiki', '/public/page')).then(
              ({ status }) => status === 200,
              () => false,
            ),
          {
            timeout: 120_000,
          },
        )
      })

      afterAll(async () => {
        balancer?.close()
        balancer?.closeAllConnections()
        await proxy?.stop()
        await service?.close()
        await provider?.close()
        await close(application)
        authority?.close()
        for (const path of [directory, files ?? directory]) rmSync(path, { recursive: true, force: true })
      })

      it('a login leads back to the https address that was asked', async () => {
        const wanted = url('wiki', '/notes?page=2')
        const login = await logInThrough((address, headers) => ask(address, { headers }), wanted)
        expect([login.last.status, login.addresses.at(-1)]).toEqual([200, wanted])
        expect(login.addresses.filter(address => !address.startsWith('https://'))).toEqual([])
        cookie = login.cookie
      })

      it('the application is told https, and the audit names the client', async () => {
        const answer = await ask(url('wiki', '/notes'), { headers: { cookie, accept: 'application/json' } })
        const echo = JSON.parse(answer.body) as Echo
        const told = Object.fromEntries(echo.headers.map(([name, value]) => [name.toLowerCase(), value]))
        expect([told['x-forwarded-proto'], told['remote-user']]).toEqual(['https', 'alice'])
        expect(told['x-forwarded-for']?.split(',')[0]?.trim()).toBe(addresses.client)
        const named = () => events().filter(({ clientAddress }) => clientAddress !== undefined)
        // The log is written in the breaks of the service.
        await expect.poll(() => named().map(({ event }) => event)).toContain('login.succeeded')
        const seen = named()
        expect(new Set(seen.map(({ clientAddress }) => clientAddress))).toEqual(new Set([addresses.client]))
      })

      it('a page opens a WebSocket of its own origin, and no other page does', async () => {
        const address = url('wiki', '/socket')
        const own = new URL(address).origin
        expect(await shakeHands(address, { Cookie: cookie, Origin: own })).toMatch(/^HTTP\/1\.1 101 .*hello alice/s)
        for (const foreign of [own.replace('https', 'http'), url('evil', '').slice(0, -1), 'null']) {
          expect([foreign, await shakeHands(address, { Cookie: cookie, Origin: foreign })]).toEqual([
            foreign,
            expect.stringMatching(/^HTTP\/1\.1 (?:400|401|403) /),
          ])
        }
      })

      const lies: Readonly<Record<string, string>>[] = [
        { 'x-forwarded-for': '192.0.2.7' },
        { 'x-forwarded-for': `192.0.2.7, ${addresses.balancer}` },
        { 'x-forwarded-proto': 'http' },
        { 'x-forwarded-host': 'open.localhost' },
        { 'x-forwarded-uri': '/public/page' },
        { 'x-forwarded-method': 'OPTIONS', 'x-forwarded-uri': '/public/page', 'x-forwarded-host': 'open.localhost' },
        { 'x-forwarded-prefix': '/public', 'x-forwarded-port': '81', 'x-forwarded-server': 'open.localhost' },
        { 'x-original-url': 'https://open.localhost/', 'x-original-method': 'GET', 'x-rewrite-url': '/public/page' },
        { 'x-real-ip': '192.0.2.7', forwarded: 'for=192.0.2.7;host=open.localhost;proto=http' },
        { 'remote-user': 'alice', 'remote-groups': 'ops' },
      ]

      it.each(lies)('what a client says through the balancer is worth nothing: %o', async lie => {
        const wanted = url('wiki', '/secrets')
        const answer = await ask(wanted, { headers: { ...navigation, ...lie } })
        expect([answer.status, new URL(answer.headers.location ?? '').searchParams.get('rd')]).toEqual([302, wanted])
        const office = await ask(url('wiki', '/office/plan'), { headers: { accept: 'application/json', ...lie } })
        expect(office.status).toBe(401)
        expect(await eventOf(office)).toMatchObject({ clientAddress: addresses.client })
      })

      it.each([...lies, { 'x-forwarded-proto': 'https' }])(
        'nor what a stranger says to the proxy itself: %o',
        async lie => {
          const headers = { ...navigation, 'x-forwarded-proto': 'https', ...lie }
          // Envoy would believe whoever connects, and is printed so that nobody else can.
          if (isEnvoy(kind))
            return expect(ask(direct('/secrets'), { headers, from: addresses.stranger })).rejects.toThrow()
          const answer = await ask(direct('/secrets'), { headers, from: addresses.stranger })
          expect([answer.status, new URL(answer.headers.location ?? '').searchParams.get('rd')]).toEqual([
            302,
            direct('/secrets'),
          ])
          const plain = { accept: 'application/json', ...lie }
          const office = await ask(direct('/office/plan'), { headers: plain, from: addresses.stranger })
          expect(office.status).toBe(401)
          expect(await eventOf(office)).toMatchObject({ clientAddress: addresses.stranger })
        },
      )
    })
  },
)

function composeFor(directory: string, publicUrl: string, issuer: string): Promise<Service> {
  writeFileSync(join(directory, 'policy.csv'), policy)
  writeFileSync(join(directory, 'conditions.yaml'), 'office: { source-network: [192.0.2.0/24] }\n')
  const settings = {
    // The proxy, and the balancer, which Traefik names as one more hop.
    server: { url: publicUrl, listen: '127.0.0.1:0', trustedProxies: ['127.0.0.1/32', `${addresses.balancer}/32`] },
    admin: { listen: '127.0.0.1:0' },
    envoy: { listen: '127.0.0.1:0' },
    sessions: { path: './data', secret: freshSecret() },
    policy: { directory: '.' },
    audit: { destination: './audit.jsonl' },
    login: { rateLimit: 10_000 },
    providers: [
      { name: 'corp', issuer, clientId: 'sallyport', clientSecret: secret, scopes: ['profile', 'email', 'groups'] },
    ],
  }
  const file = join(directory, 'sallyport.yaml')
  writeFileSync(file, JSON.stringify(settings))
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  const { config } = loadConfig({ file, env: {}, allowInsecure: new Set(), readFile })
  return compose(config, { logger: createLogger({ level: 'fatal' }) })
}
