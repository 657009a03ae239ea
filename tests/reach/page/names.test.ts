/** The page of a review of objects whose names somebody else chose. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
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

const hostile = [
  '</script><img src=x onerror=alert(1)>',
  '<!--<script>alert(1)//',
  '"><svg onload=alert(1)>',
  ']]><iframe src=javascript:alert(1)>',
  'ali\u202Ece',
  'a\u2028b\u0000\u001B[31m',
  '__proto__',
  '{{constructor.constructor("alert(1)")()}}',
  `long-${'x'.repeat(5_000)}`,
]

const subject = (name: string) => `{ kind: User, apiGroup: rbac.authorization.k8s.io, name: ${JSON.stringify(name)} }`
const manifest = (role: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${JSON.stringify(role)} }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }
- { apiGroups: [""], resources: [configmaps], verbs: [get], resourceNames: [${hostile.map(name => JSON.stringify(name)).join(', ')}] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ${JSON.stringify(`${role}-binding`)} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${JSON.stringify(role)} }
subjects: [${hostile.map(subject).join(', ')}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "</script><script>alert(2)</script>" }
rules: nothing
`

describe.skipIf(executablePath === undefined)('names that somebody else chose', () => {
  let html: string
  beforeAll(async () => {
    const files = ['<img src=x onerror=alert(3)>.yaml', 'role.yaml']
    writeFileSync(join(directory, files[0] ?? ''), manifest('<b onclick=alert(4)>'))
    html = await review(directory, '--from', files[0] ?? '', '--output', 'html')
  })

  test('M01 are text in the page: nothing of them runs, and none reads as another one', async () => {
    const { page, misdeeds } = await open(browser, { directory, html })
    expect(await page.locator('script').count()).toBe(2)
    expect(await page.locator('img, iframe, b, object, embed, link, base, form').count()).toBe(0)
    expect(await page.locator('svg').count()).toBe(1)
    for (const opener of await page.locator('#table .opener').all()) await opener.click()
    for (const node of await page.locator('.node').all()) await node.dispatchEvent('click')
    const text = (await page.locator('body').textContent()) ?? ''
    for (const name of hostile.slice(0, 4)) expect(text).toContain(name)
    expect(text).toContain('ali\\u202ece')
    // What is printed, and what is copied.
    expect(html.match(/[\p{Bidi_Control}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/gu)).toBe(null)
    expect(misdeeds).toEqual([])
    // Without a script it is HTML that has to hold.
    const plain = await open(browser, { directory, html, isScripted: false })
    expect(await plain.page.locator('img, iframe, svg, b, a').count()).toBe(0)
    expect(await plain.page.locator('noscript').textContent()).toContain(hostile[0])
    expect(plain.misdeeds).toEqual([])
  })

  test('M01 what got into the page as markup would run nothing', async () => {
    const [before = '', after = ''] = html.split('<main>')
    const bad = '<img src=x onerror=alert(1)><script>alert(2)</script><style>body{display:none}</style>'
    const { page, misdeeds } = await open(browser, { directory, html: `${before}<main>${bad}${after}` })
    expect(misdeeds.filter(one => one.startsWith('dialog'))).toEqual([])
    expect(misdeeds.some(one => one.includes('Content Security Policy'))).toBe(true)
    expect(await page.locator('main').isVisible()).toBe(true)
    const made = page.evaluate(`document.body.innerHTML = '<p>made</p>'`)
    await expect(made).rejects.toThrow(/TrustedHTML/)
  })

  test('M02 the page asks the network for nothing, and could not', async () => {
    const { page, misdeeds } = await open(browser, { directory, html })
    expect(await page.locator('[src], [href], [action], [poster], [srcset], [background], [style]').count()).toBe(0)
    expect((await page.locator('style').textContent())?.match(/@import|url\(/g)).toBe(null)
    expect(misdeeds).toEqual([])
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const outcomes = await page.evaluate(`Promise.all([
      fetch('${address}', { mode: 'no-cors' }).then(() => 'sent', () => 'refused'),
      new Promise(resolve => {
        const image = new Image()
        image.onload = () => resolve('loaded')
        image.onerror = () => resolve('refused')
        image.src = '${address}'
      }),
    ])`)
    expect([outcomes, asked]).toEqual([['refused', 'refused'], []])
    server.close()
    expect(misdeeds.filter(one => one.includes('Content Security Policy')).length).toBeGreaterThanOrEqual(2)
  })

  test('an edit is YAML of the very names, whatever they are', () => {
    const patches = dataIn(html).edits.flatMap(({ patch }) => (patch === null ? [] : [patch]))
    const names = patches.flatMap(patch => {
      const { rules = [] } = parse(patch) as { rules?: { resourceNames?: string[] }[] }
      return rules.flatMap(({ resourceNames = [] }) => resourceNames)
    })
    expect([...new Set(names)].sort()).toEqual([...hostile].sort())
  })
})
