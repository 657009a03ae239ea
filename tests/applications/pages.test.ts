/** The settings that docs/applications prints are taken as they are. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { goodSecret } from '../config/load-text.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-applications-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const around = `server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: 'https://idp.example.com', clientId: sallyport, clientSecret: ${goodSecret} }]
sessions: { store: lmdb, path: ./data, secret: ${goodSecret} }
policy: { directory: ./ }
machines: { issuers: [{ name: prod, kind: kubernetes, issuer: 'https://kubernetes.example.com', audience: sallyport, jwksUri: 'https://kubernetes.example.com/jwks' }] }
`
const pages = readdirSync(join(import.meta.dirname, '../../docs/applications')).map(file => file.replace(/\.md$/, ''))
const settingsOf = (page: string) =>
  printedBlocks(`applications/${page}`, 'yaml').filter(block => block.startsWith('hosts:'))

async function check(block: string): Promise<readonly [number, string]> {
  writeFileSync(join(directory, 'sallyport.yaml'), around + block, { mode: 0o600 })
  const terminal = createTestTerminal({ cwd: directory })
  const code = await runCli(['config', 'check'], { version: '0', terminal })
  return [code, code === 0 ? '' : terminal.errors() + terminal.output()]
}

describe('docs/applications', () => {
  it('has a page for each of these', () => {
    expect(pages.sort()).toEqual(['README', 'argo-cd', 'gitea', 'grafana', 'home-assistant', 'jenkins'])
  })

  it.each(['argo-cd', 'gitea', 'grafana', 'jenkins'])(
    '%s has settings that the service takes as they are',
    async page => {
      const [block = '', ...others] = settingsOf(page)
      expect(others).toEqual([])
      expect(await check(block)).toEqual([0, ''])
      expect(await check(block.replace('- host:', '- hosts:'))).toEqual([2, expect.stringContaining('hosts')])
    },
  )

  it('docs/host-options.md as well', async () => {
    const blocks = printedBlocks('host-options', 'yaml')
    expect(blocks).toHaveLength(1)
    for (const block of blocks) expect(await check(block)).toEqual([0, ''])
  })
})
