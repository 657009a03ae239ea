/** Where an API server is and how the gateway proves itself to it: kubeconfigs, pods, certificates that are exchanged. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, describe, expect, test } from 'vitest'
import { serverUrl } from '../../app/kubernetes/gateway/upstream/cluster-access.ts'
import { inClusterAccess } from '../../app/kubernetes/gateway/upstream/in-cluster.ts'
import { readKubeconfig } from '../../app/kubernetes/gateway/upstream/kubeconfig.ts'
import { askHttp1, startAuthority, startWorld } from './gateway-world.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-clusters-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const config = (cluster: string, user: string, more = 'current-context: main') => `
apiVersion: v1
kind: Config
${more}
clusters: [{ name: c, cluster: ${cluster} }]
users: [{ name: u, user: ${user} }]
contexts: [{ name: main, context: { cluster: c, user: u } }, { name: other, context: { cluster: gone, user: u } }]
`
const read = (text: string, context?: string) =>
  readKubeconfig(text, { path: '/etc/sallyport/kubeconfig', ...(context !== undefined && { context }) })
const server = '{ server: "https://api:6443" }'

describe('a kubeconfig', () => {
  test('with certificates inline, or as files beside it', () => {
    const data = (text: string) => Buffer.from(text).toString('base64')
    const inline = `{ server: "https://api:6443/k8s", certificate-authority-data: ${data('ca')}, tls-server-name: kube }`
    const user = `{ client-certificate-data: ${data('crt')}, client-key-data: ${data('key')} }`
    expect(read(config(inline, user))).toEqual({
      server: 'https://api:6443/k8s',
      authority: { text: 'ca' },
      serverName: 'kube',
      credential: { kind: 'certificate', certificate: { text: 'crt' }, key: { text: 'key' } },
    })
    const files = '{ client-certificate: a.crt, client-key: /keys/a.key }'
    expect(read(config('{ server: "https://api", certificate-authority: pki/ca.crt }', files), 'main')).toEqual({
      server: 'https://api/',
      authority: { file: '/etc/sallyport/pki/ca.crt' },
      credential: {
        kind: 'certificate',
        certificate: { file: '/etc/sallyport/a.crt' },
        key: { file: '/keys/a.key' },
      },
    })
  })
  test('with a token, or a file of one, which counts where both are there', () => {
    expect(read(config(server, '{ token: abc }')).credential).toEqual({ kind: 'token', token: 'abc' })
    expect(read(config(server, '{ token: abc, tokenFile: t }')).credential).toEqual({
      kind: 'token-file',
      file: '/etc/sallyport/t',
    })
  })
  test.each([
    ['no https', config('{ server: "http://api" }', '{ token: x }'), 'https URL'],
    [
      'no verification',
      config('{ server: "https://api", insecure-skip-tls-verify: true }', '{ token: x }'),
      'always verified',
    ],
    ['a proxy', config('{ server: "https://api", proxy-url: "http://p" }', '{ token: x }'), 'proxy-url'],
    ['a program', config(server, '{ exec: { command: aws } }'), 'runs no program'],
    ['somebody else', config(server, '{ token: x, as: admin }'), 'as cannot be used'],
    ['a password', config(server, '{ username: a, password: hunter2 }'), 'passwords'],
    ['half a certificate', config(server, '{ client-certificate: a }'), 'needed together'],
    ['nothing', config(server, '{}'), 'neither'],
    ['no context', config(server, '{ token: x }', ''), 'current-context'],
    ['no YAML', 'a: [token-of-mine', 'no YAML'],
  ])('that says %s is refused, without its secrets', (_what, text, words) => {
    const message = (() => {
      try {
        return JSON.stringify(read(text))
      } catch (error) {
        return (error as Error).message
      }
    })()
    expect(message).toMatch(new RegExp(`^(/etc/sallyport/kubeconfig: |the server).*${words}`))
    expect(message).not.toMatch(/hunter2|token-of-mine/)
  })
  test('whose context leads nowhere is refused', () => {
    expect(() => read(config(server, '{ token: x }'), 'other')).toThrow('clusters has 0 entries with the name gone')
  })
})

test('a pod finds its own cluster', () => {
  expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, '/sa')).toEqual({
    server: 'https://[fd00::1]:443',
    authority: { file: '/sa/ca.crt' },
    credential: { kind: 'token-file', file: '/sa/token' },
  })
  expect(() => inClusterAccess({})).toThrow('this is no pod')
})

test.each(['http://api', 'https://user@api', 'https://api?x', 'api', 'https://api#x'])('%s is no server', text => {
  expect(() => serverUrl(text)).toThrow('https URL')
})

test('a client certificate that is exchanged: the next connection has the new one', async () => {
  const authority = startAuthority()
  const own = authority.issue('kube-apiserver', ['localhost'])
  const api = createServer({ key: own.key, cert: own.certificate, ca: authority.certificate, requestCert: true })
  api.on('request', (request, response) => {
    response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN)
  })
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  const files = { certificate: join(directory, 'client.pem'), key: join(directory, 'client.key') }
  const write = (name: string) => {
    const one = authority.issue(name)
    writeFileSync(files.key, one.key)
    writeFileSync(files.certificate, one.certificate)
  }
  write('first')
  const world = await startWorld({
    authority,
    access: {
      server: `https://localhost:${(api.address() as AddressInfo).port}/`,
      authority: { text: authority.certificate },
      credential: { kind: 'certificate', certificate: { file: files.certificate }, key: { file: files.key } },
    },
  })
  const ask = async () => (await askHttp1(world.port, authority, { path: '/clusters/prod/api' })).text
  expect(await ask()).toBe('first')
  write('second')
  await expect.poll(ask).toBe('second')
  await world.close()
  api.closeAllConnections()
  api.close()
  authority.close()
})
