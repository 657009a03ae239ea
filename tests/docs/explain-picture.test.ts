/**
 * The README's picture of `policy explain`: what the command prints, in its colours, about the policy that the README prints,
 * drawn by Chromium. SALLYPORT_TEST_SCREENSHOT=docs/images/explain.png draws it again, which is due when explain-picture.txt changes.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { chromiumOptions } from '../chromium.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { requirePeer } from '../peers.ts'
import { root } from './documented-commands.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const command = /^sallyport (policy explain .*)$/m.exec(readme)?.[1] ?? ''
/** The first line of each names its file. */
const fileOf = (name: string): string =>
  new RegExp(`^# policy/${name.replace('.', '\\.')}\\b.*\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readme)?.[1] ?? ''

const directory = mkdtempSync(join(tmpdir(), 'sallyport-picture-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function printed(isColored: boolean): Promise<string> {
  const terminal = { ...createTestTerminal({ cwd: directory }), colors: pc.createColors(isColored) }
  const code = await runCli(command.split(' '), { version: '0', terminal })
  expect([code, terminal.errors()]).toEqual([0, ''])
  return terminal.output()
}

describe('the picture of policy explain', () => {
  beforeAll(() => {
    mkdirSync(join(directory, 'policy'))
    for (const name of ['policy.csv', 'conditions.yaml']) {
      expect(fileOf(name)).not.toBe('')
      writeFileSync(join(directory, 'policy', name), fileOf(name))
    }
  })

  it('shows what is printed', async () => {
    await expect(await printed(false)).toMatchFileSnapshot('explain-picture.txt')
    expect(readme).toContain('](docs/images/explain.png)')
    expect(readFileSync(join(root, 'docs/images/explain.png')).length).toBeLessThan(250_000)
  })

  const executablePath = requirePeer('chromium')
  it.skipIf(executablePath === undefined)('has its colours', async () => {
    const browser = await chromium.launch(chromiumOptions(executablePath))
    try {
      const page = await browser.newPage({ deviceScaleFactor: 2, viewport: { width: 1200, height: 600 } })
      await page.setContent(htmlOf(`$ sallyport ${command}\n${await printed(true)}`))
      expect(await page.locator('pre').textContent()).toBe(`$ sallyport ${command}\n${await printed(false)}`)
      const colorOf = (text: string) => page.getByText(text, { exact: true }).first().getAttribute('style')
      expect(await colorOf('challenge')).toBe(styles['33'])
      expect(await colorOf('miss')).toBe(styles['31'])
      const path = process.env.SALLYPORT_TEST_SCREENSHOT
      if (path !== undefined) await page.locator('pre').screenshot({ path })
    } finally {
      await browser.close()
    }
  })
})

const styles: Readonly<Record<string, string>> = {
  '1': 'font-weight: bold',
  '2': 'color: #8b949e',
  '31': 'color: #f85149',
  '32': 'color: #3fb950',
  '33': 'color: #d29922',
}

/** Each colour begins and ends by itself. */
function htmlOf(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with ESC
  const painted = escaped.replaceAll(/\u001b\[(\d+)m/g, (_code, code: string) => {
    const style = styles[code]
    return style === undefined ? '</span>' : `<span style="${style}">`
  })
  const look =
    'display: inline-block; margin: 0; padding: 18px 22px; background: #0d1117; color: #e6edf3; border-radius: 8px; font: 14px/1.45 monospace'
  return `<!doctype html><body style="margin: 0"><pre style="${look}">${painted}</pre></body>`
}
