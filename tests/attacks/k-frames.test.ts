/** K: who may put our pages into a frame, asked of a real browser. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'
import { type LogoutWorld, startLogoutWorld } from './logout-world.ts'

/** Pages that a test fulfils count as the internet's, which may not open frames with addresses of this machine. */
const executablePath = requirePeer('chromium')

describe.skipIf(executablePath === undefined)('K09 a log-out page of a provider in Chromium', () => {
  const profile = mkdtempSync(join(tmpdir(), 'sallyport-frames-'))
  let world: LogoutWorld
  let context: BrowserContext
  beforeAll(async () => {
    world = await startLogoutWorld('lmdb')
    context = await chromium.launchPersistentContext(
      profile,
      chromiumOptions(executablePath, '--disable-features=LocalNetworkAccessChecks'),
    )
  })
  afterAll(async () => {
    await context?.close()
    await world?.close()
    rmSync(profile, { recursive: true, force: true })
  })

  /** What stands in a frame with this address on a page of this origin. */
  async function framed(origin: string, address: string): Promise<string> {
    const page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    await page.route(`${origin}/bye`, route =>
      route.fulfill({ contentType: 'text/html', body: `<!doctype html><iframe src="${address}"></iframe>` }),
    )
    await page.goto(`${origin}/bye`)
    const [, frame] = page.frames()
    const title = (await frame?.title().catch(() => '')) ?? ''
    const text =
      (await frame
        ?.locator('body')
        .textContent({ timeout: 10_000 })
        .catch(() => '')) ?? ''
    await page.close()
    return `${title} ${text}`
  }

  it('ends the session from its frame, and nobody else may frame the page', async () => {
    const [sub, sid] = [randomUUID(), randomUUID()]
    const cookie = await world.logIn(world.odd, { claims: { sub, sid }, userinfo: { sub } })
    const query = new URLSearchParams({ iss: world.odd.issuer, sid })
    const address = `${world.publicUrl}/frontchannel-logout/odd?${query}`
    expect(await framed(world.odd.issuer, address)).toContain('Logged out')
    expect(await world.isLetIn(cookie)).toBe(false)
    expect(await framed(world.other.issuer, address)).not.toContain('Logged out')
  })

  it('gets no other page of ours into a frame', async () => {
    for (const path of ['/', '/login', '/logout', '/signed-out', '/frontchannel-logout/nobody']) {
      expect(await framed(world.odd.issuer, `${world.publicUrl}${path}`), path).not.toMatch(
        /logged|Log (?:in|out)|provider/i,
      )
    }
  })
})
