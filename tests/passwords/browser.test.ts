/** A person makes and revokes an application password in Chromium, and a program uses it meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'
import { type PasswordsWorld, startPasswords } from './world.ts'

const executablePath = requirePeer('chromium')

describe.skipIf(executablePath === undefined)('a person in Chromium', () => {
  const profile = mkdtempSync(join(tmpdir(), 'sallyport-passwords-'))
  const problems: string[] = []
  let world: PasswordsWorld
  let context: BrowserContext
  let page: Page
  let text = ''

  beforeAll(async () => {
    world = await startPasswords()
    context = await chromium.launchPersistentContext(profile, chromiumOptions(executablePath))
    page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    page.on('console', message => {
      if (message.type() === 'error' && !message.text().includes('status of 404')) problems.push(message.text())
    })
    page.on('pageerror', error => problems.push(error.message))
  })
  afterAll(async () => {
    await context?.close()
    await world?.close()
    rmSync(profile, { recursive: true, force: true })
  })

  const use = async () => (await world.use({ user: 'alice@example.com', text })).status
  const factOf = (term: string) => page.locator(`dt:text-is("${term}") + dd`).last()

  it('logs in, says what it is for, and reads the password', async () => {
    await page.goto(`${world.publicUrl}/session`)
    await page.locator('#alice').click()
    await page.waitForURL(`${world.publicUrl}/session`)
    await page.getByLabel('What it is for').fill('the laptop')
    await page.getByLabel('git.example.com').check()
    await page.getByRole('button', { name: 'Make a password' }).click()
    await expect(page.getByRole('heading', { level: 1 }).textContent()).resolves.toBe('Your new password')
    text = (await factOf('Password').textContent()) ?? ''
    expect(await factOf('User name').textContent()).toBe('alice@example.com')
    expect(await use()).toBe(200)
    await page.getByRole('link', { name: 'Done' }).click()
    expect(await page.content()).not.toContain(text)
    expect(await factOf('Name').textContent()).toBe('the laptop')
  })

  it('J42 is offered another login in the place of the form, when the last one was long ago', async () => {
    world.moveClock(20 * 60)
    await page.reload()
    expect(await page.getByRole('button', { name: 'Make a password' }).count()).toBe(0)
    world.moveClock(-20 * 60)
    await page.getByRole('link', { name: 'Log in again to make one' }).click()
    await page.waitForURL(`${world.publicUrl}/session`)
    expect(await page.getByRole('button', { name: 'Make a password' }).count()).toBe(1)
  })

  it('revokes it with a click', async () => {
    expect(await use()).toBe(200)
    await page.getByRole('button', { name: 'Revoke this password: the laptop' }).click()
    await page.waitForURL(`${world.publicUrl}/session`)
    expect(await page.getByRole('button', { name: /Revoke/ }).count()).toBe(0)
    expect(await use()).toBe(401)
  })

  it('saw no page whose own Content-Security-Policy broke it', () => {
    expect(problems).toEqual([])
  })
})
