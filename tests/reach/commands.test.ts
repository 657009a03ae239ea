/** `kube who-can` and `kube what-can`, and the files, folders and kubectls that they read. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pc from 'picocolors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { builtCommandLine } from '../built-command-line.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-reach-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function write(name: string, text: string | Buffer, mode = 0o600): string {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode })
  return path
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: (text: () => string) => void text(),
    colors: pc.createColors(false),
    env,
    cwd: directory,
  }
  const code = await runCli(['kube', ...args], { version: '0', terminal })
  return { code, out: out.join(''), errors: errors.join('') }
}

const manifests = `apiVersion: v1
kind: ServiceAccount
metadata: { name: deployer, namespace: payments }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reader }
rules:
- { apiGroups: [""], resources: [pods, pods/log], verbs: [get, list] }
- { apiGroups: ["", apps], resources: [deployments, nodes], verbs: [get], resourceNames: [core] }
- { nonResourceURLs: [/metrics], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: everybody }
roleRef: { kind: ClusterRole, name: reader }
subjects:
- { kind: Group, name: system:authenticated }
- { kind: User, name: "ali\\u202Ece\\u001B[31m" }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: near, namespace: payments }
roleRef: { kind: ClusterRole, name: reader }
subjects: [{ kind: ServiceAccount, name: deployer }, { kind: Group, name: ops }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: vain, namespace: payments }
roleRef: { kind: Role, name: gone }
subjects: [{ kind: ServiceAccount, name: deployer }]
---
apiVersion: example.com/v1
kind: Widget
metadata: { name: w }
`

describe('who-can', () => {
  beforeAll(() => void write('m/all.yaml', manifests))

  it('says who, where, by which binding and rule, and what was not read', async () => {
    const { code, out, errors } = await run(['who-can', 'list', 'pods/log', '--from', 'm'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(out).toBe(`Who can list pods/log, in the whole cluster or in a namespace: 4, by bindings
group:system:authenticated (everybody who is logged in, and the one service
  account)
    in the whole cluster, by ClusterRoleBinding everybody of ClusterRole reader,
    rule 1 (m/all.yaml:5)
user:ali\\u202ece\\u001b[31m
    in the whole cluster, by ClusterRoleBinding everybody of ClusterRole reader,
    rule 1 (m/all.yaml:5)
group:ops
    in payments, by RoleBinding payments/near of ClusterRole reader, rule 1
    (m/all.yaml:5)
service-account:payments/deployer
    in payments, by RoleBinding payments/near of ClusterRole reader, rule 1
    (m/all.yaml:5)
group:system:masters may do everything, and no binding says so.
Not read, or not as it stands: 1 of 6 objects, 1 remark
  m/all.yaml:33 Widget (example.com/v1): nobody here knows this kind: one is not
      read, nor what it runs [unknown-kind]
`)
  })

  const who = async (...args: string[]): Promise<string[]> => {
    const { code, out } = await run(['who-can', ...args, '--from', 'm', '--json'])
    expect(code).toBe(0)
    const { grants } = JSON.parse(out) as { grants: { subject: string; namespace?: string }[] }
    return grants.map(({ subject, namespace }) => `${subject} ${namespace ?? '-'}`)
  }
  const everywhere = ['group:system:authenticated -', 'user:ali\u202Ece\u001B[31m -']
  const near = ['group:ops payments', 'service-account:payments/deployer payments']
  it.each<[string, string[], string[]]>([
    ['in a namespace', ['list', 'po', '-n', 'payments'], [...everywhere, ...near]],
    ['in another', ['list', 'pod', '-n', 'books'], everywhere],
    ['in all at once', ['list', 'pods', '-A'], everywhere],
    ['of a name', ['get', 'deploy', '--name', 'core'], [...everywhere, ...near]],
    ['of another name', ['get', 'deployments.apps', '--name', 'other'], []],
    ['of no name', ['get', 'deployment'], []],
    ['of what belongs to no namespace', ['get', 'nodes', '--name', 'core'], everywhere],
    ['of a URL', ['get', '/metrics'], everywhere],
    ['of a group that nobody has', ['get', 'pods.example.com'], []],
  ])('knows who %s', async (_, args, expected) => {
    expect(await who(...args)).toEqual(expected)
  })

  it('says that some things belong to no namespace', async () => {
    const { out } = await run(['who-can', 'get', 'nodes', '-n', 'payments', '--from', 'm'])
    expect(out).toContain('nodes belong to no namespace: asked of the whole cluster.\n')
  })

  it('says when it guesses, and gives all of it as JSON', async () => {
    expect((await run(['who-can', 'get', 'widgets', '--from', 'm'])).out).toContain(
      'Nobody here knows widgets: asked as one of the core; write widgets.<group> for',
    )
    const { out } = await run(['who-can', 'list', 'pods', '-n', 'payments', '--from', 'm', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      question: { verb: 'list', group: '', resource: 'pods', namespace: 'payments' },
      withoutGrant: ['group:system:masters'],
      objectsSeen: 6,
      problems: [{ code: 'unknown-kind', unread: 1 }],
      grants: expect.arrayContaining([
        {
          subject: 'group:ops',
          namespace: 'payments',
          binding: expect.objectContaining({ kind: 'RoleBinding', namespace: 'payments', name: 'near' }),
          role: { kind: 'ClusterRole', name: 'reader', place: { source: 'm/all.yaml', line: 5 } },
          ruleIndex: 0,
          rule: { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
        },
      ]),
    })
  })

  it.each([
    ['two inputs', ['who-can', 'get', 'pods', '--from', 'm', '--context', 'prod'], "'--context <name>'"],
    ['two scopes', ['who-can', 'get', 'pods', '--from', 'm', '-A', '-n', 'x'], "'-n, --namespace <name>'"],
    ['no resource', ['who-can', 'get'], "missing required argument 'resource'"],
    ['nobody', ['what-can', 'alice', '--from', 'm'], 'A service account is <namespace>/<name>'],
    ['half a service account', ['what-can', 'system:serviceaccount:a', '--from', 'm'], 'A service account is'],
  ])('refuses a command line with %s', async (_, args, message) => {
    const { code, errors } = await run(args)
    expect(errors).toContain(message)
    expect(code).toBe(2)
  })

  it('fails where nothing can be read', async () => {
    mkdirSync(join(directory, 'empty'))
    expect(await run(['who-can', 'get', 'pods', '--from', 'empty'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('no object was found'),
    })
    expect(await run(['who-can', 'get', 'pods', '--from', 'gone.yaml'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('gone.yaml'),
    })
    expect(await run(['who-can', 'get', 'pods', '--in-cluster'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('this is no pod of a cluster'),
    })
  })
})

describe('what-can', () => {
  it('says what, where and through which group, and what comes to nothing', async () => {
    const { code, out } = await run(['what-can', 'payments/deployer', '--from', 'm'])
    expect(code).toBe(0)
    expect(out).toBe(`service-account:payments/deployer is in system:serviceaccounts,
  system:serviceaccounts:payments, system:authenticated
In the whole cluster, by ClusterRoleBinding everybody of ClusterRole reader,
  through group:system:authenticated (m/all.yaml:13)
    get, list on pods, pods/log
    get on deployments, nodes of apps and the core, only core
    get on /metrics
In payments, by RoleBinding payments/near of ClusterRole reader (m/all.yaml:21)
    get, list on pods, pods/log
    get on deployments, nodes of apps and the core, only core
    get on /metrics
Of this nothing comes:
    RoleBinding payments/near: /metrics, for URLs belong to no namespace
    RoleBinding payments/vain: Role gone, for there is no such role
Not read, or not as it stands: 1 of 6 objects, 1 remark
  m/all.yaml:33 Widget (example.com/v1): nobody here knows this kind: one is not
      read, nor what it runs [unknown-kind]
`)
  })

  it.each([
    ['system:serviceaccount:payments:deployer', 'service-account:payments/deployer', 2],
    ['sa:payments/deployer', 'service-account:payments/deployer', 2],
    ['user:system:serviceaccount:payments:deployer', 'service-account:payments/deployer', 2],
    ['user:bob', 'user:bob', 1],
    ['group:ops', 'group:ops', 2],
    ['user:system:anonymous', 'user:system:anonymous', 0],
  ])('knows %s', async (text, subject, count) => {
    const { out } = await run(['what-can', text, '--from', 'm', '--json'])
    expect(JSON.parse(out)).toMatchObject({ subject, bindings: { length: count } })
  })

  it('takes groups that somebody vouches for, and says when nobody knows a name', async () => {
    const { out } = await run(['what-can', 'user:bob', '--group', 'ops', '--from', 'm', '--json'])
    expect(JSON.parse(out)).toMatchObject({ isKnown: false, bindings: { length: 2 } })
    expect((await run(['what-can', 'user:bob', '--from', 'm'])).out).toContain('No binding names it')
    const masters = await run(['what-can', 'user:bob', '--group', 'system:masters', '--from', 'm'])
    expect(masters.out).toContain('system:masters may do everything')
  })
})

describe('eventually', () => {
  const chain = [
    ['alice', 'pods', ['create'], 'books'],
    ['books/default', 'serviceaccounts/token', ['create'], 'payments'],
    ['payments/deployer', 'secrets', ['list'], 'payments'],
  ] as const
  const roles = chain.flatMap(([who, resource, verbs, namespace], at) => {
    const [within, name] = who.split('/')
    const subject =
      name === undefined ? { kind: 'User', name: who } : { kind: 'ServiceAccount', namespace: within, name }
    const apiVersion = 'rbac.authorization.k8s.io/v1'
    const metadata = { name: `r${at}`, namespace }
    return [
      { apiVersion, kind: 'Role', metadata, rules: [{ apiGroups: [''], resources: [resource], verbs }] },
      { apiVersion, kind: 'RoleBinding', metadata, roleRef: { kind: 'Role', name: `r${at}` }, subjects: [subject] },
    ]
  })
  const accounts = [
    ['books', 'default'],
    ['payments', 'deployer'],
  ].map(([namespace, name]) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }))
  beforeAll(() => void write('chain/all.json', JSON.stringify([...roles, ...accounts])))

  interface Later {
    readonly eventually: readonly {
      readonly node: string
      readonly steps: number
      readonly path: readonly { readonly bindings: readonly string[] }[]
    }[]
  }
  const later = async (...args: string[]): Promise<Later['eventually']> =>
    (JSON.parse((await run([...args, '--eventual', '--json', '--from', 'chain'])).out) as Later).eventually

  it('somebody becomes whoever holds it, and every step has its binding', async () => {
    const found = await later('who-can', 'list', 'secrets', '-n', 'payments')
    expect(found.map(({ node, steps }) => `${node} ${steps}`)).toEqual([
      'service-account:books/default 1',
      'user:alice 2',
    ])
    expect(found[1]?.path.flatMap(({ bindings }) => bindings)).toEqual([
      'RoleBinding/books/r0',
      'RoleBinding/payments/r1',
    ])
    const { out } = await run(['who-can', 'list', 'secrets', '-n', 'payments', '--eventual', '--from', 'chain'])
    expect(out).toContain('Who can become one of them, or everything: 2\n')
    expect(out).toContain('user alice, in 2 steps\n    WL01 → ')
  })

  it('somebody reaches what those can that he can become', async () => {
    const found = await later('what-can', 'user:alice')
    expect(found.map(({ node, steps }) => `${node} ${steps}`)).toEqual(
      expect.arrayContaining([
        'service-account:books/default 1',
        'service-account:payments/deployer 2',
        'secrets:payments 3',
      ]),
    )
    expect((await later('what-can', 'payments/deployer')).map(({ node }) => node)).not.toContain(
      'service-account:books/default',
    )
  })
})

describe('manifests come', () => {
  const node = (name: string): string => `apiVersion: v1\nkind: Node\nmetadata: { name: ${name} }\n`
  const read = async (...paths: string[]) => {
    const { code, out, errors } = await run(['who-can', 'get', 'pods', '--json', '--from', ...paths])
    return code === 0
      ? (JSON.parse(out) as { objectsSeen: number; problems: { code: string; message: string }[] })
      : errors
  }

  it('from folders with all below them, once, and only what can be a manifest', async () => {
    write('tree/a.yaml', node('a'))
    write('tree/deep/b.YML', node('b'))
    write('tree/deep/c.json', JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } }))
    write('tree/deep/README.md', node('d'))
    write('tree/.git/e.yaml', node('e'))
    symlinkSync(join(directory, 'tree'), join(directory, 'tree/deep/loop'))
    symlinkSync('gone', join(directory, 'tree/lost.yaml'))
    const found = await read('tree')
    expect(found).toMatchObject({
      objectsSeen: 3,
      problems: [{ code: 'unreadable-document', message: 'it cannot be opened' }],
    })
  })

  it('from a file of any name, with a mark or as PowerShell writes it', async () => {
    const text = write('text', `\uFEFF${node('a')}`)
    const wide = write('wide', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(node('b'), 'utf16le')]))
    const other = write('other', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(node('c'), 'utf16le').swap16()]))
    expect(await read(text, wide, other)).toMatchObject({ objectsSeen: 3, problems: [] })
  })

  it('not from a folder that cannot be opened, and says so', async () => {
    write('closed/in/a.yaml', node('a'))
    write('closed/b.yaml', node('b'))
    chmodSync(join(directory, 'closed/in'), 0o000)
    const found = await read('closed')
    chmodSync(join(directory, 'closed/in'), 0o700)
    // root reads everything.
    if (process.getuid?.() === 0) expect(found).toMatchObject({ objectsSeen: 2 })
    else expect(found).toMatchObject({ objectsSeen: 1, problems: [{ code: 'unreadable-document' }] })
  })

  it('from standard input', async () => {
    const cli = builtCommandLine()
    const child = spawn(process.execPath, [cli, 'kube', 'who-can', 'get', 'pods', '--from', '-', '--json'])
    child.stdin.end(manifests)
    let out = ''
    for await (const part of child.stdout) out += String(part)
    expect(JSON.parse(out)).toMatchObject({ objectsSeen: 6, problems: [{ place: { source: '-' } }] })
  })
})

describe('kubectl', () => {
  const kubectl = (body: string): Record<string, string> => {
    const path = write(`bin-${Math.random()}/kubectl`, `#!/bin/sh\n${body}\n`, 0o700)
    return { PATH: `${dirname(path)}:/usr/bin:/bin` }
  }

  it('is asked for each kind, and what it may not list is told of', async () => {
    const log = join(directory, 'asked')
    const env = kubectl(`echo "$@" >> ${log}
case "$*" in
*"get nodes "*) echo 'Error from server (Forbidden): nodes is forbidden: User "alice" cannot list resource' >&2; exit 1;;
*"get cronjobs"*) echo 'error: the server doesn'"'"'t have a resource type "cronjobs"' >&2; exit 1;;
*"get pods "*) echo '{"kind":"List","apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"containers":[]}}]}';;
*--raw*) echo 'open https://login.example' >&2; echo '{}';;
*) echo '{"kind":"List","apiVersion":"v1","items":[]}';;
esac`)
    const { code, out, errors } = await run(
      ['who-can', 'get', 'pods', '--context', 'prod', '--kubeconfig', '/k', '--json'],
      env,
    )
    expect({ code, errors }).toEqual({ code: 0, errors: 'open https://login.example\n' })
    expect(JSON.parse(out)).toMatchObject({ objectsSeen: 1 })
    const problems = (JSON.parse(out) as { problems: { code: string; object: string; place: object }[] }).problems
    expect(problems.map(({ code, object }) => `${code} ${object}`).sort()).toEqual([
      'not-permitted CronJob',
      'not-permitted Node',
      'server-version undefined',
    ])
    expect(problems[0]?.place).toEqual({ source: 'prod' })
    const { readFileSync } = await import('node:fs')
    const asked = readFileSync(log, 'utf8').trim().split('\n')
    expect(asked.every(line => line.startsWith('--context=prod --kubeconfig=/k get '))).toBe(true)
    expect(asked.join(' ')).not.toContain('secret')
    expect(asked.length).toBe(17)
    await run(['who-can', 'get', 'pods', '--scan-secrets'], env)
    expect(readFileSync(log, 'utf8')).toMatch(/get secrets --all-namespaces --chunk-size=500 -o jsonpath=/)
  })

  it.each([
    ['is not there', () => ({ PATH: directory }), 'kubectl is not there: install it, or give manifests by --from'],
    [
      'reaches nothing',
      () => kubectl('echo "The connection to the server was refused" >&2; exit 1'),
      'kubectl does not reach the cluster: The connection to the server was refused',
    ],
    ['fails within', () => kubectl('case "$*" in *--raw*) ;; *) echo boom >&2; exit 7;; esac'), 'failed: boom'],
  ])('that %s is a clear error', async (_, env, message) => {
    expect(await run(['who-can', 'get', 'pods'], env())).toMatchObject({
      code: 1,
      errors: expect.stringContaining(message),
    })
  })
})
