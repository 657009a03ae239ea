/** A log-out whose provider redirects over another host, in a real browser, which keeps to our Content-Security-Policy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, type RelyingParty, startRelyingParty } from './relying-party.ts'

const browser = requirePeer('chromium')

describe.skipIf(browser === undefined)('a provider that logs out over two hosts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-log-out-'))
  const asked: string[] = []
  let servers: Server[] = []
  let provider: MisbehavingProvider
  let party: RelyingParty
  let context: BrowserContext
  let home: string

  /** One stop on the way: notes that it was reached, and leads on. */
  async function hop(name: string, to: () => string): Promise<string> {
    const server = createServer((request, response) => {
      asked.push(`${name} ${request.method}`)
      response.writeHead(302, { Location: to() }).end()
    })
    servers = [...servers, server]
    return `http://${name}.localhost:${await listen(server)}/end`
  }

  beforeAll(async () => {
    const port = await freePort()
    home = `http://auth.localhost:${port}`
    const second = await hop('second', () => `${home}/signed-out`)
    const first = await hop('first', () => second)
    provider = await startMisbehavingProvider({ end_session_endpoint: first })
    party = await startRelyingParty({ publicUrl: home, port, providers: [corp(provider.issuer)] })
    await party.providers.start()
    context = await chromium.launchPersistentContext(join(directory, 'profile'), chromiumOptions(browser))
  })

  afterAll(async () => {
    await context?.close()
    await party?.close()
    await provider?.close()
    await Promise.all(servers.map(close))
    rmSync(directory, { recursive: true, force: true })
  })

  test('logs the person out at both, and leads back', async () => {
    const page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    const violations: string[] = []
    page.on('console', message => violations.push(message.text()))
    const asking = page.waitForRequest(request => request.url().startsWith(provider.issuer))
    // This provider has no login page.
    await page.goto(`${home}/login`).catch(() => undefined)
    await page.goto(provider.answerTo((await asking).url(), {}))
    await page.goto(`${home}/logout`)
    violations.length = 0
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL(`${home}/signed-out`)
    expect(asked).toEqual(['first GET', 'second GET'])
    expect(violations.filter(text => text.includes('Content Security Policy'))).toEqual([])
    await page.goto(`${home}/`)
    expect(await page.content()).toContain('Nobody is logged in')
  })
})
