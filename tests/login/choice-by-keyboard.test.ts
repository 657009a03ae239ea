/** The page that lets people choose, in a real browser and without a mouse. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, freePort, requirePeer } from '../peers.ts'
import { startProvider, type TestProvider } from '../provider.ts'
import { client, corp, type RelyingParty, startRelyingParty } from './relying-party.ts'

const browser = requirePeer('chromium')

describe.skipIf(browser === undefined)('with the keyboard alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-keyboard-'))
  let provider: TestProvider
  let other: TestProvider
  let party: RelyingParty
  let context: BrowserContext
  let page: Page
  let home: string

  beforeAll(async () => {
    const port = await freePort()
    home = `http://auth.localhost:${port}`
    const redirectUris = [`${home}/callback/corp`, `${home}/callback/other`]
    provider = await startProvider({ clients: [{ ...client, redirectUris }] })
    other = await startProvider({ clients: [{ ...client, redirectUris }] })
    party = await startRelyingParty({
      publicUrl: home,
      port,
      providers: [
        corp(provider.issuer, { label: 'Corporate login', emailDomains: ['example.com'] }),
        corp(other.issuer, { name: 'other', label: 'The other one', emailDomains: ['other.example'] }),
      ],
    })
    await party.providers.start()
    context = await chromium.launchPersistentContext(join(directory, 'profile'), chromiumOptions(browser))
    page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
  })

  afterAll(async () => {
    await context?.close()
    await party?.close()
    await Promise.all([provider?.close(), other?.close()])
    rmSync(directory, { recursive: true, force: true })
  })

  const focused = () => page.evaluate('document.activeElement.outerHTML') as Promise<string>
  const atProvider = (of: TestProvider) => page.waitForURL(url => url.origin === of.issuer)
  const pressOn = async (name: string) => {
    await page.locator(`#${name}`).focus()
    await page.keyboard.press('Enter')
  }

  test('an address is typed into the field that has the focus, and Enter goes on to its provider', async () => {
    await page.goto(`${home}/login`)
    expect(await focused()).toContain('type="email"')
    await page.keyboard.type('bob@other.example')
    await page.keyboard.press('Enter')
    await atProvider(other)
    await pressOn('bob')
    await page.waitForURL(`${home}/`)
    expect(await page.locator('body').textContent()).toContain('bob@example.com')
  })

  test('the next time Enter alone is enough', async () => {
    await context.clearCookies({ name: 'sallyport-login' })
    await page.goto(`${home}/login`)
    expect(await focused()).toContain('The other one')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${home}/`)
    expect(party.events.at(-1)).toMatchObject({ event: 'login.succeeded', provider: 'other' })
  })

  test('everything can be reached, in order, and the focus can be seen', async () => {
    await context.clearCookies()
    await page.goto(`${home}/login`)
    const order: string[] = []
    for (let step = 0; step < 4; step += 1) {
      order.push(await focused())
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
      expect(outline, order.at(-1)).toBe('solid')
      await page.keyboard.press('Tab')
    }
    expect(order.map(element => /type="email"|Go on|Corporate login|The other one/.exec(element)?.[0])).toEqual([
      'type="email"',
      'Go on',
      'Corporate login',
      'The other one',
    ])
    expect(await page.getByLabel('Your e-mail address').count()).toBe(1)
  })

  test('an address of nobody is said to be none, and the choice is there', async () => {
    await page.goto(`${home}/login`)
    await page.keyboard.type('carol@nowhere.example')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    await page.getByRole('link', { name: 'Corporate login' }).focus()
    await page.keyboard.press('Enter')
    await atProvider(provider)
  })
})
