/** Every page in a real browser: axe finds nothing, in light and dark and on a small screen, and its scripts do what they are for. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PagesOptions } from '../../app/pages/create-pages.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { renderedPages } from './rendered.ts'

const executablePath = requirePeer('chromium')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 2"><rect width="8" height="2" fill="#0a6b4f"/></svg>'

const flavours = {
  plain: {},
  german: { language: 'de' },
  /** A colour that nobody could read on either card. */
  branded: { name: 'Example Corp', colour: '#ffe14d', contact: 'mailto:help@example.com', hasLogo: true },
} as const satisfies Readonly<Record<string, PagesOptions>>

describe.skipIf(executablePath === undefined)('the pages in Chromium', () => {
  let server: Server
  let origin: string
  let browser: Browser
  const problems: string[] = []

  beforeAll(async () => {
    const all = Object.fromEntries(Object.entries(flavours).map(([name, options]) => [name, renderedPages(options)]))
    server = createServer((request, response) => {
      const [, flavour = '', name = ''] = (request.url ?? '').split('/')
      if (flavour === 'logo') return void response.setHeader('Content-Type', 'image/svg+xml').end(logo)
      const page = all[flavour]?.[name]
      if (page === undefined) return void response.writeHead(404).end()
      response.setHeader('Content-Security-Policy', page.contentSecurityPolicy)
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page.html)
    })
    origin = `http://127.0.0.1:${await listen(server)}`
    browser = await chromium.launch(chromiumOptions(executablePath))
  }, browserPatienceMs)

  afterAll(async () => {
    await browser?.close()
    await close(server)
  })

  async function open(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    page.on('console', message => {
      if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text())
    })
    page.on('pageerror', error => problems.push(error.message))
    return page
  }

  describe.each(Object.keys(flavours))('as %s', flavour => {
    it.each(['light', 'dark'] as const)(
      'axe finds nothing at 375 px in %s, and nothing has to be scrolled sideways',
      { timeout: 300_000 },
      async colorScheme => {
        const context = await browser.newContext({ colorScheme, viewport: { width: 375, height: 700 } })
        const page = await open(context)
        const found: unknown[] = []
        for (const name of Object.keys(renderedPages())) {
          await page.goto(`${origin}/${flavour}/${name}`)
          await page.evaluate(axe)
          const { violations, passes } = (await page.evaluate('axe.run()')) as AxeResults
          expect(passes.length, name).toBeGreaterThan(10)
          for (const { id, nodes } of violations) found.push([name, id, nodes.map(({ html }) => html)])
          const wide = await page.evaluate('document.documentElement.scrollWidth')
          if (wide !== 375) found.push([name, 'scrolls sideways', wide])
        }
        await context.close()
        expect(found).toEqual([])
      },
    )
  })

  it('the number of a request is copied, and Back goes back, where there is something to go back to', async () => {
    const context = await browser.newContext()
    await context.grantPermissions(['clipboard-read'])
    const page = await open(context)
    await page.goto(`${origin}/german/denied`)
    await page.getByRole('button', { name: 'Kopieren' }).click()
    await page.getByRole('button', { name: 'Kopiert' }).waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('0123456789abcdef0123456789abcdef')
    await page.goto(`${origin}/plain/notFound`)
    await page.getByRole('button', { name: 'Back' }).click()
    await page.waitForURL(`${origin}/german/denied`)
    const tab = await open(context)
    await tab.goto(`${origin}/plain/denied`)
    await context.close()
  })

  it('moments are those of where the browser is', async () => {
    const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en-GB' })
    const page = await open(context)
    await page.goto(`${origin}/german/sessionOverview`)
    const [first = ''] = await page.locator('time').allTextContents()
    const moment = new Date((await page.locator('time').first().getAttribute('datetime')) ?? '')
    const format = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Tokyo' } as const
    expect(first).toBe(moment.toLocaleString('de', format))
    await context.close()
  })

  it('without scripts nothing is missing: the number can be selected, moments are in UTC, and no button does nothing', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await open(context)
    await page.goto(`${origin}/plain/denied`)
    expect(await page.locator('button:visible').count()).toBe(0)
    expect(await page.locator('code').textContent()).toBe('0123456789abcdef0123456789abcdef')
    await page.goto(`${origin}/plain/sessionOverview`)
    expect(await page.locator('time').first().textContent()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/)
    await context.close()
  })

  it('no policy of a page broke it', () => {
    expect(problems).toEqual([])
  })
})
