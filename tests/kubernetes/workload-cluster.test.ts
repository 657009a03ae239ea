/** The whole way of a workload: its platform's token, one of ours for a cluster, kubectl, a real API server and its audit log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { type ExchangeWorld, startExchange } from '../exchange/world.ts'
import { createMachine } from '../kube-cli/machine.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { settingsFor } from './cluster-settings.ts'
import { certificateUser } from './kubectl.ts'
import { requireClusterPrograms } from './programs.ts'
import { writeSallyportCommand } from './sallyport-command.ts'

const programs = requireClusterPrograms()
/** As rows and the cluster have it: the cluster `prod` of the issuers is another one than the cluster `blue` behind the gateway. */
const name = 'service-account:prod/ci/deployer'
const policy = [
  `p, ${name}, tokens, /kube:blue, create, -, allow`,
  'p, client:robots/auditor, tokens, /kube:blue, create, -, allow',
  `p, ${name}, kube:blue, /nonResourceURLs/**, get, -, allow`,
  `p, ${name}, kube:blue, /payments/core/pods, list, -, allow`,
  `p, ${name}, kube:blue, /payments/core/pods/**, *, -, allow`,
  'p, group:ops, kube:blue, /payments/**, *, -, allow',
  '',
].join('\n')

describe.skipIf(programs === undefined)('a workload that calls a cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-workload-'))
  let cluster: RunningCluster
  let world: ExchangeWorld
  let ofGateway: ApiClient
  let certificateAuthority: string

  const write = (file: string, text: string): string => {
    writeFileSync(join(directory, file), text, { mode: 0o600 })
    return join(directory, file)
  }

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    const apiGroup = 'rbac.authorization.k8s.io'
    await cluster.api.call('POST', `/apis/${apiGroup}/v1/namespaces/payments/rolebindings`, {
      metadata: { name: 'workloads' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'admin' },
      subjects: [{ apiGroup, kind: 'User', name }],
    })
    const { kubernetes, gateway, ...settings } = await settingsFor(cluster, { directory, names: ['blue', 'green'] })
    certificateAuthority = settings.certificateAuthority
    ofGateway = createApiClient({ url: cluster.url, authority: cluster.authority, ...gateway })
    world = await startExchange({ policy, hosts: [], settings: { kubernetes } })
  })
  afterAll(async () => {
    ofGateway?.close()
    await world?.close()
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const server = (of = 'blue') => `https://127.0.0.1:${world.service.ports().gateway}/clusters/${of}`
  const kubeconfigOf = (token: string, of?: string) =>
    cluster.kubeconfig({ user: { token }, server: server(of), authority: certificateAuthority, namespace: 'payments' })
  const forCluster = (form: Record<string, string | undefined> = {}, headers: Record<string, string> = {}) =>
    world.exchange({ audience: 'kube:blue', ...form }, headers)
  const made = async (): Promise<string> => {
    const { status, body } = await forCluster()
    expect([status, body.error_description]).toEqual([200, undefined])
    return String(body.access_token)
  }
  const kubectl = (token: string, args: string[], of?: string) =>
    cluster.kubectl({ version: '1.37', args, kubeconfig: kubeconfigOf(token, of) })

  it('J105 may be spoken for by the role that kube render prints, and by name alone', async () => {
    const machine = createMachine()
    try {
      const { stdout, code } = await machine.run([
        ...['render', '--only', 'role', '--cluster', 'blue', '--config', join(world.directory, 'sallyport.yaml')],
        ...['--user', 'sallyport-gateway', '--admin', `http://127.0.0.1:${world.adminPort}`],
      ])
      expect([code, stdout]).toEqual([0, expect.stringContaining(`- ${name}\n`)])
      const applied = await cluster.kubectl({ version: '1.37', args: ['apply', '--filename=-'], stdin: stdout })
      expect(applied).toMatchObject({ code: 0 })
    } finally {
      machine.close()
    }
    const as = async (user: string): Promise<number> => {
      const headers = { 'Impersonate-User': user, 'Impersonate-Extra-sallyport.dev%2fsession': 'id' }
      return (await ofGateway.ask('GET', '/api/v1/namespaces/payments/pods', undefined, headers)).status
    }
    await expect.poll(() => as(name), { timeout: 60_000 }).toBe(200)
    expect(await as('service-account:green/ci/deployer')).toBe(403)
    expect(await as('system:serviceaccount:ci:deployer')).toBe(403)
  })

  it('is called in the cluster as rows name it, with where it is from, in no group of people', async () => {
    const token = await made()
    expect(decodeJwt(token)).toMatchObject({ aud: 'kube:blue' })
    const got = await kubectl(token, ['get', 'pods', '--output=name'])
    expect(got).toMatchObject({ code: 0, stdout: 'pod/core\n' })
    const { jti } = decodeJwt(token)
    const allowed = () =>
      world.auditEvents().find(event => event.event === 'access.allowed' && event.credentialId === jti)
    await expect.poll(allowed, { timeout: 60_000 }).toMatchObject({ machine: name, credential: 'exchanged-token' })
    const finished = () =>
      world
        .auditEvents()
        .find(({ event, requestId }) => event === 'call.finished' && requestId === allowed()?.requestId)
    const who = { machine: name, credential: 'exchanged-token', credentialId: jti }
    await expect.poll(finished, { timeout: 60_000 }).toMatchObject(who)
    const seen = () => cluster.audit.all.find(({ auditID }) => auditID === allowed()?.requestId)
    await expect.poll(seen, { timeout: 60_000 }).toMatchObject({
      user: { username: 'sallyport-gateway' },
      impersonatedUser: {
        username: name,
        groups: ['system:authenticated'],
        extra: { 'sallyport.dev/session': [jti] },
      },
    })
  })

  it('J106 is refused what rows do not give it, at another cluster, and as somebody else', async () => {
    const token = await made()
    const other = await kubectl(token, ['get', 'secrets'])
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('may not list secrets in payments')])
    expect((await kubectl(token, ['get', 'pods'], 'green')).code).toBe(1)
    for (const as of ['alice@example.com', 'system:serviceaccount:ci:deployer', 'service-account:green/ci/deployer']) {
      const { code, stdout } = await kubectl(token, ['get', 'pods', `--as=${as}`])
      expect([code, stdout]).toEqual([1, ''])
    }
    // A token of its platform is none, nor is one for a host.
    expect((await kubectl(world.token(), ['get', 'pods'])).code).toBe(1)
  })

  it('J107 a shell ends with its token, when that is revoked', async () => {
    const token = await made()
    const args = ['exec', 'core', '--', 'sh', '-c', 'echo here; sleep 1000']
    const shell = cluster.startKubectl({ version: '1.37', args, kubeconfig: kubeconfigOf(token) })
    await shell.untilPrinted(/^here$/m)
    await world.post('/token/revoke', { token })
    expect(await shell.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the token was revoked') })
    expect((await kubectl(token, ['get', 'pods'])).code).toBe(1)
  })

  it('J107 a shell ends when the policy says no, and what is judged anew with it', async () => {
    const token = await made()
    const args = ['exec', 'core', '--', 'sh', '-c', 'echo here; sleep 1000']
    const shell = cluster.startKubectl({ version: '1.37', args, kubeconfig: kubeconfigOf(token) })
    await shell.untilPrinted(/^here$/m)
    try {
      writeFileSync(join(world.directory, 'policy.csv'), `${policy}p, ${name}, kube:blue, /**, *, -, deny\n`)
      world.service.reload()
      expect(await shell.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the policy has changed') })
      expect((await kubectl(token, ['get', 'pods'])).stderr).toContain('A deny rule applies')
    } finally {
      writeFileSync(join(world.directory, 'policy.csv'), policy)
      world.service.reload()
    }
    await expect.poll(async () => (await kubectl(token, ['get', 'pods'])).code, { timeout: 60_000 }).toBe(0)
  })

  it.each<[string, () => Promise<Record<string, string>>, string]>([
    ['a scope', async () => ({ scope: 'read' }), 'invalid_scope'],
    ['another cluster', async () => ({ audience: 'kube:red' }), 'invalid_target'],
    ['a cluster without a row', async () => ({ audience: 'kube:green' }), 'invalid_target'],
    ['no cluster', async () => ({ audience: 'kube:' }), 'invalid_target'],
    [
      'an actor',
      async () => ({ actor_token: world.robot('auditor'), actor_token_type: 'urn:ietf:params:oauth:token-type:jwt' }),
      'invalid_target',
    ],
  ])('J106 gets no token with %s', async (_what, form, error) => {
    const { status, body } = await forCluster(await form())
    expect([status, body.error, body.access_token]).toEqual([400, error, undefined])
  })

  it('J107 has what it gets by the plugin of a kubeconfig, and no longer than its token', async () => {
    const machine = createMachine()
    try {
      const tokenFile = write('job-token', world.token())
      const command = writeSallyportCommand(machine.home)
      const exec = {
        apiVersion: 'client.authentication.k8s.io/v1',
        command,
        args: [
          ...['token', '--cluster', 'blue', '--exec-credential'],
          ...['--server', world.publicUrl, '--token-file', tokenFile],
        ],
        interactiveMode: 'Never',
      }
      const path = write(
        'kubeconfig',
        stringify({
          apiVersion: 'v1',
          kind: 'Config',
          clusters: [
            {
              name: 'blue',
              cluster: {
                server: server(),
                'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64'),
              },
            },
          ],
          users: [{ name: 'job', user: { exec } }],
          contexts: [{ name: 'job', context: { cluster: 'blue', user: 'job', namespace: 'payments' } }],
          'current-context': 'job',
        }),
      )
      const got = await cluster.kubectl({
        version: '1.37',
        args: ['get', 'pods', '--output=name'],
        kubeconfig: { path, home: machine.home },
      })
      expect([got.stderr, got.code, got.stdout]).toEqual(['', 0, 'pod/core\n'])
    } finally {
      machine.close()
    }
  })

  it('J105 nobody is called like a workload by a claim of theirs', async () => {
    // The unit of it is in person.test.ts; here: the local account of the same name has nothing of it.
    const local = cluster.kubeconfig({
      user: certificateUser(cluster.issueClient('ci:deployer')),
      namespace: 'payments',
    })
    const got = await cluster.kubectl({ version: '1.37', args: ['get', 'pods'], kubeconfig: local })
    expect(got.code).toBe(1)
  })
})
