/**
 * https, as people deploy it: the NGINX files with certificate lines added, a public URL with https, and a browser that
 * keeps `__Host-` cookies by its own rules. The demo is http on localhost, so nothing else runs this way.
 */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compose, type Service } from '../../app/compose/service.ts'
import { createLogger } from '../../app/telemetry/logger.ts'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { freshSecret } from '../../cli/secret.ts'
import { loadConfig } from '../../config/load.ts'
import { builtCommandLine } from '../built-command-line.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, freePort, requirePeer } from '../peers.ts'
import { close, listen, startProvider, type TestProvider } from '../provider.ts'
import { startTlsProxy } from './tls-proxy.ts'

const [nginx, browser, openssl] = ['nginx', 'chromium', 'openssl'].map(requirePeer)
const secret = 'the client secret of the tls test'

describe.skipIf(nginx === undefined || browser === undefined || openssl === undefined)('over https', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-tls-'))
  const application = createDemoApp({ name: 'wiki' })
  let port: number
  let service: Service
  let provider: TestProvider
  let proxy: Child
  let context: BrowserContext
  let page: Page

  const url = (host: string, path = '/') => `https://${host}.localhost:${port}${path}`

  beforeAll(async () => {
    port = await freePort()
    const redirectUris = [url('auth', '/callback/corp')]
    provider = await startProvider({ clients: [{ clientId: 'sallyport', clientSecret: secret, redirectUris }] })
    service = await composeFor(directory, url('auth', ''), provider.issuer)
    await service.start()
    proxy = await startTlsProxy(directory, {
      proxy: port,
      auth: service.ports().main,
      wiki: await listen(application),
    })
    context = await chromium.launchPersistentContext(join(directory, 'profile'), {
      ...chromiumOptions(browser),
      ignoreHTTPSErrors: true,
    })
    page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
  })

  afterAll(async () => {
    await context?.close()
    await proxy?.stop()
    await service?.close()
    await provider?.close()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  it('a person logs in and arrives, the application sees https and who it is', async () => {
    await page.goto(url('wiki', '/notes?page=2'))
    await page.getByRole('link', { name: 'alice' }).click()
    await page.waitForURL(url('wiki', '/notes?page=2'))
    const text = await page.locator('body').textContent()
    expect(text).toContain('alice@example.com')
    expect(text).toContain(`"aud":"https://wiki.localhost:${port}"`)
  })

  it('every cookie is __Host-, Secure and HttpOnly, and has no domain', async () => {
    const cookies = (await context.cookies()).filter(({ name }) => name.includes('sallyport'))
    expect(cookies.map(({ name }) => name).sort()).toEqual([
      '__Host-sallyport',
      '__Host-sallyport-browser',
      '__Host-sallyport-login',
    ])
    for (const cookie of cookies) {
      expect(cookie).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' })
      expect(cookie.domain.startsWith('.')).toBe(false)
    }
    const hosts = cookies.map(({ name, domain }) => [name, domain])
    expect(hosts).toContainEqual(['__Host-sallyport', 'wiki.localhost'])
    expect(hosts).toContainEqual(['__Host-sallyport-login', 'auth.localhost'])
  })

  it('the login pages ask the browser to stay with https', async () => {
    const response = await page.goto(url('auth'))
    expect(response?.headers()['strict-transport-security']).toMatch(/max-age=\d{7,}/)
  })

  it('the doctor tries the same over TLS, and talks to nobody whose certificate is no good', async () => {
    const examined = await doctor(url('wiki'), join(directory, 'cert.pem'))
    const [{ usual, findings }] = (JSON.parse(examined.output) as Report).addresses as [Examined]
    expect([examined.code, usual]).toEqual([0, 401])
    const passed = findings.filter(({ status }) => status === 'pass').map(({ probe }) => probe)
    expect(passed).toEqual([
      ...['any-request', 'host-names', 'forged-origins', 'identity-headers', 'check-answers'],
      ...['header-floods', 'odd-targets'],
    ])
    const refused = await doctor(url('wiki'))
    expect([refused.code, refused.output]).toEqual([1, ''])
    expect(refused.complaint).toMatch(/cannot be reached: .*self-signed certificate.*NODE_EXTRA_CA_CERTS/)
  })

  it('a return to http is refused: the person stays at the login pages', async () => {
    const http = `http://wiki.localhost:${port}/`
    await page.goto(url('auth', `/login?rd=${encodeURIComponent(http)}`))
    expect(page.url()).toBe(url('auth'))
  })
})

function composeFor(directory: string, publicUrl: string, issuer: string): Promise<Service> {
  writeFileSync(join(directory, 'policy.csv'), 'p, authenticated, wiki.localhost, /**, *, -, allow\n')
  const settings = {
    server: { url: publicUrl, listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
    sessions: { path: './data', secret: freshSecret() },
    policy: { directory: '.' },
    audit: { destination: './audit.jsonl' },
    providers: [{ name: 'corp', issuer, clientId: 'sallyport', clientSecret: secret }],
  }
  const file = join(directory, 'sallyport.yaml')
  writeFileSync(file, JSON.stringify(settings))
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  const { config } = loadConfig({ file, env: {}, allowInsecure: new Set(), readFile })
  return compose(config, { logger: createLogger({ level: 'fatal' }) })
}

interface Examined {
  readonly usual: number
  readonly findings: readonly { readonly probe: string; readonly status: string }[]
}

interface Report {
  readonly addresses: readonly Examined[]
}

/** The program itself: Node reads whom to trust as it starts. */
async function doctor(address: string, trusted?: string) {
  const args = [builtCommandLine(), 'doctor', '--json', address]
  const env = { ...process.env, ...(trusted !== undefined && { NODE_EXTRA_CA_CERTS: trusted }) }
  return new Promise<{ code: number; output: string; complaint: string }>(resolve => {
    execFile(process.execPath, args, { env }, (error, output, complaint) =>
      resolve({ code: Number(error?.code ?? 0), output, complaint }),
    )
  })
}
