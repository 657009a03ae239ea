/** The YAML that docs/kubernetes.md prints is what the service, and kubectl, take it for. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createAuthority } from '../certificates.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-printed-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })

const around = `server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: 'https://idp.example.com', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./ }
`
const blocks = printedBlocks('kubernetes', 'yaml')
const settings = blocks.filter(block => block.startsWith('kubernetes:'))
const hosts = blocks.filter(block => block.startsWith('hosts:'))
const [users = '', ...others] = blocks.filter(block => !/^(kubernetes|hosts):/.test(block))

async function check(block: string) {
  write('sallyport.yaml', around + block)
  const terminal = createTestTerminal({ cwd: directory })
  const code = await runCli(['config', 'check'], { version: '0', terminal })
  return [code, code === 0 ? '' : terminal.errors() + terminal.output()]
}

describe('docs/kubernetes.md', () => {
  it('has settings that the service takes as they are', async () => {
    const authority = createAuthority('an authority of tests')
    const { certificate, key } = authority.issue('k8s.example.com', ['k8s.example.com'])
    authority.close()
    write('client', 'a-client-secret-of-tests-that-is-long\n')
    write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
    write('k8s.pem', certificate)
    write('k8s-key.pem', key)
    for (const name of ['prod-ca.pem', 'lab-ca.pem']) write(name, authority.certificate)
    write('prod-token', 'not yet\n')
    expect([settings.length, hosts.length, others]).toEqual([2, 1, []])
    for (const block of settings) expect(await check(block)).toEqual([0, ''])
    // They are about the first of these clusters.
    for (const block of hosts) expect(await check(`${settings[0]}${block}`)).toEqual([0, ''])
    for (const block of hosts) expect(await check(block)).toEqual([2, expect.stringContaining('no such cluster')])
    expect(await check(settings[0]?.replace('caFile', 'ca-file') ?? '')).toEqual([
      2,
      expect.stringContaining('ca-file'),
    ])
  })

  const programs = requireClusterPrograms()
  it.skipIf(programs === undefined)('has a kubeconfig that kubectl reads, with options that there are', async () => {
    write('kubeconfig', `apiVersion: v1\nkind: Config\n${users}`)
    const args = ['config', 'view', '--output=json', `--kubeconfig=${join(directory, 'kubeconfig')}`]
    const { stdout } = await promisify(execFile)(programs?.kubectl['1.37'] ?? '', args)
    const [{ user }] = JSON.parse(stdout).users
    expect(user.exec).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sallyport',
      interactiveMode: 'Never',
    })
    const terminal = createTestTerminal({ cwd: directory })
    // The token is read before anybody is asked.
    expect(await runCli(user.exec.args, { version: '0', terminal })).toBe(2)
    expect(terminal.errors()).toContain('/var/run/sallyport/token')
  })
})
