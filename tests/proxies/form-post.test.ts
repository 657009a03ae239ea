/** A provider whose page posts its answer through the real proxy, in a real browser. */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../cli/demo/ports.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'

const executablePath = requirePeer('chromium')

describe.each(['nginx', 'traefik', 'caddy', 'envoy', 'haproxy'] as const)('behind %s', kind => {
  const isAbsent = executablePath === undefined || requirePeer(kind) === undefined
  describe.skipIf(isAbsent)('a provider that posts its answer', () => {
    let stack: Stack
    let browser: Browser

    beforeAll(async () => {
      stack = await startStack({ proxy: kind, port: await freePort(), responseMode: 'form_post' })
      browser = await chromium.launch(chromiumOptions(executablePath))
    })
    afterAll(async () => {
      await browser?.close()
      await stack?.stop()
    })

    it('logs a person in, who ends where they wanted to, with what stands behind #', async () => {
      const page = await (await browser.newContext()).newPage()
      page.setDefaultTimeout(browserPatienceMs)
      const seen: string[] = []
      page.on('request', request => {
        const { origin, pathname, search } = new URL(request.url())
        if (origin === stack.origin('auth') && pathname.startsWith('/callback'))
          seen.push(`${request.method()} ${search}`)
      })
      const url = `${stack.origin('wiki')}/notes?x=1#/deep/link`
      await page.goto(url)
      await page.getByRole('button', { name: 'Bob Builder' }).click()
      await page.waitForURL(url)
      await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Hello, Bob Builder')
      expect(seen).toEqual(['POST ', expect.stringMatching(/^GET \?state=[\w-]{43}&answer=[\w-]{43}$/)])
    })
  })
})
