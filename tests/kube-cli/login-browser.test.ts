/**
 * `sallyport kube login` with a real browser: whether a page of the auth host may lead on to the loopback address is the
 * browser's decision, so no other test can show it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumOptions } from '../chromium.ts'
import { type GrantWorld, startGrantWorld } from '../grants/world.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'
import { createMachine, type Machine } from './machine.ts'

const browser = requirePeer('chromium')

describe.skipIf(browser === undefined)('a person in front of a real browser', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kube-login-'))
  let world: GrantWorld
  let machine: Machine
  let context: BrowserContext

  beforeAll(async () => {
    world = await startGrantWorld()
    machine = createMachine()
    context = await chromium.launchPersistentContext(join(directory, 'profile'), chromiumOptions(browser))
  })
  afterAll(async () => {
    await context?.close()
    machine?.close()
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  test.each([
    ['Allow', 'Kubectl is logged in', 0],
    ['Deny', 'Kubectl was not let in', 1],
  ] as const)('presses %s, and the command line goes on', async (button, sentence, code) => {
    const before = machine.opened().length
    const running = machine.start(['login', '--server', world.service.publicUrl])
    const page = await context.newPage()
    page.setDefaultTimeout(browserPatienceMs)
    const problems: string[] = []
    page.on('console', message => problems.push(message.text()))
    await page.goto(await machine.untilOpened(before + 1))
    const isLoginPage = page.url().startsWith(world.service.provider.issuer)
    if (isLoginPage) await page.click('#alice')
    await page.getByText('alice@example.com').waitFor()
    await page.getByRole('button', { name: button }).click()
    await page.getByText(sentence).waitFor()
    expect(new URL(page.url()).hostname).toBe('127.0.0.1')
    expect((await running.finished).code).toBe(code)
    // A page whose policy forbids something says so there; the icon of a page without one is none of it.
    expect(problems.filter(text => !text.includes('favicon') && !text.includes('404'))).toEqual([])
    await page.close()
  })
})
