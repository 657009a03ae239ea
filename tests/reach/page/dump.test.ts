import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Report } from '../../../rbac/reach/report/report.ts'
import { requirePeer } from '../../peers.ts'
import { sharedData } from '../shared-data.ts'
import { dataIn, launch, type OpenedPage, open, review } from './opened-page.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-page-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const executablePath = requirePeer('chromium')
const dump = sharedData('k8s/cluster-dump')
const folder = join(dump ?? '', '..')

let browser: Browser
beforeAll(async () => {
  if (executablePath !== undefined) browser = await launch(executablePath)
}, 120_000)
afterAll(() => browser?.close())

describe.skipIf(executablePath === undefined || dump === undefined)('the page of the shared dump', () => {
  let html: string
  let report: Report
  let opened: OpenedPage
  beforeAll(async () => {
    html = await review(folder, '--from', 'cluster-dump', '--output', 'html')
    report = JSON.parse(await review(folder, '--from', 'cluster-dump', '--json')) as Report
    opened = await open(browser, { directory, html })
  }, 120_000)

  const to = async (target: string) => {
    const text = await review(folder, '--from', 'cluster-dump', '--json', '--to', target)
    const { reachers } = JSON.parse(text) as { reachers: { isExpected: boolean }[] }
    const open = reachers.filter(({ isExpected }) => !isExpected).length
    return { open, expected: reachers.length - open }
  }

  test('has the counts, the findings and the remarks of --json', async () => {
    const data = dataIn(html)
    expect(data.summary).toEqual(report.summary)
    expect(data.problems.length).toBe(report.problems.length)
    const ofReport = report.findings.map(({ sentence, severity, isExpected, within, path }) => ({
      sentence,
      severity,
      folded: isExpected ? 'expected' : within === null ? null : 'within',
      path: path.filter(({ from, to }) => from !== to).map(({ move }) => move),
    }))
    const told = new Set(report.findings.map(({ move }) => move))
    const ofPage = data.findings.slice(0, data.asked).map(({ sentence, severity, folded, path }) => ({
      sentence,
      severity,
      folded,
      path: path.map(place => data.edges[place]?.[2]),
    }))
    expect(ofPage.map(({ path, ...rest }) => ({ ...rest, steps: path.length }))).toEqual(
      ofReport.map(({ path, ...rest }) => ({ ...rest, steps: path.length })),
    )
    expect(ofPage.map(({ path }) => path.filter(move => told.has(move ?? '')))).toEqual(
      ofReport.map(({ path }) => path.filter(move => told.has(move))),
    )
    const head = (await opened.page.locator('.counts').textContent()) ?? ''
    for (const severity of ['critical', 'high', 'medium', 'low'] as const)
      expect(head).toContain(`${report.summary.findings[severity]} ${severity}`)
    expect(await opened.page.locator('.problems li').count()).toBe(report.problems.length)
  })

  test.each([
    ['cluster-admin', 'cluster-admin'],
    ['system:masters', 'system:masters'],
    ['every Secret', 'all-secrets'],
    ['a node', 'node'],
  ])('finds by itself whoever reaches %s, as --to does', async (label, target) => {
    const { open: count, expected } = await to(target)
    await opened.page.locator('#targets').getByRole('button', { name: label, exact: true }).click()
    expect(await opened.page.locator('#panel').textContent()).toContain(
      `${count} can eventually become or reach it, and ${expected} more`,
    )
    expect(await opened.page.locator('#drawn').textContent()).toContain(`${count} identities can reach ${label}; all`)
    await opened.page.locator('#targets').getByRole('button', { name: 'cluster-admin', exact: true }).click()
  })

  test('six storage drivers mint a token for any service account: the way of one, and the edit to copy', async () => {
    const { page } = opened
    await page.getByLabel('Move', { exact: true }).selectOption('ID09')
    await page.getByLabel('Severity', { exact: true }).selectOption('critical')
    expect(await page.locator('#drawn').textContent()).toContain('6 identities can reach cluster-admin by the findings')
    const subjects = await page.locator('#table tbody tr[data-finding] td:nth-child(3)').allTextContents()
    expect(subjects.length).toBe(6)
    expect(subjects.every(text => text.startsWith('service account rook-ceph/ceph-csi-'))).toBe(true)
    await page.locator('.node', { hasText: 'rook-ceph/ceph-csi-rbd-nodeplugin-sa' }).click()
    expect(await page.locator('.line.on').count()).toBe(3)
    await keepPicture(page)
    const steps = page.locator('#panel .steps > li')
    expect(await steps.count()).toBe(3)
    expect(await steps.first().textContent()).toContain(
      'can mint tokens for service accounts in the whole cluster, by ClusterRoleBinding ceph-csi-rbd-nodeplugin-crb',
    )
    await steps.first().getByRole('button', { name: 'Copy YAML' }).click()
    await steps.first().getByRole('button', { name: 'Copied' }).waitFor()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    const group = report.groups.find(({ findings }) =>
      findings.some(id => id.startsWith('ID09~service-account:rook-ceph/ceph-csi-rbd-nodeplugin-sa~')),
    )
    expect(copied).toBe(group?.edits[0]?.patch)
    expect(parse(copied)).toMatchObject({ kind: 'ClusterRole', metadata: { name: 'ceph-csi-rbd-nodeplugin-cr' } })
  })

  test('rows are sorted, filtered, and open into sentence, way and edit', async () => {
    const { page } = opened
    await page.getByLabel('Move', { exact: true }).selectOption('')
    await page.getByLabel('Severity', { exact: true }).selectOption('')
    const open = report.findings.filter(({ isExpected, within }) => !isExpected && within === null)
    const count = page.locator('#table-count')
    expect(await count.textContent()).toContain(`${open.length} findings of ${report.findings.length}`)
    await page.getByLabel('Show what is folded').check()
    expect(await count.textContent()).toContain(`${report.findings.length} findings of`)
    await page.getByLabel('Show what is folded').uncheck()
    await page.getByLabel('Namespace', { exact: true }).selectOption('argocd')
    await page.getByLabel('Identity', { exact: true }).fill('argocd-server')
    await page.getByLabel('Text', { exact: true }).fill('every object that is written')
    expect(await page.locator('#table tbody tr[data-finding]').count()).toBe(1)
    await page.getByLabel('Text', { exact: true }).fill('')
    await page.getByRole('button', { name: 'Severity', exact: true }).click()
    await page.getByRole('button', { name: 'Severity', exact: true }).click()
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending')
    const worst = await page.locator('#table tbody tr[data-finding] .severity').allTextContents()
    const rank = ['low', 'medium', 'high', 'critical']
    expect(worst).toEqual([...worst].sort((one, other) => rank.indexOf(one) - rank.indexOf(other)))
    const last = page.locator('#table .opener').last()
    await last.click()
    const parts = page.locator('#table tr.opened:not([hidden])')
    expect(await parts.textContent()).toContain(await last.textContent())
    expect(await parts.textContent()).toContain('Edit')
    await parts.getByRole('button', { name: 'Show in the graph' }).click()
    expect(await page.locator('#panel h3').textContent()).toBe('service account argocd/argocd-server')
  })

  test('the graph is walked with the keys alone', async () => {
    const { page } = opened
    await page.getByLabel('Identity', { exact: true }).fill('')
    await page.getByLabel('Namespace', { exact: true }).selectOption('')
    await page.locator('#graph .node[tabindex="0"]').focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowDown')
    const label = await page.evaluate<string>(`document.activeElement.getAttribute('aria-label')`)
    expect(label).not.toBe('cluster-admin')
    await page.keyboard.press('Enter')
    expect(await page.locator('#panel h3').textContent()).toBe(label)
    expect(await page.locator('.node[aria-pressed="true"]').getAttribute('aria-label')).toBe(label)
  })

  test('whoever else can be aimed at: who can become payments’ own', async () => {
    const { page } = opened
    await page.locator('.node', { hasText: 'argocd/argocd-application-controller' }).click()
    await page.getByRole('button', { name: 'Who can become or reach this?' }).click()
    const { open: count, expected } = await to('argocd/argocd-application-controller')
    expect(await page.locator('#panel').textContent()).toContain(
      `${count} can eventually become or reach it, and ${expected} more`,
    )
  })

  test('did nothing but show itself', () => expect(opened.misdeeds).toEqual([]))

  test('has its findings without a script, too', async () => {
    const { page, misdeeds } = await open(browser, { directory, html, isScripted: false })
    const open_ = Object.values(report.summary.findings).reduce((sum, one) => sum + one, 0)
    expect(await page.locator('noscript tbody tr').count()).toBe(open_)
    expect(await page.locator('noscript').textContent()).toContain('ceph-csi-rbd-nodeplugin-sa can mint tokens')
    expect(await page.locator('#graph').isVisible()).toBe(false)
    expect(misdeeds).toEqual([])
  })
})

/** `docs/images/reach.png`, where the environment asks for it. */
async function keepPicture(page: Page): Promise<void> {
  const path = process.env.SALLYPORT_TEST_SCREENSHOT
  if (path !== undefined) await page.locator('#graph-part').screenshot({ path })
}
