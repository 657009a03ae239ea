/** The page of each proxy names the files that it is about and the advisories that they answer. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = (proxy: string): string => readFileSync(join(root, 'docs/proxies', `${proxy}.md`), 'utf8')

const advisories = {
  nginx: [],
  traefik: ['CVE-2026-39858', 'CVE-2026-35051', 'CVE-2026-54764', 'CVE-2026-40912', 'GHSA-62c8-mh53-4cqv'],
  caddy: ['CVE-2026-30851', 'CVE-2026-52845'],
  haproxy: [],
}

describe.each(Object.entries(advisories))('docs/proxies/%s.md', (proxy, wanted) => {
  it('names every advisory that its configuration answers', () => {
    for (const advisory of wanted) expect(page(proxy)).toContain(advisory)
  })

  it('shows no setting that its configuration does not have', () => {
    const files = readdirSync(join(root, 'deploy', proxy), { recursive: true, withFileTypes: true })
    const texts = files
      .filter(file => file.isFile())
      .map(file => readFileSync(join(file.parentPath, file.name), 'utf8'))
    const rows =
      page(proxy)
        .split('## What the lines do')[1]
        ?.split('\n\n')[0]
        ?.match(/^\| `([^`]+)`/gm) ?? []
    expect(rows.length).toBeGreaterThan(4)
    for (const row of rows) {
      // The first word of each line that the page explains stands in a file.
      const setting = row.replace(/^\| `/, '').replace(/[`=:(\s].*$/, '')
      const spellings = [setting, setting.toUpperCase()]
      expect([setting, texts.some(text => spellings.some(spelling => text.includes(spelling)))]).toEqual([
        setting,
        true,
      ])
    }
  })
})
