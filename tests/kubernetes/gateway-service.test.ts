/** The whole way: a browser login, a token of kubectl, the gateway of the service, a real API server, and its audit log. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { logInBrowser, newGrant, press, untilEvent, visit } from '../grants/world.ts'
import { answerInBrowser, createMachine, interrupt, logIn as logInMachine } from '../kube-cli/machine.ts'
import type { Person } from '../provider.ts'
import { startService, type TestBrowser, type TestService } from '../service.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { settingsFor } from './cluster-settings.ts'
import { certificateUser, type Kubeconfig } from './kubectl.ts'
import { createShell, printedCommand, printedCommands } from './printed-commands.ts'
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
    'p, group:ops, kube:prod, /-/core/groups/sallyport:contractors, impersonate, -, allow',
    'p, group:ops, kube:prod, /default/core/pods, list, -, allow',
    more,
    '',
  ].join('\n')

describe.skipIf(programs === undefined)('kubectl through the service', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kubernetes-'))
  let cluster: RunningCluster
  let service: TestService
  let certificateAuthority: string
  /** What somebody can do who has the credential of the gateway. */
  let ofGateway: ApiClient

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    await letPeopleIn(cluster)
    const { kubernetes, gateway, ...settings } = await settingsFor(cluster, { directory, names: ['prod'] })
    certificateAuthority = settings.certificateAuthority
    service = await startService({
      policy: policy(),
      settings: { kubernetes, sessions: { verifyEvery: '5m' } },
      provider: { refreshTokens: 'rotated' },
    })
    ofGateway = createApiClient({ url: cluster.url, authority: cluster.authority, ...gateway })
  })
  afterAll(async () => {
    ofGateway?.close()
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

  /** `sallyport kube …` with what the running service knows. */
  const operatorArgs = (...args: string[]): string[] => [
    ...args,
    ...['--config', join(service.directory, 'sallyport.yaml'), '--user', 'sallyport-gateway'],
    ...['--admin', `http://127.0.0.1:${service.adminPort}`],
  ]
  const asAlice = () => ({
    'Impersonate-User': 'alice@example.com',
    'Impersonate-Group': ['sallyport:ops'],
    'Impersonate-Uid': `${service.provider.issuer}#alice`,
    'Impersonate-Extra-sallyport.dev%2fsession': 'digest',
  })
  const statusOf = async (headers: Readonly<Record<string, string | string[]>>, method = 'GET', name = '') =>
    (await ofGateway.ask(method, `/api/v1/namespaces/payments/pods${name}`, undefined, headers)).status
  /** Roles are known a moment after they are written. */
  const until = (status: number, ...call: Parameters<typeof statusOf>) =>
    expect.poll(() => statusOf(...call), { timeout: 60_000 }).toBe(status)

  // Everything below runs with it.
  it('L20 has the role that kube render prints of the service as it runs', async () => {
    await logInBrowser(service, 'alice')
    const machine = createMachine()
    try {
      const { code, stdout, stderr } = await machine.run(operatorArgs('render', '--only', 'role'))
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining('/-/core/groups/sallyport:* (row policy.csv:6): it lends'),
      ])
      const [{ rules }, binding] = stdout
        .split('---\n')
        .slice(1)
        .map(text => parse(text))
      expect(rules.map(({ resources, resourceNames }: Rule) => [...(resources ?? []), resourceNames])).toEqual([
        ['users', ['alice@example.com', 'bob@example.com']],
        ['groups', ['sallyport:contractors', 'sallyport:ops']],
        ['uids', ['7', `${service.provider.issuer}#alice`]],
        ['userextras/sallyport.dev/session', 'userextras/example.com/why', undefined],
        ['userextras/sallyport.dev/impersonated-by', ['alice@example.com']],
      ])
      expect(binding.subjects).toMatchObject([{ kind: 'User', name: 'sallyport-gateway' }])
      const args = ['apply', '--server-side', '--filename=-']
      expect(await cluster.kubectl({ version: '1.37', args, stdin: stdout })).toMatchObject({ code: 0 })
    } finally {
      machine.close()
    }
    await until(200, asAlice())
    expect(await statusOf({ ...asAlice(), 'Impersonate-User': 'mallory@example.com' })).toBe(403)
    expect(await statusOf({ ...asAlice(), 'Impersonate-Extra-sallyport.dev%2fimpersonated-by': 'bob' })).toBe(403)
  })

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

  it.each([
    ['kubernetes', 'Five commands', 5],
    ['kubectl', '', 3],
  ])('is what a person gets who copies the commands of docs/%s.md', async (page, heading, count) => {
    if (programs === undefined) return
    const machine = createMachine()
    try {
      const shell = createShell({ home: machine.home, cwd: machine.home, kubectl: programs.kubectl['1.37'] })
      const commands = printedCommands(page, heading).map(line =>
        line.replace('https://auth.example.com', service.publicUrl),
      )
      expect(commands).toHaveLength(count)
      const [login = '', ...others] = commands
      const loggingIn = shell.start(login)
      const browser = await logInBrowser(service, 'alice')
      await answerInBrowser(service, { browser, url: await machine.untilOpened() })
      expect(await loggingIn.finished).toMatchObject({ code: 0 })
      for (const line of others.slice(0, -1)) expect([line, await shell.run(line)]).toMatchObject([line, { code: 0 }])
      expect(await shell.run(others.at(-1) ?? '')).toEqual({
        code: 0,
        stdout: '',
        stderr: 'No resources found in default namespace.\n',
      })
    } finally {
      machine.close()
    }
  })

  it('lets in who copies the login without a browser from docs/kubernetes.md', async () => {
    const machine = createMachine()
    try {
      const shell = createShell({ home: machine.home, cwd: machine.home })
      const login = printedCommand('kubernetes', 'sallyport kube login --device')
      const loggingIn = shell.start(login.replace('https://auth.example.com', service.publicUrl))
      await expect.poll(loggingIn.stderr, { timeout: 60_000 }).toMatch(/user_code=[\w-]{9}/)
      const browser = await logInBrowser(service, 'alice')
      const page = await visit(browser, /http\S+user_code=[\w-]{9}/.exec(loggingIn.stderr())?.[0] ?? '')
      await press(browser, service, page.text, { decision: 'allow' })
      expect(await loggingIn.finished).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('alice@example.com'),
      })
      expect(await shell.run('sallyport kube clusters')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('prod'),
      })
      expect(machine.opened()).toEqual([])
    } finally {
      machine.close()
    }
  })

  it('is run by what an operator gets who copies the commands of docs/kubernetes.md', async () => {
    if (programs === undefined) return
    const machine = createMachine()
    const root = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('root', ['system:masters'])) })
    copyFileSync(root.path, join(service.directory, 'reconciler.kubeconfig'))
    const shell = createShell({
      home: machine.home,
      cwd: service.directory,
      kubectl: programs.kubectl['1.37'],
      alsoForOperator: ['--user', 'sallyport-gateway', '--admin', `http://127.0.0.1:${service.adminPort}`],
      env: { KUBECONFIG: root.path },
    })
    try {
      const [role = '', all = '', reconcile = '', ...others] = printedCommands('kubernetes', 'The gateway')
      expect([reconcile, others]).toEqual([expect.stringContaining('--watch'), []])
      expect(await shell.run(role)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(
          'clusterrole.rbac.authorization.k8s.io/sallyport-impersonator serverside-applied',
        ),
      })
      expect(await shell.run(all)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('deployment.apps/sallyport serverside-applied'),
      })
      // The shell gives way to the command, which is to hear of Ctrl-C.
      const reconciling = shell.start(`exec ${reconcile}`)
      await expect.poll(() => reconciling.stderr(), { timeout: 60_000 }).toContain('Not covered by this role')
      expect(await interrupt(reconciling)).toMatchObject({ code: 0 })
      const explain = printedCommand('kubernetes', 'sallyport policy explain --as ')
      expect(await shell.run(explain)).toMatchObject({ code: 0, stdout: expect.stringContaining('policy.csv:2') })
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

  it.each(['1.36', '1.20'] as const)('L18 asks so for kubectl %s as well', async version => {
    const { kubeconfig } = await logIn('alice')
    const kubectl = (...as: string[]) =>
      cluster.kubectl({ version, args: ['get', 'pods', '--output=name', ...as], kubeconfig })
    expect(await kubectl(...asBob)).toMatchObject({ code: 0, stdout: 'pod/core\n' })
    const refused = await kubectl('--as=carol@example.com')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('may not impersonate users carol')])
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

  it.each([
    ['user:', () => `user:${service.provider.issuer}#alice`],
    ['email:', () => 'email:alice@example.com'],
  ])('L19 refuses as anybody what a row with %s denies the person', async (_kind, subject) => {
    const { kubeconfig } = await logIn('alice')
    const kubectl = () =>
      cluster.kubectl({ version: '1.37', args: ['get', 'pods', '--output=name', ...asBob], kubeconfig })
    expect(await kubectl()).toMatchObject({ code: 0, stdout: 'pod/core\n' })
    const denies = `p, ${subject()}, kube:prod, /payments/core/pods, list, -, deny`
    writeFileSync(join(service.directory, 'policy.csv'), policy(`${lendsBob}\n${denies}`))
    try {
      const refused = 'alice@example.com may not list pods in payments: row policy.csv:12; A deny rule applies.'
      const words = `${refused}; nobody is freed of it by --as`
      await expect.poll(async () => (await kubectl()).stderr, { timeout: 60_000 }).toContain(words)
    } finally {
      writeFileSync(join(service.directory, 'policy.csv'), policy())
    }
    await expect.poll(async () => (await kubectl()).stdout, { timeout: 60_000 }).toBe('pod/core\n')
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

  it('L20 goes on with the constrained role, which reconcile keeps true while people come and the policy changes', async () => {
    const machine = createMachine()
    const administrator = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('root', ['system:masters'])) })
    const args = ['reconcile', '--watch', '--every', '1', '--mode', 'constrained', '--kubeconfig', administrator.path]
    writeFileSync(join(service.directory, 'policy.csv'), policy())
    const reconciling = machine.start(operatorArgs(...args))
    const untilSaid = (text: string) =>
      expect.poll(() => reconciling.stdout() + reconciling.stderr(), { timeout: 60_000 }).toContain(text)
    try {
      await untilSaid('Role payments/sallyport-impersonator created')
      const { kubeconfig } = await logIn('alice')
      const kubectl = (...args: string[]) => cluster.kubectl({ version: '1.37', args, kubeconfig })
      await until(200, asAlice())
      const shell = () => kubectl(...script, 'echo out; exit 3')
      await expect.poll(shell, { timeout: 60_000 }).toMatchObject({ code: 3, stdout: 'out\n' })
      expect(await kubectl('get', 'pods', '--output=name')).toMatchObject({ code: 0, stdout: 'pod/core\n' })
      const as = [...asBob, '--as-uid=7', '--as-user-extra=example.com/why=a ticket']
      expect(await kubectl('get', 'pods', '--output=name', ...as)).toMatchObject({ code: 0, stdout: 'pod/core\n' })
      const allowed = await untilEvent(service, 'access.allowed', {
        action: 'create',
        resource: '/payments/core/pods/core/exec',
      })
      expect(allowed).toMatchObject({ email: 'alice@example.com' })
      const event = await cluster.audit.until(
        ({ objectRef, authenticationMetadata }) =>
          objectRef?.subresource === 'exec' && authenticationMetadata?.impersonationConstraint !== undefined,
        'the shell under constrained impersonation',
      )
      expect(event).toMatchObject({
        impersonatedUser: { username: 'alice@example.com' },
        authenticationMetadata: { impersonationConstraint: 'impersonate:user-info' },
      })
      // Threat: whoever has the gateway's credential. Alice may delete pods in the cluster, and no row lets anybody here.
      expect(await statusOf(asAlice(), 'DELETE', '/core')).toBe(403)

      service.provider.people.setGroups('carol', ['ops'])
      const { kubeconfig: ofCarol } = await logIn('carol')
      await untilSaid('+ impersonate:user-info users.authentication.k8s.io carol@example.com')
      const get = () =>
        cluster.kubectl({ version: '1.37', args: ['get', 'pods', '--output=name'], kubeconfig: ofCarol })
      await expect.poll(get, { timeout: 60_000 }).toMatchObject({ code: 0, stdout: 'pod/core\n' })

      const deletes = 'p, group:ops, kube:prod, /payments/core/pods/*, delete, -, allow'
      writeFileSync(join(service.directory, 'policy.csv'), policy(deletes))
      await untilSaid('+ impersonate-on:user-info:delete pods')
      await until(404, asAlice(), 'DELETE', '/absent')
    } finally {
      service.provider.people.setGroups('carol', [])
      const { code } = await interrupt(reconciling)
      machine.close()
      expect(code).toBe(0)
    }
  })
})

/** Alice and whoever else is in `ops` may do everything in the namespace, and look into another. */
async function letPeopleIn({ api }: RunningCluster): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io'
  for (const [namespace, name] of [
    ['payments', 'admin'],
    ['default', 'view'],
  ])
    await api.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
      metadata: { name: 'ops' },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ apiGroup, kind: 'Group', name: 'sallyport:ops' }],
    })
}
