/** A person in a real browser: Chromium clicks through the demo. SALLYPORT_TEST_SCREENSHOT=file keeps a picture of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../cli/demo/ports.ts'
import { findProxy } from '../../cli/demo/proxies/proxies.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'

const executablePath = requirePeer('chromium')

describe.skipIf(executablePath === undefined)('a person in Chromium', () => {
  let stack: Stack
  let context: BrowserContext
  let page: Page
  const profile = mkdtempSync(join(tmpdir(), 'sallyport-chromium-'))
  const problems: string[] = []

  beforeAll(async () => {
    // The picture shows the port that people see.
    const port = process.env.SALLYPORT_TEST_SCREENSHOT === undefined ? await freePort() : 8080
    stack = await startStack({ proxy: findProxy(), port })
    context = await chromium.launchPersistentContext(profile, {
      ...chromiumOptions(executablePath),
      viewport: { width: 1100, height: 760 },
      colorScheme: 'light',
    })
    page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    // A Content-Security-Policy that breaks a page shows here and nowhere else.
    page.on('console', message => {
      if (message.type() === 'error' && !message.text().includes('status of 403')) problems.push(message.text())
    })
    page.on('pageerror', error => problems.push(error.message))
  })

  afterAll(async () => {
    await context?.close()
    await stack?.stop()
    rmSync(profile, { recursive: true, force: true })
  })

  it('is asked who they are, logs in as Bob and reads the wiki', async () => {
    await page.goto(`${stack.origin('wiki')}/notes`)
    expect(page.url()).toContain(`${stack.origin('idp')}/interaction/`)
    await page.getByRole('button', { name: 'Bob Builder' }).click()
    await page.waitForURL(`${stack.origin('wiki')}/notes`)
    await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Hello, Bob Builder')
  })

  it('is refused at payroll as Bob, switches the account to Alice there, and is let in', async () => {
    const response = await page.goto(`${stack.origin('payroll')}/`)
    expect(response?.status()).toBe(403)
    await expect(page.locator('body').textContent()).resolves.toContain('bob@example.com')
    await keepPicture(page, 'denied')
    await page.getByRole('link', { name: /switch/i }).click()
    await page.getByRole('button', { name: 'Alice Archer' }).click()
    await page.waitForURL(`${stack.origin('payroll')}/`)
    await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Hello, Alice Archer')
    await keepPicture(page)
  })

  it('is Alice at the wiki as well, logs out, and is asked again', async () => {
    await page.goto(`${stack.origin('wiki')}/`)
    await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Hello, Alice Archer')
    await page.getByRole('link', { name: 'Log out' }).click()
    await page.getByRole('button', { name: /log out/i }).click()
    await page.waitForURL(url => url.hostname === 'idp.localhost')
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    await page.waitForURL(`${stack.origin('auth')}/signed-out**`)
    await page.goto(`${stack.origin('wiki')}/`)
    await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Who are you today?')
  })

  it('saw no page whose own Content-Security-Policy broke it', () => {
    expect(problems).toEqual([])
  })
})

/** `demo.png` and `demo-denied.png`, where the environment asks for them. */
async function keepPicture(page: Page, suffix?: string): Promise<void> {
  const path = process.env.SALLYPORT_TEST_SCREENSHOT
  if (path === undefined) return
  await page.screenshot({ path: suffix === undefined ? path : path.replace(/\.png$/, `-${suffix}.png`) })
}
