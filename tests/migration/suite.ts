/**
 * What a migration page promises: its commands print what it says, and the policy that comes of the old configuration,
 * behind the text that `proxy-config` prints, passes the table that every proxy passes.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProxyKind } from '../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../peers.ts'
import { describeTable } from '../proxies/suite.ts'
import { pageFile, runPage } from './page.ts'
import { printedProxyFiles } from './proxy-files.ts'

export interface Migration {
  /** The proxy that people of that product run. */
  readonly proxy: Extract<ProxyKind, 'nginx' | 'traefik' | 'caddy'>
  /** What of the page has to be another text where hosts are below localhost. */
  readonly standIns?: readonly (readonly [text: string, standIn: string])[]
}

const hosts = ['wiki', 'payroll'].map(name => [`${name}.example.com`, `${name}.localhost`] as const)

export function describeMigration(product: string, { proxy, standIns = [] }: Migration): void {
  const text = readFileSync(pageFile(product), 'utf8')
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-migration-'))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('has a page whose commands print what it says', async () => {
    for (const step of ['policy import', 'policy check', 'policy test', 'policy lint', 'proxy-config'])
      expect(text).toContain(`\n$ sallyport ${step} `)
    await expect(await runPage(text, join(directory, 'page'))).toMatchFileSnapshot(pageFile(product))
  })

  describe.skipIf(requirePeer(proxy) === undefined)(`the policy of the page, behind ${proxy}`, () => {
    describeTable(async () => {
      const replaced = [...hosts, ...standIns].reduce((page, [from, to]) => page.replaceAll(from, to), text)
      const place = join(directory, 'table')
      await runPage(replaced, place, command => command.includes(' policy import '))
      return {
        proxy,
        policyDirectory: join(place, 'policy'),
        proxyFiles: targets => printedProxyFiles(proxy, targets, join(directory, 'proxy')),
      }
    })
  })
}
