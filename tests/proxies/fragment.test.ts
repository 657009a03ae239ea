/** The way back in a real browser: what stands behind `#`, and a host that is written with a dot at its end. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../cli/demo/ports.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'

const executablePath = requirePeer('chromium')

describe.each(['nginx', 'traefik', 'caddy', 'envoy'] as const)('behind %s', kind => {
  const isAbsent = executablePath === undefined || requirePeer(kind) === undefined
  describe.skipIf(isAbsent)('a person in Chromium', () => {
    let stack: Stack
    let browser: Browser
    let page: Page
    const problems: string[] = []

    beforeAll(async () => {
      stack = await startStack({ proxy: kind, port: await freePort() })
      browser = await chromium.launch(chromiumOptions(executablePath))
    })
    afterAll(async () => {
      await browser?.close()
      await stack?.stop()
    })
    afterEach(() => page?.context().close())

    async function open(url: string, options: { javaScriptEnabled?: boolean } = {}): Promise<string[]> {
      page = await (await browser.newContext(options)).newPage()
      page.setDefaultTimeout(browserPatienceMs)
      const seen: string[] = []
      page.on('framenavigated', frame => seen.push(frame.url()))
      page.on('console', message => void (message.type() === 'error' && problems.push(message.text())))
      page.on('pageerror', error => problems.push(error.message))
      await page.goto(url)
      return seen
    }

    async function chooseBob(end: string): Promise<void> {
      await page.getByRole('button', { name: 'Bob Builder' }).click()
      await page.waitForURL(end)
      await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Hello, Bob Builder')
    }

    it.each(['#/deep/link', '#/a?b=c&d=%C3%BC', '#top'])(
      'comes back to %s through the form of the provider',
      async fragment => {
        const url = `${stack.origin('wiki')}/notes?x=1${fragment}`
        await open(url)
        expect(page.url()).toContain(`${stack.origin('idp')}/interaction/`)
        await chooseBob(url)
        expect(problems).toEqual([])
      },
    )

    it('comes back to an address of 6,000 characters, with what stands behind #', async () => {
      const url = `${stack.origin('wiki')}/notes?filter=${'a-long-filter,'.repeat(420)}#/deep`
      expect(url.length).toBeGreaterThan(5_800)
      await open(url)
      await chooseBob(url)
      expect(problems).toEqual([])
    })

    it('meets no further page on the way, and goes back to where they came from', async () => {
      await open('about:blank')
      await page.goto(`${stack.origin('wiki')}/#/x`)
      await page.goBack()
      expect(page.url()).toBe('about:blank')
    })

    it('keeps it on the second application, where nobody asks', async () => {
      await open(`${stack.origin('wiki')}/#/one`)
      await page.getByRole('button', { name: 'Alice Archer' }).click()
      await page.waitForURL(`${stack.origin('wiki')}/#/one`)
      await page.goto(`${stack.origin('payroll')}/#/two`)
      expect(page.url()).toBe(`${stack.origin('payroll')}/#/two`)
    })

    it('gets in without scripts as well, without a further click', async () => {
      const url = `${stack.origin('wiki')}/notes`
      await open(`${url}#/deep`, { javaScriptEnabled: false })
      await page.waitForURL(`${stack.origin('idp')}/interaction/**`)
      await page.getByRole('button', { name: 'Bob Builder' }).click()
      await page.waitForURL(`${url}**`)
    })

    it('who typed a dot at the end of the host gets there without it, where the proxy knows such a host', async () => {
      const dotted = stack.origin('wiki').replace('localhost', 'localhost.')
      page = await (await browser.newContext()).newPage()
      page.setDefaultTimeout(browserPatienceMs)
      const response = await page.goto(`${dotted}/notes#/deep`).catch(() => undefined)
      // Caddy and Envoy have no such site and say so; the other two take it for the one without the dot.
      if (kind === 'caddy' || kind === 'envoy') return expect(response?.status() ?? 0).not.toBe(200)
      await chooseBob(`${stack.origin('wiki')}/notes#/deep`)
    })
  })
})
