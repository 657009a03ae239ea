import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reachDump } from '../../../bench/reach-objects.ts'
import { requirePeer } from '../../peers.ts'
import { dataIn, launch, open, review } from './opened-page.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-page-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const executablePath = requirePeer('chromium')

let browser: Browser
beforeAll(async () => {
  if (executablePath !== undefined) browser = await launch(executablePath)
}, 120_000)
afterAll(() => browser?.close())

describe.skipIf(executablePath === undefined)('a big cluster', () => {
  test('5,000 accounts open, and it says how many are not drawn', { timeout: 600_000 }, async () => {
    writeFileSync(join(directory, 'big.json'), reachDump({ accounts: 5_000, bindings: 10_000, roles: 3_000 }))
    const html = await review(directory, '--from', 'big.json', '--output', 'html')
    const megabytes = Buffer.byteLength(html) / 1e6
    process.stdout.write(`the page of 5,000 accounts has ${megabytes.toFixed(1)} MB\n`)
    expect(megabytes).toBeLessThan(24)
    const { page, misdeeds } = await open(browser, { directory, html })
    const { admins, asked } = dataIn(html)
    expect(admins.open).toBe(0)
    // Nobody gets further than that there, and the page begins with it.
    expect(await page.locator('#targets [aria-pressed="true"]').textContent()).toBe('every Secret')
    await page.locator('#targets').getByRole('button', { name: 'a node', exact: true }).click()
    const reachers = await review(directory, '--from', 'big.json', '--json', '--to', 'node')
    const { length: count } = (JSON.parse(reachers) as { reachers: { isExpected: boolean }[] }).reachers.filter(
      ({ isExpected }) => !isExpected,
    )
    expect(count).toBeGreaterThan(1_000)
    const drawn = ((await page.locator('#drawn').textContent()) ?? '').replaceAll(',', '')
    expect(drawn).toContain(`${count} identities can reach a node`)
    expect(drawn).toContain(`the worst 120 are drawn ${count - 120} are NOT`)
    expect(await page.locator('.node').count()).toBeLessThan(1_000)
    expect((await page.locator('#table-count').textContent())?.replaceAll(',', '')).toContain(`${asked} findings`)
    // Somebody who is not drawn is, once asked for.
    await page.getByLabel('Identity', { exact: true }).fill('account-4999')
    await page.locator('#table .opener').first().click()
    await page.getByRole('button', { name: 'Show in the graph' }).first().click()
    expect(await page.locator('#panel h3').textContent()).toContain('account-4999')
    expect(misdeeds).toEqual([])
  })
})
