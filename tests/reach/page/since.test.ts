/** The page with `--all` and with `--baseline`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requirePeer } from '../../peers.ts'
import { dataIn, launch, open, review } from './opened-page.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-since-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const executablePath = requirePeer('chromium')

const account = (name: string) => `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: shop }
---
`
const given = (name: string, role: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ${name}-${role} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role} }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: shop }]
---
`
const role = (name: string, resource: string, verb: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${name} }
rules: [{ apiGroups: [''], resources: [${resource}], verbs: [${verb}] }]
---
`
const roles = role('mints', 'serviceaccounts/token', 'create') + role('reads', 'secrets', 'get, list')
const accounts = ['web', 'core', 'old'].map(account).join('')
const all = accounts + roles + given('web', 'mints') + given('core', 'cluster-admin')

let browser: Browser
beforeAll(async () => {
  writeFileSync(join(directory, 'before.yaml'), all + given('old', 'reads'))
  writeFileSync(join(directory, 'after.yaml'), all + given('web', 'reads'))
  writeFileSync(join(directory, 'before.json'), await review(directory, '--from', 'before.yaml', '--json'))
  if (executablePath !== undefined) browser = await launch(executablePath)
}, 120_000)
afterAll(() => browser?.close())

const counted = async (): Promise<{ new: string[]; gone: string[] }> =>
  JSON.parse(await review(directory, '--from', 'after.yaml', '--json', '--baseline', 'before.json')).changes

test('what is new and gone is in the file, as the command says it', async () => {
  const html = await review(directory, '--from', 'after.yaml', '--output', 'html', '--baseline', 'before.json')
  const changes = await counted()
  expect(changes.new.length).toBeGreaterThan(0)
  expect(changes.gone.length).toBeGreaterThan(0)
  const { since, findings } = dataIn(html)
  expect(since).toMatchObject({ new: changes.new.length, goneCount: changes.gone.length, folded: 0, isPartial: true })
  expect(since?.gone.map(({ sentence }) => sentence).join()).toContain('shop/old')
  expect(findings.filter(({ isNew }) => isNew).length).toBe(changes.new.length)
  expect(html).toContain(`Since the baseline: ${changes.new.length} new, ${changes.gone.length} gone`)
  // Without a script, too.
  expect(html).toMatch(/<noscript>[\s\S]* new<\/td>[\s\S]*<\/noscript>/)
  const without = await review(directory, '--from', 'after.yaml', '--output', 'html')
  expect(dataIn(without).since).toBeNull()
  expect(without).not.toContain('Since the baseline:')
})

describe.skipIf(executablePath === undefined)('in a browser', () => {
  test('only what is new is shown when asked, and what is gone is told', { timeout: 120_000 }, async () => {
    const html = await review(directory, '--from', 'after.yaml', '--output', 'html', '--baseline', 'before.json')
    const { page, misdeeds } = await open(browser, { directory, html })
    const changes = await counted()
    await page.getByLabel('that are new since the baseline').check()
    expect(await page.locator('#table-count').textContent()).toMatch(new RegExp(`^${changes.new.length} finding`))
    expect(await page.locator('#table tr[data-finding]').first().textContent()).toContain(' new')
    await page.locator('#gone summary').click()
    expect(await page.locator('#gone li').count()).toBe(changes.gone.length)
    expect(misdeeds).toEqual([])
  })

  test('with --all what is folded is shown from the beginning, and every way of whoever is chosen', {
    timeout: 120_000,
  }, async () => {
    const paths = (
      JSON.parse(
        await review(
          directory,
          ...['--from', 'after.yaml', '--json', '--to', 'cluster-admin', '--subject', 'shop/web'],
        ),
      ) as { paths: unknown[] }
    ).paths
    expect(paths.length).toBeGreaterThan(1)
    for (const isAll of [false, true]) {
      const html = await review(directory, '--from', 'after.yaml', '--output', 'html', ...(isAll ? ['--all'] : []))
      const { page, misdeeds } = await open(browser, { directory, html })
      expect(await page.locator('#folded').isChecked()).toBe(isAll)
      await page.getByLabel('Identity', { exact: true }).fill('shop/web')
      await page.locator('#table .opener').first().click()
      await page.getByRole('button', { name: 'Show in the graph' }).first().click()
      const every = page.locator('#panel .every-way')
      if (!isAll) {
        expect(await every.locator('details').count()).toBe(0)
        await every.getByRole('button', { name: 'Show every way' }).click()
      }
      expect(await every.getByRole('status').textContent()).toMatch(new RegExp(`^${paths.length} ways: `))
      expect(await every.locator(':scope > details').count()).toBe(paths.length)
      expect(misdeeds).toEqual([])
    }
  })
})
