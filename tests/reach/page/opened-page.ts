/** A page of a review in a real browser, which tells of whatever the page must not do. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pc from 'picocolors'
import { type Browser, chromium, type Page } from 'playwright-core'
import { runCli } from '../../../cli/program.ts'
import type { PageData } from '../../../rbac/reach/report/page/page-data.ts'
import { chromiumOptions } from '../../chromium.ts'
import { browserPatienceMs } from '../../peers.ts'

/** `sallyport kube review` in a folder. */
export async function review(cwd: string, ...args: readonly string[]): Promise<string> {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: (text: () => string) => void text(),
    colors: pc.createColors(false),
    env: {},
    cwd,
  }
  const code = await runCli(['kube', 'review', ...args], { version: '0', terminal })
  if (code !== 0) throw new Error(errors.join(''))
  return out.join('')
}

export function dataIn(html: string): PageData {
  const [, json = ''] = /<script type="application\/json" id="data">([^<]*)<\/script>/.exec(html) ?? []
  return JSON.parse(json) as PageData
}

export interface OpenedPage {
  readonly page: Page
  /** Violations of its policy, errors of its script, dialogs, requests beyond the file itself. */
  readonly misdeeds: string[]
}

export const launch = (executablePath: string | undefined): Promise<Browser> =>
  chromium.launch(chromiumOptions(executablePath))

interface Opening {
  readonly directory: string
  readonly html: string
  readonly isScripted?: boolean
}

export async function open(browser: Browser, { directory, html, isScripted = true }: Opening): Promise<OpenedPage> {
  const file = join(directory, 'review.html')
  writeFileSync(file, html)
  const address = pathToFileURL(file).href
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    javaScriptEnabled: isScripted,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(browserPatienceMs)
  const misdeeds: string[] = []
  page.on('dialog', dialog => {
    misdeeds.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('pageerror', error => misdeeds.push(`error: ${error.message}`))
  page.on('console', message => misdeeds.push(`console: ${message.text()}`))
  page.on('request', request => {
    if (request.url() !== address) misdeeds.push(`request: ${request.url()}`)
  })
  await page.goto(address)
  if (isScripted)
    await page
      .locator('html.ready')
      .waitFor({ timeout: 60_000 })
      .catch(error => Promise.reject(new Error(misdeeds.join('\n'), { cause: error })))
  return { page, misdeeds }
}
