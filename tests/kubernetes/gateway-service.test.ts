/** The whole way: a browser login, a token of kubectl, the gateway of the service, a real API server, and its audit log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { logInBrowser, newGrant, press, untilEvent, visit } from '../grants/world.ts'
import { createMachine, logIn as logInMachine } from '../kube-cli/machine.ts'
import { freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import { startService, type TestBrowser, type TestService } from '../service.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import type { Kubeconfig } from './kubectl.ts'
import { requireClusterPrograms } from './programs.ts'
import { writeSallyportCommand } from './sallyport-command.ts'
import { type KubectlVersion, kubectlVersions } from './versions.ts'

const programs = requireClusterPrograms()
const kubectlVersionNames = Object.keys(kubectlVersions) as KubectlVersion[]
const lendsBob = 'p, group:ops, kube:prod, /-/core/users/bob@example.com, impersonate, -, allow'
const policy = (more = lendsBob): string =>
  [
    'p, group:ops, kube:prod, /nonResourceURLs/**, get, -, allow',
    'p, group:ops, kube:prod, /payments/**, get|list|watch|create, -, allow',
    'p, group:contractors, kube:prod, /payments/**, *, -, deny',
    'p, group:ops, kube:prod, /-/authentication.k8s.io/selfsubjectreviews, create, -, allow',
    'p, group:ops, kube:prod, /-/authorization.k8s.io/selfsubjectaccessreviews, create, -, allow',
    'p, group:ops, kube:prod, /-/core/groups/sallyport:*, impersonate, -, allow',
    'p, group:ops, kube:prod, /-/authentication.k8s.io/uids/7, impersonate, -, allow',
    'p, group:ops, kube:prod, /-/authentication.k8s.io/userextras/*/example.com%252Fwhy, impersonate, -, allow',
    more,
    '',
  ].join('\n')

describe.skipIf(programs === undefined)('kubectl through the service', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kubernetes-'))
  let cluster: RunningCluster
  let service: TestService
  let certificateAuthority: string

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    await letGatewayImpersonate(cluster)
    const authority = createAuthority('an authority of tests')
    certificateAuthority = authority.certificate
    const listener = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
    authority.close()
    const gateway = cluster.issueClient('sallyport-gateway')
    const port = await freePort()
    const kubernetes = {
      url: `https://127.0.0.1:${port}`,
      listen: `127.0.0.1:${port}`,
      tls: {
        certificateFile: write('tls.pem', listener.certificate),
        keyFile: write('tls.key', listener.key),
        caFile: write('tls-ca.pem', authority.certificate),
      },
      clusters: [
        {
          name: 'prod',
          server: cluster.url,
          caFile: write('cluster-ca.pem', cluster.authority),
          credential: {
            certificateFile: write('gateway.pem', gateway.certificate),
            keyFile: write('gateway.key', gateway.key),
          },
        },
      ],
    }
    service = await startService({
      policy: policy(),
      settings: { kubernetes, sessions: { verifyEvery: '5m' } },
      provider: { refreshTokens: 'rotated' },
    })
  })
  afterAll(async () => {
    await service?.close()
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const server = (): string => `https://127.0.0.1:${service.service.ports().gateway}/clusters/prod`
  const kubeconfigOf = (token: string) =>
    cluster.kubeconfig({ user: { token }, server: server(), authority: certificateAuthority, namespace: 'payments' })

  async function logIn(person: Person) {
    const browser = await logInBrowser(service, person)
    const { body } = await newGrant(service, browser, 'prod')
    return { browser, kubeconfig: kubeconfigOf(String(body.access_token)) }
  }
  const logOut = async (browser: TestBrowser): Promise<void> => {
    const page = await visit(browser, `${service.publicUrl}/logout`)
    await press(browser, service, page.text, { decision: '' })
  }

  it('asks as the person, whom the cluster names in its own log beside our request id', async () => {
    const { kubeconfig } = await logIn('alice')
    const got = await cluster.kubectl({ version: '1.37', args: ['get', 'pods', '--output=name'], kubeconfig })
    expect(got).toMatchObject({ code: 0, stdout: 'pod/core\n' })
    const allowed = await untilEvent(service, 'access.allowed', { resource: '/payments/core/pods', action: 'list' })
    expect(allowed).toMatchObject({ front: 'kubernetes', domain: 'kube:prod', email: 'alice@example.com' })
    const event = await cluster.audit.until(({ auditID }) => auditID === allowed.requestId, 'the call of Alice')
    expect(event).toMatchObject({
      verb: 'list',
      user: { username: 'sallyport-gateway' },
      impersonatedUser: {
        username: 'alice@example.com',
        uid: allowed.subject,
        groups: expect.arrayContaining(['sallyport:ops']),
        extra: { 'sallyport.dev/session': [allowed.session] },
      },
    })
    const finished = await untilEvent(service, 'call.finished', { requestId: allowed.requestId })
    expect(finished).toMatchObject({ status: 200, ending: 'complete' })
  })

  it('is what a person has after three commands, and loses with the session', async () => {
    const machine = createMachine()
    try {
      const browser = await logInBrowser(service, 'alice')
      expect(await logInMachine(machine, service, browser)).toMatchObject({ code: 0 })
      const merged = await machine.run(['kubeconfig', '--merge', '--command', writeSallyportCommand(machine.home)])
      expect(merged).toMatchObject({ code: 0 })
      const kubeconfig = { path: join(machine.home, '.kube', 'config'), home: machine.home }
      const context = ['--context=sallyport-prod', '--namespace=payments']
      for (const version of ['1.37', '1.36'] as const) {
        const got = await cluster.kubectl({ version, args: [...context, 'get', 'pods', '--output=name'], kubeconfig })
        expect(got).toMatchObject({ code: 0, stdout: 'pod/core\n' })
      }
      const shell = [...context, 'exec', 'core', '--', 'sh', '-c', 'echo out; exit 5']
      expect(await cluster.kubectl({ version: '1.37', args: shell, kubeconfig })).toMatchObject({
        code: 5,
        stdout: 'out\n',
      })
      await logOut(browser)
      // The plugin believes for two seconds what it has just been told.
      const ended = async () => cluster.kubectl({ version: '1.37', args: [...context, 'get', 'pods'], kubeconfig })
      await expect.poll(async () => (await ended()).stderr).toContain('run sallyport kube login')
    } finally {
      machine.close()
    }
  })

  it('refuses what the policy does, with the row that kubectl prints', async () => {
    const { kubeconfig } = await logIn('alice')
    const refused = await cluster.kubectl({ version: '1.37', args: ['delete', 'pod', 'core'], kubeconfig })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('alice@example.com may not delete pods core in payments: No rule admits')
    const { kubeconfig: ofBob } = await logIn('bob')
    const denied = await cluster.kubectl({ version: '1.37', args: ['get', 'pods'], kubeconfig: ofBob })
    expect(denied.code).toBe(1)
    expect(denied.stderr).toContain('bob@example.com may not get /')
    const event = await untilEvent(service, 'access.denied', { email: 'bob@example.com' })
    expect(cluster.audit.all.some(({ auditID }) => auditID === event.requestId)).toBe(false)
  })

  it('L01 lets nobody in without a token, with one of nobody, or as somebody else', async () => {
    for (const token of ['nonsense', 'eyJhbGciOiJub25lIn0.e30.']) {
      const refused = await cluster.kubectl({ version: '1.37', args: ['get', 'pods'], kubeconfig: kubeconfigOf(token) })
      expect(refused.code).toBe(1)
      expect(refused.stdout).toBe('')
    }
    const { kubeconfig } = await logIn('alice')
    const args = ['get', 'pods', '--as=bob@example.com', '--as-group=system:masters']
    const asOther = await cluster.kubectl({ version: '1.37', args, kubeconfig })
    expect(asOther.code).toBe(1)
    expect(asOther.stderr).toContain("names that begin with system: are the cluster's own: system:masters")
    await untilEvent(service, 'access.refused', { front: 'kubernetes', code: 'ERR_KUBE_CALL_FORBIDDEN' })
    await untilEvent(service, 'access.refused', { front: 'kubernetes', code: 'ERR_KUBE_TOKEN_INVALID' })
  })

  const script = ['exec', 'core', '--', 'sh', '-c']
  /** A shell and a log of each kubectl, all of them open. */
  async function openByAll(kubeconfig: Kubeconfig) {
    const each = (args: string[]) =>
      kubectlVersionNames.map(version => cluster.startKubectl({ version, args, kubeconfig }))
    const [shells, logs] = [each([...script, 'echo here; sleep 1000']), each(['logs', '--follow', 'core'])]
    for (const shell of shells) await shell.untilPrinted(/^here$/m)
    await cluster.streams.until(
      open => open.filter(({ kind }) => kind === 'logs').length === logs.length,
      'a log for each kubectl',
    )
    return { shells, logs }
  }
  async function expectCut({ shells, logs }: Awaited<ReturnType<typeof openByAll>>, words: string): Promise<void> {
    for (const shell of shells) {
      expect(await shell.ended).toMatchObject({ code: 1, stderr: expect.stringContaining(words) })
    }
    // A log is broken off: a line of ours would be one of the container's.
    for (const log of logs)
      expect(await log.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('error: ') })
  }

  it('L06 carries a shell with its exit code, and cuts it when the person logs out', async () => {
    const { browser, kubeconfig } = await logIn('alice')
    const ended = await cluster.kubectl({ version: '1.37', args: [...script, 'echo out; exit 7'], kubeconfig })
    expect(ended).toMatchObject({ code: 7, stdout: 'out\n' })
    const open = await openByAll(kubeconfig)
    await logOut(browser)
    await expectCut(open, 'your session has ended; run: sallyport kube login')
    const event = await untilEvent(service, 'call.finished', {
      ending: 'cut',
      resource: '/payments/core/pods/core/exec',
    })
    expect(event).toMatchObject({ action: 'create', status: 101 })
    const after = await cluster.kubectl({ version: '1.37', args: ['get', 'pods'], kubeconfig })
    expect(after.code).toBe(1)
  })

  it('L06 cuts a shell when the provider has taken the group away', async () => {
    const { kubeconfig } = await logIn('alice')
    const open = await openByAll(kubeconfig)
    service.provider.people.setGroups('alice', ['staff'])
    try {
      // The provider is asked again.
      service.moveClock(301)
      await expectCut(open, 'you may not do this any more')
    } finally {
      service.provider.people.setGroups('alice', ['ops'])
    }
  })

  const asBob = ['--as=bob@example.com', '--as-group=sallyport:ops']

  it('L18 asks as somebody else whom the policy lends, and both logs name the two', async () => {
    const { kubeconfig } = await logIn('alice')
    const kubectl = (...args: string[]) => cluster.kubectl({ version: '1.37', args, kubeconfig })
    const more = ['--as-uid=7', '--as-user-extra=example.com/why=a ticket']
    expect(await kubectl('get', 'pods', '--output=name', ...asBob, ...more)).toMatchObject({
      code: 0,
      stdout: 'pod/core\n',
    })
    const allowed = await untilEvent(service, 'access.allowed', { action: 'list', impersonatedUser: 'bob@example.com' })
    expect(allowed).toMatchObject({ email: 'alice@example.com', impersonatedGroups: ['sallyport:ops'] })
    const event = await cluster.audit.until(({ auditID }) => auditID === allowed.requestId, 'the call as Bob')
    expect(event).toMatchObject({
      user: { username: 'sallyport-gateway' },
      impersonatedUser: {
        username: 'bob@example.com',
        uid: '7',
        groups: expect.arrayContaining(['sallyport:ops']),
        extra: {
          'example.com/why': ['a ticket'],
          'sallyport.dev/session': [allowed.session],
          'sallyport.dev/impersonated-by': ['alice@example.com'],
        },
      },
    })
    const { requestId } = allowed
    await untilEvent(service, 'access.allowed', {
      requestId,
      action: 'impersonate',
      resource: '/-/core/users/bob@example.com',
    })
    await untilEvent(service, 'call.finished', { requestId, impersonatedUser: 'bob@example.com' })

    expect((await kubectl('auth', 'whoami', ...asBob)).stdout).toMatch(/impersonated-by\s+\[alice@example\.com\]/)
    expect(await kubectl('auth', 'can-i', 'list', 'pods', ...asBob)).toMatchObject({ code: 0, stdout: 'yes\n' })
  })

  it.each([
    [
      'a name that is not lent',
      ['--as=carol@example.com'],
      'may not impersonate users carol@example.com: No rule admits',
    ],
    ['a subject who may not', ['--as=bob@example.com'], 'alice@example.com, as bob@example.com, may not get /'],
    [
      'a group that is denied',
      ['--as=bob@example.com', '--as-group=sallyport:ops', '--as-group=sallyport:contractors'],
      'as bob@example.com, may not list pods in payments: row policy.csv:3; A deny rule applies.',
    ],
    [
      'an extra of ours',
      [...asBob, '--as-user-extra=sallyport.dev/session=stolen'],
      'the extra sallyport.dev/session is said by the gateway alone',
    ],
  ])('L18 refuses %s', async (_what, as, message) => {
    const { kubeconfig } = await logIn('alice')
    const before = cluster.audit.all.filter(({ user }) => user?.username === 'sallyport-gateway').length
    const refused = await cluster.kubectl({ version: '1.37', args: ['get', 'pods', ...as], kubeconfig })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(message)
    const lists = cluster.audit.all.filter(({ user }) => user?.username === 'sallyport-gateway').slice(before)
    expect(lists.filter(({ objectRef }) => objectRef?.resource === 'pods')).toEqual([])
  })

  it('L06 cuts a shell of somebody else when the name is not lent any more', async () => {
    const { kubeconfig } = await logIn('alice')
    const args = ['exec', 'core', ...asBob, '--', 'sh', '-c', 'echo here; sleep 1000']
    const shell = cluster.startKubectl({ version: '1.37', args, kubeconfig })
    await shell.untilPrinted(/^here$/m)
    writeFileSync(join(service.directory, 'policy.csv'), policy(''))
    const cut = await shell.ended
    expect(cut.code).toBe(1)
    expect(cut.stderr).toContain('you may not do this any more')
  })

  it('L06 cuts a shell when the policy says no by now, and the person goes on with what is left', async () => {
    const { kubeconfig } = await logIn('alice')
    const open = await openByAll(kubeconfig)
    const denies = ['exec, create', 'log, get'].map(
      what => `p, group:ops, kube:prod, /payments/core/pods/*/${what}, -, deny`,
    )
    writeFileSync(join(service.directory, 'policy.csv'), policy(denies.join('\n')))
    await expectCut(open, 'you may not do this any more')
    const got = await cluster.kubectl({ version: '1.37', args: ['get', 'pods', '--output=name'], kubeconfig })
    expect(got).toMatchObject({ code: 0, stdout: 'pod/core\n' })
  })
})

/** Alice and whoever else is in `ops` may do everything in the namespace; the gateway may speak for them and nobody else. */
async function letGatewayImpersonate({ api }: RunningCluster): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const core = { apiGroups: [''], verbs: ['impersonate'] }
  const authentication = { apiGroups: ['authentication.k8s.io'], verbs: ['impersonate'] }
  const ours = ['userextras/sallyport.dev/session', 'userextras/sallyport.dev/impersonated-by']
  await api.call('POST', `${rbac}/clusterroles`, {
    metadata: { name: 'sallyport-gateway' },
    rules: [
      { ...core, resources: ['users'], resourceNames: ['alice@example.com', 'bob@example.com'] },
      { ...core, resources: ['groups'], resourceNames: ['sallyport:ops', 'sallyport:contractors'] },
      { ...authentication, resources: ['uids', 'userextras/example.com/why', ...ours] },
    ],
  })
  await api.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'sallyport-gateway' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'sallyport-gateway' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'sallyport-gateway' }],
  })
  await api.call('POST', `${rbac}/namespaces/payments/rolebindings`, {
    metadata: { name: 'ops' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'sallyport:ops' }],
  })
}
