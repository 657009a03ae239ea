/** The probes of the printed deployment ask the admin listener that the configuration has, wherever that is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createAuthority } from '../certificates.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-probes-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })

async function render(admin: string): Promise<string> {
  const authority = createAuthority('an authority of tests')
  authority.close()
  write('ca.pem', authority.certificate)
  write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
  write('client', 'a-client-secret-of-tests-that-is-long\n')
  write('token', 'not yet\n')
  write('kube.csv', 'p, email:alice@example.com, kube:prod, /payments/core/pods, list, -, allow\n')
  write(
    'sallyport.yaml',
    `server: { url: 'http://localhost:9180' }
${admin}
providers: [{ name: corp, issuer: 'https://idp.example', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./ }
kubernetes:
  url: https://k8s.example.com
  listen: 127.0.0.1:9182
  tls: { certificateFile: ./ca.pem, keyFile: ./ca.pem }
  clusters:
    - { name: prod, server: 'https://127.0.0.1:1', caFile: ./ca.pem, credential: { tokenFile: ./token } }
`,
  )
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: () => undefined,
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const code = await runCli(['kube', 'render', '--offline'], { version: '0', terminal })
  expect([code, code === 0 ? '' : errors.join('')]).toEqual([0, ''])
  return out.join('')
}

it.each([
  ['', '127.0.0.1:9181'],
  ['admin: { listen: 127.0.0.1:9191 }', '127.0.0.1:9191'],
  ["admin: { listen: '[::1]:9191' }", '[::1]:9191'],
])('%s: a probe elsewhere would restart the service for ever', async (admin, address) => {
  const probes = (await render(admin)).match(/fetch\('http:.*?(?:healthz|readyz)'\)/g)
  const ask = (path: string) => `fetch('http://' + (process.env.SALLYPORT_ADMIN_LISTEN || '${address}') + '${path}')`
  expect(probes).toEqual([ask('/healthz'), ask('/readyz')])
})
