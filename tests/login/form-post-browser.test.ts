/**
 * An answer that a page of another site posts, in a real browser: whether our cookies are with the post and with what
 * follows it is the browser's decision (`SameSite=Lax`, RFC 6265bis), so no other test can show it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, freePort, requirePeer } from '../peers.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, type RelyingParty, startRelyingParty } from './relying-party.ts'

const browser = requirePeer('chromium')

describe.skipIf(browser === undefined)('a provider on another site that posts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-form-post-'))
  const asked: string[] = []
  let provider: MisbehavingProvider
  let party: RelyingParty
  let context: BrowserContext
  let home: string

  beforeAll(async () => {
    const [port, providerPort] = [await freePort(), await freePort()]
    // Two registrable domains, which only this browser knows; the service asks the provider on loopback.
    home = `http://auth.example.test:${port}`
    provider = await startMisbehavingProvider(
      { authorization_endpoint: `http://login.provider.test:${providerPort}/auth` },
      providerPort,
    )
    const settings = corp(provider.issuer, { responseMode: 'form_post' })
    party = await startRelyingParty({ publicUrl: home, port, providers: [settings] })
    party.server.prependListener('request', ({ method, url, headers }) => {
      if (!url?.startsWith('/callback')) return
      const cookies = (headers.cookie ?? '').split('; ').map(pair => pair.split('=')[0])
      asked.push(
        `${method} ${url.split('?')[0]} ${cookies.includes('sallyport-browser') ? 'with' : 'without'} the cookie`,
      )
    })
    await party.providers.start()
    context = await chromium.launchPersistentContext(
      join(directory, 'profile'),
      chromiumOptions(browser, '--host-resolver-rules=MAP *.test 127.0.0.1'),
    )
  })

  afterAll(async () => {
    await context?.close()
    await party?.close()
    await provider?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  test('logs in by a post without our cookies, and a GET with them', async () => {
    const page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    const problems: string[] = []
    page.on('console', message => problems.push(message.text()))
    await page.goto(`${home}/login`).catch(() => undefined)
    await page.waitForURL(`${home}/`)
    expect(await page.content()).toContain('You are logged in')
    expect(asked).toEqual(['POST /callback/corp without the cookie', 'GET /callback/corp with the cookie'])
    expect(problems.filter(text => text.includes('Content Security Policy'))).toEqual([])
    expect(party.events.at(-1)).toMatchObject({ event: 'login.succeeded', provider: 'corp' })
    const { cookies } = await (await context.newCDPSession(page)).send('Network.getAllCookies')
    expect(cookies.map(({ sameSite }) => sameSite)).toEqual(cookies.map(() => 'Lax'))
  })
})
