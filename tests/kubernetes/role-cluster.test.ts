/** The role of the gateway in a real cluster: what the API server lets through with it, and how it is kept true. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCluster } from '../../app/kubernetes/gateway/upstream/cluster.ts'
import { createApiCalls } from '../../app/kubernetes/rights/api-calls.ts'
import type { Impersonable } from '../../app/kubernetes/rights/impersonable.ts'
import type { ImpersonationMode } from '../../app/kubernetes/rights/impersonation-mode.ts'
import { askOwnRights } from '../../app/kubernetes/rights/own-rights.ts'
import { runCli } from '../../cli/program.ts'
import { createMachine, interrupt } from '../kube-cli/machine.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { certificateUser } from './kubectl.ts'
import { requireClusterPrograms } from './programs.ts'

const programs = requireClusterPrograms()
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const roleTarget = `${rbac}/clusterroles/sallyport-impersonator`
const pods = '/api/v1/namespaces/payments/pods'

interface Person {
  readonly name: string
  readonly groups: readonly string[]
}
const alice: Person = { name: 'alice', groups: ['ops', 'staff'] }
const bob: Person = { name: 'bob', groups: ['contractors', 'staff'] }
const mallory: Person = { name: 'mallory', groups: ['ops'] }

const emailOf = ({ name }: Person): string => `${name}@example.com`
const subjectOf = ({ name }: Person): string => `https://idp.example#${name}`

/** As the list of sessions has them. */
const sessionOf = (person: Person) => ({
  subject: subjectOf(person),
  provider: 'corp',
  email: emailOf(person),
  inClusters: { groups: person.groups, names: { email: emailOf(person) } },
})

const asPerson = (person: Person, more: Readonly<Record<string, string | string[]>> = {}) => ({
  'Impersonate-User': emailOf(person),
  'Impersonate-Group': person.groups.map(group => `sallyport:${group}`),
  'Impersonate-Uid': subjectOf(person),
  'Impersonate-Extra-sallyport.dev%2fsession': 'digest',
  ...more,
})

describe.skipIf(programs === undefined)('the role of the gateway in a cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-role-'))
  let cluster: RunningCluster
  let gateway: ApiClient
  let token: string
  let administrator: string

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const listed = (...people: Person[]): string =>
    write('sessions.json', JSON.stringify({ sessions: people.map(sessionOf) }))

  async function run(...args: string[]) {
    const [out, errors]: [string[], string[]] = [[], []]
    const terminal = {
      write: (text: string) => void out.push(text),
      writeError: (text: string) => void errors.push(text),
      progress: () => undefined,
      colors: pc.createColors(false),
      env: {},
      cwd: directory,
    }
    const code = await runCli(['kube', ...args], { version: '0', terminal })
    return { code, out: out.join(''), errors: errors.join('') }
  }
  const reconcile = (people: readonly Person[], ...args: string[]) =>
    run('reconcile', '--sessions', listed(...people), ...args)
  const asAdministrator = (people: readonly Person[], ...args: string[]) =>
    reconcile(people, '--kubeconfig', administrator, ...args)

  const statusOf = async (headers: Readonly<Record<string, string | string[]>>, method = 'GET', path = pods) =>
    (await gateway.ask(method, path, undefined, headers)).status
  /** Roles are known a moment after they are written. */
  const until = (headers: Readonly<Record<string, string | string[]>>, status: number) =>
    expect.poll(() => statusOf(headers), { timeout: 60_000 }).toBe(status)

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    administrator = cluster.kubeconfig({
      user: certificateUser(cluster.issueClient('operator', ['system:masters'])),
    }).path
    write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
    write('client', 'a-client-secret-of-tests-that-is-long\n')
    write('ca.pem', cluster.authority)
    write('token', 'not yet\n')
    write(
      'sallyport.yaml',
      `server: { url: 'http://localhost:9180' }
admin: { listen: 127.0.0.1:9191 }
providers: [{ name: corp, issuer: 'https://idp.example', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./ }
kubernetes:
  url: https://k8s.example.com
  listen: 127.0.0.1:9182
  tls: { certificateFile: ./ca.pem, keyFile: ./ca.pem }
  clusters:
    - { name: prod, server: '${cluster.url}', caFile: ./ca.pem, credential: { tokenFile: ./token } }
`,
    )
    write(
      'kube.csv',
      [
        'p, group:ops, kube:prod, /nonResourceURLs/**, get, -, allow',
        'p, group:ops, kube:prod, /payments/core/pods, list, -, allow',
        'p, group:contractors, kube:prod, /payments/core/pods, list, -, allow',
        '',
      ].join('\n'),
    )
  })
  afterAll(async () => {
    gateway?.close()
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('L20 is what kubectl applies, and all that the gateway needs', async () => {
    const { code, out, errors } = await run('render', '--sessions', listed(alice))
    expect({ code, errors }).toMatchObject({
      code: 0,
      errors: expect.stringContaining('group:contractors (row kube.csv:3)'),
    })
    // A probe at another port than the service's would restart it for ever.
    expect(out.match(/ADMIN_LISTEN \|\| '127\.0\.0\.1:9191'\) \+ '\/(?:healthz|readyz)'/g)).toHaveLength(2)
    const apply = ['apply', '--server-side', '--filename=-']
    const applied = await cluster.kubectl({ version: '1.37', args: apply, stdin: out })
    expect(applied).toMatchObject({ code: 0 })
    // Pod security is a warning of the server for a deployment, not an error.
    expect(applied.stderr).not.toMatch(/warning|restricted/i)
    const again = await cluster.kubectl({ version: '1.37', args: [...apply, '--dry-run=server'], stdin: out })
    expect(again).toMatchObject({ code: 0 })
    for (const object of [
      'deployment.apps/sallyport',
      'service/sallyport',
      'networkpolicy.networking.k8s.io/sallyport',
    ])
      expect(again.stdout).toContain(`${object} serverside-applied (server dry run)`)

    token = await cluster.serviceAccountToken('sallyport', 'sallyport')
    write('token', token)
    gateway = createApiClient({ url: cluster.url, authority: cluster.authority, token })
    await cluster.api.call('POST', `${rbac}/namespaces/payments/rolebindings`, {
      metadata: { name: 'people' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: ['sallyport:ops', 'sallyport:contractors'].map(name => ({
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'Group',
        name,
      })),
    })
    await until(asPerson(alice), 200)
  })

  const strangers: readonly (readonly [string, Readonly<Record<string, string | string[]>>])[] = [
    ['another person', asPerson(mallory)],
    ['another group', asPerson(alice, { 'Impersonate-Group': ['sallyport:ops', 'sallyport:admins'] })],
    ['system:masters', asPerson(alice, { 'Impersonate-Group': ['system:masters'] })],
    ['another uid', asPerson(alice, { 'Impersonate-Uid': subjectOf(mallory) })],
    ['another extra', asPerson(alice, { 'Impersonate-Extra-example.com%2fscopes': 'admin' })],
    ['the controller manager', asPerson(alice, { 'Impersonate-User': 'system:kube-controller-manager' })],
  ]
  const refusals = () => Promise.all(strangers.map(async ([who, headers]) => `${who}: ${await statusOf(headers)}`))
  const allRefused = strangers.map(([who]) => `${who}: 403`)

  it('L20 lets the API server itself refuse everybody else', async () => {
    expect(await refusals()).toEqual(allRefused)
    expect((await gateway.ask('GET', pods)).status).toBe(403)
  })

  it('is made true when somebody has come, when somebody has left, and else left alone', async () => {
    const planned = await asAdministrator([alice, bob], '--dry-run')
    expect(planned.out).toContain('ClusterRole sallyport-impersonator would be changed\n')
    expect(await statusOf(asPerson(bob))).toBe(403)
    const added = await asAdministrator([alice, bob])
    expect(added.code).toBe(0)
    expect(added.out).toContain('  + impersonate users bob@example.com\n')
    expect(added.out).not.toContain('  -')
    await until(asPerson(bob), 200)
    expect(await asAdministrator([alice, bob])).toMatchObject({ code: 0, out: 'prod: the role is the exact one\n' })

    const removed = await asAdministrator([bob], '--json')
    const { changes } = JSON.parse(removed.out)
    expect(changes).toMatchObject([
      { kind: 'changed', added: [], removed: expect.arrayContaining(['impersonate users alice@example.com']) },
    ])
    await until(asPerson(alice), 403)
    await until(asPerson(bob), 200)
  })

  it('L20 never grows by the credential of the gateway, which may make it smaller where it may patch it', async () => {
    expect(await reconcile([bob])).toMatchObject({ code: 1, errors: expect.stringContaining('cannot get resource') })
    await cluster.api.call('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'keeper' },
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles', 'clusterrolebindings'],
          resourceNames: ['sallyport-impersonator'],
          verbs: ['get', 'patch'],
        },
      ],
    })
    await bind('keeper')
    const dry = () => reconcile([bob], '--dry-run')
    await expect.poll(async () => (await dry()).code, { timeout: 60_000 }).toBe(0)
    const grown = await reconcile([bob, mallory])
    expect(grown).toMatchObject({
      code: 1,
      errors: expect.stringContaining('attempting to grant RBAC permissions not currently held'),
    })
    const smaller = await reconcile([])
    expect(smaller).toMatchObject({ code: 0, out: expect.stringContaining('  - impersonate users bob@example.com\n') })
    await until(asPerson(bob), 403)
    await cluster.api.call('DELETE', `${rbac}/clusterrolebindings/keeper`)
  })

  it('L20 grows by an account of its own, which can be nobody itself', async () => {
    const group = { apiGroups: ['rbac.authorization.k8s.io'] }
    const named = { ...group, resourceNames: ['sallyport-impersonator'] }
    const forLegacy = [
      { ...named, resources: ['clusterroles'], verbs: ['get', 'patch', 'escalate'] },
      { ...named, resources: ['clusterrolebindings'], verbs: ['get'] },
    ]
    const rules = [
      ...forLegacy,
      { ...named, resources: ['roles'], verbs: ['get', 'patch', 'delete', 'escalate', 'bind'] },
      { ...named, resources: ['rolebindings'], verbs: ['get', 'patch', 'delete'] },
      { ...group, resources: ['roles', 'rolebindings'], verbs: ['list', 'create'] },
    ]
    await cluster.api.call('POST', `${rbac}/clusterroles`, { metadata: { name: 'reconciler' }, rules: forLegacy })
    await cluster.api.call('POST', '/api/v1/namespaces/sallyport/serviceaccounts', { metadata: { name: 'reconciler' } })
    await bind('reconciler', 'reconciler')
    const own = await cluster.serviceAccountToken('sallyport', 'reconciler')
    const { path } = cluster.kubeconfig({ user: { token: own } })
    const grow = () => reconcile([alice], '--kubeconfig', path)
    await expect.poll(async () => (await grow()).code, { timeout: 60_000 }).toBe(0)
    await until(asPerson(alice), 200)
    // With these rights it could not give the role to itself.
    await cluster.api.call('PATCH', `${rbac}/clusterroles/reconciler`, { rules }, 'application/merge-patch+json')
    const constrained = () => reconcile([alice], '--kubeconfig', path, '--mode', 'constrained')
    await expect.poll(async () => (await constrained()).code, { timeout: 60_000 }).toBe(0)
    await cluster.api.call('GET', `${rbac}/namespaces/payments/rolebindings/sallyport-impersonator`)
    expect(await reconcile([], '--kubeconfig', path)).toMatchObject({ code: 0 })
    await until(asPerson(alice), 403)
    const client = createApiClient({ url: cluster.url, authority: cluster.authority, token: own })
    expect((await client.ask('GET', pods, undefined, asPerson(alice))).status).toBe(403)
    client.close()
  })

  it('leaves a role alone that is not its own', async () => {
    const role = (await cluster.api.call('GET', roleTarget)) as { metadata: { labels: object } }
    const without = [{ op: 'remove', path: '/metadata/labels/app.kubernetes.io~1managed-by' }]
    await cluster.api.call('PATCH', roleTarget, without, 'application/json-patch+json')
    const refused = await asAdministrator([alice])
    expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining('has no label') })
    const back = { metadata: { labels: role.metadata.labels } }
    await cluster.api.call('PATCH', roleTarget, back, 'application/merge-patch+json')
    expect(await asAdministrator([alice])).toMatchObject({ code: 0 })
    await until(asPerson(alice), 200)
  })

  it('is looked at by the gateway: who is missing, and what is too much', async () => {
    const expected = (...people: Person[]): Impersonable => ({
      users: people.map(emailOf),
      groups: ['sallyport:contractors', 'sallyport:ops', 'sallyport:staff'],
      uids: people.map(subjectOf),
      extras: [{ key: 'sallyport.dev/session' }],
      notCovered: [],
    })
    expect(await rights(expected(alice))).toEqual({ missing: [], excess: [] })
    expect(await rights(expected(alice, bob))).toEqual({
      missing: [`user ${emailOf(bob)}`, `uid ${subjectOf(bob)}`],
      excess: [],
    })
    expect(await rights(expected())).toEqual({
      missing: [],
      excess: [`impersonate the user ${emailOf(alice)}`, `impersonate the uid ${subjectOf(alice)}`],
    })
    await cluster.api.call('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'wide' },
      rules: [
        { apiGroups: [''], resources: ['groups'], verbs: ['impersonate'] },
        { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
      ],
    })
    await bind('wide')
    const wide = ['impersonate any group', 'impersonate the group system:masters', 'get secrets']
    await expect.poll(async () => (await rights(expected(alice))).excess, { timeout: 60_000 }).toEqual(wide)
    await cluster.api.call('DELETE', `${rbac}/clusterrolebindings/wide`)
    await until(asPerson(alice, { 'Impersonate-Group': ['system:masters'] }), 403)
  })

  it('L20 caps the gateway below its people in constrained mode, and refuses everybody else', async () => {
    const changed = await asAdministrator([alice], '--mode', 'constrained')
    expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('up to 10 seconds') })
    expect(changed.out).toContain('Role payments/sallyport-impersonator created\n')
    await until(asPerson(alice), 200)
    await expect.poll(() => statusOf(asPerson(alice), 'GET', `${pods}/core`), { timeout: 60_000 }).toBe(403)
    expect(await statusOf(asPerson(alice), 'GET', '/apis')).toBe(200)
    expect(await statusOf(asPerson(alice), 'GET', '/api/v1/namespaces/payments/secrets')).toBe(403)
    expect(await refusals()).toEqual(allRefused)
    expect(await asAdministrator([alice], '--mode', 'constrained')).toMatchObject({
      out: 'prod: the role is the exact one\n',
    })
    const both = await rights(
      { users: [emailOf(alice)], groups: [], uids: [], extras: [{ key: 'sallyport.dev/session' }], notCovered: [] },
      'constrained',
    )
    expect(both.missing).toEqual([])

    // What is left of the other mode is taken away with it.
    const back = await asAdministrator([alice])
    expect(back.out).toContain('Role payments/sallyport-impersonator deleted\n')
    await until(asPerson(alice), 200)
    expect(readFileSync(join(directory, 'token'), 'utf8')).toBe(token)
  })

  it('is kept true with --watch: people, policy, an API server that is gone for a while, until Ctrl-C', async () => {
    const machine = createMachine()
    const config = join(directory, 'sallyport.yaml')
    const sessions = listed(alice)
    const args = ['--config', config, '--sessions', sessions, '--kubeconfig', administrator, '--watch', '--every', '1']
    const watching = machine.start(['reconcile', ...args])
    const untilSaid = (text: string) =>
      expect.poll(() => watching.stdout() + watching.stderr(), { timeout: 60_000 }).toContain(text)
    try {
      await untilSaid('Not covered by this role')
      listed(alice, bob)
      await untilSaid('  + impersonate users bob@example.com\n')
      await until(asPerson(bob), 200)

      const policy = readFileSync(join(directory, 'kube.csv'), 'utf8')
      write('kube.csv', policy.replace('p, group:contractors', 'p, group:nobody'))
      await untilSaid('  - impersonate users bob@example.com\n')
      await until(asPerson(bob), 403)
      write('kube.csv', 'p, group:ops, kube:prod')
      await untilSaid('The policy cannot be used')
      expect(await statusOf(asPerson(alice))).toBe(200)
      write('kube.csv', policy)
      await until(asPerson(bob), 200)

      await cluster.stopApiServer()
      await untilSaid('error: ')
      listed(bob)
      await cluster.startApiServer()
      await untilSaid('  - impersonate users alice@example.com\n')
      await until(asPerson(alice), 403)
      // Each trouble is told of once.
      expect(watching.stderr().match(/The policy cannot be used/g)).toHaveLength(1)

      expect(await interrupt(watching)).toMatchObject({ code: 0 })
    } finally {
      watching.kill('SIGKILL')
      machine.close()
    }
  })

  it('ends by Ctrl-C while an API server, or the service, takes calls and answers none', async () => {
    const machine = createMachine()
    const sockets: Socket[] = []
    const silent = createServer(socket => void sockets.push(socket.on('error', () => undefined)))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const { path } = cluster.kubeconfig({ user: { token: 'any' }, server: `https://127.0.0.1:${port}` })
    const args = ['reconcile', '--config', join(directory, 'sallyport.yaml'), '--kubeconfig', path, '--watch']
    try {
      for (const [at, from] of [
        ['--sessions', listed(alice)],
        ['--admin', `http://127.0.0.1:${port}`],
      ].entries()) {
        const hanging = machine.start([...args, ...from])
        await expect.poll(() => sockets.length, { timeout: 60_000 }).toBe(at + 1)
        const before = performance.now()
        expect(await interrupt(hanging)).toMatchObject({ code: 0, stderr: '' })
        // A connection would be waited for for ten seconds, an answer for a minute.
        expect(performance.now() - before).toBeLessThan(8000)
      }
    } finally {
      silent.close()
      for (const socket of sockets) socket.destroy()
      machine.close()
    }
  })

  it('is made where it can be: a row for a namespace that is not there yet holds up nothing else', async () => {
    const policy = readFileSync(join(directory, 'kube.csv'), 'utf8')
    write('kube.csv', `p, group:ops, kube:prod, /books/core/pods, list, -, allow\n${policy}`)
    const without = await asAdministrator([alice], '--mode', 'constrained')
    expect(without).toMatchObject({
      code: 0,
      errors: expect.stringContaining('what rows allow in books: there is no such'),
    })
    expect(without.out).toContain('Role payments/sallyport-impersonator created\n')
    expect(without.out).toContain('RoleBinding payments/sallyport-impersonator created\n')
    await cluster.createNamespace('books')
    const { out, errors } = await asAdministrator([alice], '--mode', 'constrained')
    expect(out).toContain('RoleBinding books/sallyport-impersonator created\n')
    expect(errors).not.toContain('no such namespace')
    write('kube.csv', policy)
  })

  async function bind(name: string, account = 'sallyport'): Promise<void> {
    await cluster.api.call('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', namespace: 'sallyport', name: account }],
    })
  }

  async function rights(impersonable: Impersonable, mode: ImpersonationMode = 'legacy') {
    const upstream = createCluster({
      name: 'prod',
      access: {
        server: cluster.url,
        authority: { text: cluster.authority },
        credential: { kind: 'token', token },
      },
      onError: () => undefined,
    })
    try {
      return await askOwnRights(createApiCalls(upstream), impersonable, mode)
    } finally {
      upstream.close()
    }
  }
})
