/** A real API server posts its audit events: what kubectl did is in the answer. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../../cli/demo/ports.ts'
import { createAuthority } from '../../certificates.ts'
import { type RunningCluster, startCluster } from '../../kubernetes/cluster.ts'
import { certificateUser } from '../../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../../kubernetes/programs.ts'
import { listen } from './listening-command.ts'

const programs = requireClusterPrograms()

describe.skipIf(programs === undefined)('the audit webhook of a real API server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-webhook-'))
  const authority = createAuthority('authority of the log')
  const server = authority.issue('receiver', ['IP:127.0.0.1'])
  const client = authority.issue('kube-apiserver')
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  let cluster: RunningCluster
  let port: number

  beforeAll(async () => {
    if (programs === undefined) return
    port = await freePort()
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const config = write(
      'webhook.json',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [
          {
            name: 'log',
            cluster: {
              server: `https://127.0.0.1:${port}/audit`,
              'certificate-authority-data': base64(authority.certificate),
            },
          },
        ],
        users: [
          {
            name: 'api-server',
            user: { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) },
          },
        ],
        contexts: [{ name: 'log', context: { cluster: 'log', user: 'api-server' } }],
        'current-context': 'log',
      }),
    )
    cluster = await startCluster(programs, {
      apiServerFlags: [
        `--audit-webhook-config-file=${config}`,
        '--audit-webhook-batch-max-wait=1s',
        '--audit-webhook-initial-backoff=1s',
      ],
    })
    await cluster.createNamespace('payments')
    const group = '/apis/rbac.authorization.k8s.io/v1/namespaces/payments'
    await cluster.api.call('POST', `${group}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list'] }],
    })
    await cluster.api.call('POST', `${group}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'readers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'carol' }],
    })
  }, 240_000)
  afterAll(async () => {
    await cluster?.stop()
    authority.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Resolves when a line in a file of the folder has all of these: kubectl asks for several things, and they come in batches. */
  async function isKept(folder: string, ...texts: readonly string[]): Promise<void> {
    const has = () =>
      readdirSync(folder)
        .flatMap(name => readFileSync(join(folder, name), 'utf8').split('\n'))
        .some(line => texts.every(text => line.includes(text)))
    await new Promise<void>(resolve => {
      const watcher = watch(folder, look)
      const timer = setInterval(look, 200)
      function look(): void {
        if (!has()) return
        watcher.close()
        clearInterval(timer)
        resolve()
      }
    })
  }

  test('tells what kubectl did, by which binding', async () => {
    const admin = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('admin', ['system:masters'])) })
    const carol = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('carol')) })
    const files = [
      ['--tls-cert', write('cert.pem', server.certificate)],
      ['--tls-key', write('key.pem', server.key)],
      ['--client-ca', write('ca.pem', authority.certificate)],
      ['--client-name', 'kube-apiserver'],
    ].flat()
    const bin = join(directory, 'bin')
    mkdirSync(bin)
    symlinkSync(programs?.kubectl['1.37'] ?? '', join(bin, 'kubectl'))
    const from = ['--kubeconfig', admin.path]
    const running = await listen(
      ['excess', ...from, '--listen', `127.0.0.1:${port}`, ...files, '--keep', 'kept', '--json'],
      directory,
      { PATH: `${bin}:${process.env.PATH}` },
    )
    const { code } = await cluster.kubectl({
      version: '1.37',
      kubeconfig: carol,
      args: ['get', 'configmaps', '-n', 'payments'],
    })
    expect(code).toBe(0)
    await isKept(join(directory, 'kept'), '"username":"carol"', '"resource":"configmaps"', '"verb":"list"')
    const { code: ended, out, errors } = await running.end()
    expect([ended, errors.includes('not kept')]).toEqual([0, false])
    const { log, identities } = JSON.parse(out)
    expect(log.received).toMatchObject({ refused: {}, putOff: {}, folder: join(directory, 'kept') })
    expect(log.received.events).toBeGreaterThan(0)
    const found = identities.find(({ subject }: { subject: string }) => subject === 'user:carol')
    expect(found).toMatchObject({ granted: 4, used: 1, denied: 0 })
    expect(found.bindings).toMatchObject([{ binding: 'RoleBinding/payments/readers', used: 1 }])
  })
})
