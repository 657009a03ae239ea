/** Manifests, output of Helm, dumps and what is wrong with them: everything is read or told of. */
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading, type ReadingOptions } from '../../rbac/reach/reading/reading.ts'
import { fc } from '../properties.ts'

function read(text: string, options: ReadingOptions = {}): ClusterObjects {
  const reading = createReading(options)
  reading.addText(text, 'a.yaml')
  return reading.finish()
}

const readCount = ({ roles, bindings, serviceAccounts, workloads, ...more }: ClusterObjects): number =>
  [roles, bindings, serviceAccounts, workloads, more.secrets, more.namespaces, more.nodes, more.others].flat().length

const unreadCount = ({ problems }: ClusterObjects): number => problems.reduce((sum, { unread = 0 }) => sum + unread, 0)

/** `lost-rule a.yaml:7 Role/r: …` */
const told = ({ problems }: ClusterObjects): string[] =>
  problems.map(({ code, place, object, message }) => `${code} ${place.line ?? '-'} ${object ?? '-'}: ${message}`)

const role = (rules: string, kind = 'ClusterRole'): string =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: { name: r }\n${rules}`
const rulesOf = (text: string) => read(text).roles[0]?.rules
const podReader = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }

describe('a reading', () => {
  it('knows what Helm prints: comments, empty documents, separators with comments', () => {
    const text = `# Source: chart/templates/empty.yaml
---
# Source: chart/templates/role.yaml
${role('rules: null\n')}---

--- # another
apiVersion: v1
kind: ServiceAccount
metadata: { name: deployer, namespace: payments }
automountServiceAccountToken: false
secrets: [{ name: token }]
...
---
null
`
    const objects = read(text)
    expect(objects.roles).toMatchObject([{ name: 'r', rules: [], place: { source: 'a.yaml', line: 4 } }])
    expect(objects.serviceAccounts).toMatchObject([{ automount: false, secrets: ['token'], place: { line: 11 } }])
    expect(objects).toMatchObject({ objectsSeen: 2, problems: [] })
  })

  const list = `apiVersion: v1
items:
- apiVersion: v1
  kind: Namespace
  metadata:
    name: payments
    annotations:
      text: |
        - no item
- apiVersion: v1
  kind: ServiceAccount
  metadata:
    name: deployer
    namespace: payments
kind: List
metadata:
  resourceVersion: ""
`
  const ofOne = list.slice(0, list.indexOf('- apiVersion: v1\n  kind: ServiceAccount'))
  it.each([
    ['after the items', `${ofOne}kind: List\nrules:\n- apiGroups: [""]\n  verbs: [get]\n`, 'rules', 11],
    ['before them', `subjects:\n- kind: User\n${ofOne}kind: List\n`, 'subjects', 1],
    ['beside anchors', `${ofOne.replace('payments', '&name payments')}kind: List\nrules: [*name]\n`, 'rules', 1],
  ])('of a list %s says what an indent lost', (_, text, key, line) => {
    expect(told(read(text))).toEqual([
      `lost-rule ${line} List: ${key} is no field of a list: what it holds is lost, or belongs to the item before it`,
    ])
  })

  it('of a role whose rules have an indent too many says it', () => {
    const text =
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: r\n  rules:\n  - verbs: [get]\n'
    expect(told(read(text))).toEqual([
      'lost-rule 1 ClusterRole/r: metadata.rules is no field of it: what it holds is lost',
    ])
    const binding = text
      .replace('ClusterRole', 'ClusterRoleBinding')
      .replace('  rules:\n  - verbs: [get]', '  subjects: []')
    expect(told(read(`${binding}roleRef: { kind: ClusterRole, name: r }\n`))).toEqual([
      'lost-rule 1 ClusterRoleBinding/r: metadata.subjects is no field of it: what it holds is lost',
    ])
  })

  it.each([
    ['of kubectl', list],
    ['of kubectl, indented', list.replace(/^(- | {2})/gm, '  $1').replace('  metadata:\n  res', 'metadata:\n  res')],
    ['whose kind comes first', `kind: List\n${list.replace('kind: List\n', '')}`],
    [
      'with an anchor',
      list.replace('name: payments\n', 'name: &ns payments\n').replace('namespace: payments', 'namespace: *ns'),
    ],
    ['with Windows line ends', list.replaceAll('\n', '\r\n')],
    [
      'in JSON',
      JSON.stringify(
        {
          apiVersion: 'v1',
          kind: 'List',
          items: [
            { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'payments' } },
            { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace: 'payments' } },
          ],
        },
        undefined,
        2,
      ),
    ],
    [
      'within a list',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'NamespaceList', items: [{ metadata: { name: 'payments' } }] },
          {
            apiVersion: 'v1',
            kind: 'List',
            items: [
              { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace: 'payments' } },
            ],
          },
          { apiVersion: 'v1', kind: 'List', items: null },
        ],
      }),
    ],
    [
      'in the words of the API server, one after the other',
      `{"kind":"NamespaceList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"payments"}}]}\n---\n{"kind":"ServiceAccountList","apiVersion":"v1","items":[{"metadata":{"name":"deployer","namespace":"payments"}}]}\n`,
    ],
    [
      'that is nothing but a list',
      `[{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"payments"}},{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"deployer","namespace":"payments"}}]`,
    ],
    [
      'in YAML with braces',
      '{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Namespace, metadata: {name: payments}}, {apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer, namespace: payments}}]}\n',
    ],
  ])('takes a list %s apart', (_, text) => {
    const objects = read(text)
    expect(told(objects)).toEqual([])
    expect(objects.objectsSeen).toBe(2)
    expect(objects.namespaces.map(({ name }) => name)).toEqual(['payments'])
    expect(objects.serviceAccounts).toMatchObject([{ name: 'deployer', namespace: 'payments' }])
  })

  it('says where items stand', () => {
    expect(read(list).serviceAccounts[0]?.place).toEqual({ source: 'a.yaml', line: 10 })
    const json =
      '{"kind":"List","items":[\n{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}},\n{"apiVersion":"v1","kind":"Node","metadata":{"name":"b"}}]}'
    expect(read(json).nodes.map(({ place }) => place.line)).toEqual([2, 3])
  })

  it('takes the last of two, and tells of the other', () => {
    const text = `${role(`rules: [${JSON.stringify(podReader)}]`)}\n---\n${role('rules: []')}\n`
    const objects = read(text)
    expect(objects.roles).toMatchObject([{ rules: [] }])
    expect(told(objects)).toEqual([
      'duplicate 1 ClusterRole/r: it comes again in a.yaml:6, and that one counts, as with kubectl apply',
    ])
    expect(objects.objectsSeen).toBe(2)
  })

  it('counts kinds that nobody knows, and reads what has a template of a pod', () => {
    const objects = read(
      [
        { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a' } },
        { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'b' } },
        {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Rollout',
          metadata: { name: 'c', namespace: 'books' },
          spec: { template: { spec: { containers: [], serviceAccountName: 'web' } } },
        },
        { apiVersion: 'v1', kind: 'Service', metadata: { name: 'd' } },
      ]
        .map(one => `---\n${stringify(one)}`)
        .join(''),
    )
    expect(told(objects)).toEqual([
      'unknown-kind 2 Application (argoproj.io/v1alpha1): nobody here knows this kind: 2 are not read, nor what it runs',
    ])
    expect(objects.workloads).toMatchObject([{ kind: 'Rollout', serviceAccount: 'web' }])
    expect(objects.others).toMatchObject([{ kind: 'Service', name: 'd' }])
    expect(readCount(objects) + unreadCount(objects)).toBe(objects.objectsSeen)
  })

  it('says what it assumes of objects without a namespace', () => {
    const text = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n'
    expect(told(read(text, { namespace: 'books' }))).toEqual([
      'assumed-namespace 1 -: one object has no namespace: taken for books, as with kubectl apply',
    ])
    expect(read(text).serviceAccounts[0]?.namespace).toBe('default')
  })

  const bound = (name: string): string =>
    `---\n${stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { kind: 'ClusterRole', name }, subjects: [{ kind: 'User', name: 'alice' }] })}`

  it('takes a role that every cluster has as Kubernetes ships it', () => {
    const more = { ...podReader, resources: ['things'] }
    const label = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }
    const own = stringify({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'more', labels: label },
      rules: [more],
    })
    const objects = read(`${['cluster-admin', 'view', 'mine'].map(bound).join('')}---\n${own}`)
    const rules = (name: string) => objects.roles.find(one => one.name === name)?.rules
    expect(rules('cluster-admin')).toEqual([
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ])
    expect(rules('view')?.length).toBeGreaterThan(10)
    expect(rules('view')).toContainEqual(more)
    expect(rules('mine')).toBeUndefined()
    expect(objects.problems.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'assumed-role ClusterRole/system:aggregate-to-view',
      'assumed-role ClusterRole/cluster-admin',
      'assumed-role ClusterRole/view',
    ])
    expect(objects.objectsSeen).toBe(4)
    expect(
      read(bound('edit'))
        .roles.map(({ name }) => name)
        .sort(),
    ).toEqual(['edit', 'system:aggregate-to-edit', 'system:aggregate-to-view', 'view'])
    // A cluster that has others of them has none of this name.
    const shipped = stringify({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'x', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    })
    expect(read(`${bound('cluster-admin')}---\n${shipped}`).roles.map(({ name }) => name)).toEqual(['x'])
    expect(read(bound('cluster-admin'), { assumesShippedRoles: false }).roles).toEqual([])
  })

  it('never keeps what a Secret holds', () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: {
        name: 't',
        namespace: 'books',
        annotations: {
          'kubernetes.io/service-account.name': 'web',
          'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"token":"aHVudGVyMg=="}}',
          long: 'aHVudGVyMg=='.repeat(100),
        },
      },
      data: { token: 'aHVudGVyMg==' },
      stringData: { token: 'hunter2' },
    }
    const objects = read(stringify(secret))
    expect(objects.secrets).toMatchObject([{ type: 'kubernetes.io/service-account-token' }])
    expect(objects.secrets[0]?.annotations).toEqual({ 'kubernetes.io/service-account.name': 'web' })
    expect(JSON.stringify(objects)).not.toMatch(/hunter2|aHVudGVyMg/)
    expect(JSON.stringify(read(`${JSON.stringify(secret)}x`))).not.toMatch(/hunter2|aHVudGVyMg/)
    expect(JSON.stringify(read(`a: [b "aHVudGVyMg=="\n${stringify(secret)}`))).not.toMatch(/hunter2|aHVudGVyMg/)
    expect(JSON.stringify(read('data:\n  token: |aHVudGVyMg\n    x\n'))).not.toMatch(/hunter2|aHVudGVyMg/)
    expect(JSON.stringify(read('data: { token: *aHVudGVyMg }\n'))).not.toMatch(/hunter2|aHVudGVyMg/)
    expect(JSON.stringify(read(`data: [aHVudGVyMg==\n${stringify(secret)}`))).not.toMatch(/hunter2|aHVudGVyMg/)
  })

  it.each(['the pod', 'a container'])('reads a process of a Windows node out of %s', where => {
    const securityContext = { windowsOptions: { hostProcess: true } }
    const spec = {
      containers: [{ name: 'main' }, where === 'the pod' ? { name: 'b' } : { name: 'b', securityContext }],
    }
    const pod = where === 'the pod' ? { ...spec, securityContext } : spec
    const metadata = { name: 'x', namespace: 'books' }
    expect(read(stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod })).workloads[0]?.hostAccess).toEqual([
      'hostProcess',
    ])
  })

  it('reads what a pod can do', () => {
    const spec = {
      serviceAccountName: 'web',
      automountServiceAccountToken: false,
      hostPID: true,
      nodeName: 'n1',
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        { name: 'a', hostPath: { path: '/var/run' } },
        { name: 'b', secret: { secretName: 'mounted' } },
        {
          name: 'c',
          projected: {
            sources: [
              { serviceAccountToken: { audience: 'sallyport', path: 't' } },
              { serviceAccountToken: { path: 'u' } },
              { secret: { name: 'projected' } },
            ],
          },
        },
        { name: 'd', csi: { driver: 'x', nodePublishSecretRef: { name: 'csi' } } },
      ],
      containers: [
        {
          name: 'main',
          env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'one', key: 'k' } } }],
          envFrom: [{ secretRef: { name: 'all' } }],
        },
      ],
      initContainers: [
        { name: 'i', securityContext: { privileged: true, capabilities: { add: ['CAP_SYS_ADMIN', 'NET_RAW'] } } },
      ],
    }
    const expected = {
      serviceAccount: 'web',
      automount: false,
      nodeName: 'n1',
      projectedAudiences: ['sallyport', ''],
      secrets: ['mounted', 'projected', 'csi', 'one', 'all', 'pull'],
      hostAccess: ['hostPID', 'hostPath:/var/run', 'privileged', 'capability:SYS_ADMIN', 'capability:NET_RAW'],
    }
    const metadata = { name: 'x', namespace: 'books', ownerReferences: [{ kind: 'ReplicaSet', name: 'rs' }] }
    for (const one of [
      { apiVersion: 'v1', kind: 'Pod', metadata, spec },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2, template: { spec } } },
      { apiVersion: 'batch/v1', kind: 'CronJob', metadata, spec: { jobTemplate: { spec: { template: { spec } } } } },
      { apiVersion: 'v1', kind: 'PodTemplate', metadata, template: { spec } },
    ])
      expect(read(stringify(one)).workloads, one.kind).toMatchObject([{ ...expected, owner: 'ReplicaSet/rs' }])
    const bare = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], serviceAccount: 'old' } }
    expect(read(stringify(bare)).workloads).toMatchObject([{ serviceAccount: 'old', secrets: [] }])
  })
})

describe('what is lost is told of', () => {
  const pods = '- apiGroups: [""]\n  resources: [pods]\n  verbs: [get]\n'
  it.each([
    [
      'a rule out of its list',
      `rules:\n${pods}apiGroups: [""]\nresources: [secrets]\nverbs: [list]\n`,
      ['apiGroups is no field of it', 'resources is no field of it', 'verbs is no field of it'],
    ],
    [
      'a dash',
      `rules:\n${pods}  apiGroups: [""]\n  resources: [secrets]\n  verbs: [list]\n`,
      ['rules[0].apiGroups stands twice', 'rules[0].resources stands twice', 'rules[0].verbs stands twice'],
    ],
    ['a second list', `rules:\n${pods}rules: []\n`, ['rules stands twice']],
    ['a mapping for a list', 'rules:\n  apiGroups: [""]\n  resources: [pods]\n  verbs: [get]\n', ['rules is no list']],
    ['verbs', 'rules:\n- apiGroups: [""]\n  resources: [pods]\n', ['rules[0] has no verbs']],
    [
      'verbs that slid out',
      `rules:\n- apiGroups: [""]\n  resources: [pods]\nverbs: [get]\n`,
      ['verbs is no field of it', 'rules[0] has no verbs'],
    ],
    ['groups', 'rules:\n- resources: [pods]\n  verbs: [get]\n', ['rules[0] has no apiGroups']],
    ['what it is for', 'rules:\n- apiGroups: [""]\n  verbs: [get]\n', ['rules[0] has no resources']],
    [
      'a letter',
      'rules:\n- apiGroups: [""]\n  resource: [pods]\n  verbs: [get]\n',
      ['rules[0].resource is no field', 'rules[0] has no resources'],
    ],
    [
      'brackets',
      'rules:\n- apiGroups: [""]\n  resources: pods\n  verbs: [get]\n',
      ['rules[0].resources is no list of texts', 'rules[0] has no resources'],
    ],
    [
      'a name that is a number',
      'rules:\n- apiGroups: [""]\n  resources: [pods]\n  verbs: [get]\n  resourceNames: [1]\n',
      ['rules[0].resourceNames is no list of texts'],
    ],
    ['a capital letter', `Rules:\n${pods}`, ['Rules is no field of it']],
    ['a rule', 'rules: [pods]\n', ['rules[0] is no rule']],
    [
      'selectors',
      'aggregationRule: { clusterRoleSelector: [] }\nrules:\n- apiGroups: [""]\n  resources: [pods]\n  verbs: [get]\n',
      ['aggregationRule.clusterRoleSelector is no field', 'clusterRoleSelectors is no list'],
    ],
    [
      'an operator',
      'aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: a, operator: In }] }] }\n',
      ['In needs values', 'none of these was read'],
    ],
  ])('%s', (_, text, expected) => {
    const objects = read(role(text))
    expect(objects.problems.filter(({ code }) => code !== 'lost-rule' && code !== 'aggregation')).toEqual([])
    const messages = objects.problems.map(({ message }) => message)
    for (const [at, part] of expected.entries()) expect(messages[at]).toContain(part)
    expect(messages.length).toBe(expected.length)
    expect(objects.roles.length).toBe(1)
  })

  it('and the other rules are read, each at its index', () => {
    const rules = rulesOf(role(`rules:\n- apiGroups: [""]\n  resources: [secrets]\n${pods}`))
    expect(rules).toEqual([{ apiGroups: [''], resources: ['secrets'], verbs: [] }, podReader])
    // The same in JSON, whose parser says nothing of a key that comes twice.
    const json = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r","namespace":"a"},"rules":[{"apiGroups":[""],"resources":["pods"],"resources":["secrets"],"verbs":["get"]}]}`
    expect(told(read(json))).toEqual(['lost-rule 1 Role/a/r: rules[0].resources stands twice: the last counts alone'])
  })

  it('merge keys bring their rule', () => {
    const text = role(
      `rules:\n- &base\n  apiGroups: [""]\n  resources: [pods]\n  verbs: [get]\n- <<: *base\n  resources: [secrets]\n`,
    )
    expect(rulesOf(text)).toEqual([podReader, { ...podReader, resources: ['secrets'] }])
    expect(told(read(text))).toEqual([])
  })

  const binding = (rest: string): string =>
    `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: { name: b, namespace: books }\n${rest}`
  const ref = 'roleRef: { kind: Role, name: r }\n'
  it.each([
    ['subjects that are none', `${ref}subjects: { kind: User, name: alice }\n`, 'lost-rule', 'subjects is no list'],
    ['a mistyped key', `${ref}subject: [{ kind: User, name: alice }]\n`, 'lost-rule', 'subject is no field'],
    ['a kind of subject', `${ref}subjects: [{ kind: Robot, name: alice }]\n`, 'lost-rule', 'subjects[0] names nobody'],
    [
      'a group of an API',
      `${ref}subjects: [{ kind: User, apiGroup: user.openshift.io, name: alice }]\n`,
      'lost-rule',
      'subjects[0] names nobody',
    ],
    ['a name', `${ref}subjects: [{ kind: User }]\n`, 'lost-rule', 'subjects[0] names nobody'],
    ['a role', 'subjects: []\n', 'invalid-object', 'roleRef is missing'],
    ['a kind of role', 'roleRef: { kind: Rolle, name: r }\n', 'invalid-object', 'neither Role nor ClusterRole'],
    [
      'a group of a role',
      'roleRef: { apiGroup: example.com, kind: Role, name: r }\n',
      'invalid-object',
      'roleRef.apiGroup',
    ],
  ])('of a binding: %s', (_, text, code, message) => {
    expect(read(binding(text)).problems).toMatchObject([{ code, message: expect.stringContaining(message) }])
  })

  it.each([
    ['no metadata', 'apiVersion: v1\nkind: ServiceAccount\n', 'metadata is missing'],
    ['no name', 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {}\n', 'metadata.name is no text'],
    [
      'a number for a name',
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: 1 }\n',
      'metadata.name is no text',
    ],
    [
      'a label without quotes',
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a, labels: { x: true } }\n',
      'metadata.labels.x is no text',
    ],
    [
      'a name with a slash',
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a/b }\n',
      'metadata.name has a character',
    ],
    [
      'a namespace with a slash',
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a, namespace: b/c }\n',
      'metadata.namespace is no name',
    ],
    ['no kind', 'apiVersion: v1\nmetadata: { name: a }\n', 'kind is no text'],
    ['an error of Helm', 'Error: INSTALLATION FAILED\n', 'apiVersion is no text'],
    ['one word', 'hello\n', 'no object of Kubernetes'],
    ['a number', '17\n', 'no object of Kubernetes'],
    [
      'a pod without a template',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a, namespace: b }\n',
      'no template of a pod',
    ],
  ])('an object with %s', (_, text, message) => {
    const objects = read(text)
    expect(objects.problems).toMatchObject([
      { code: 'invalid-object', unread: 1, message: expect.stringContaining(message) },
    ])
    expect(readCount(objects) + 1).toBe(objects.objectsSeen)
  })

  it('a name that the server makes', () => {
    const text =
      'apiVersion: batch/v1\nkind: Job\nmetadata: { generateName: a-, namespace: b }\nspec: { template: { spec: {} } }\n'
    expect(read(text).workloads).toMatchObject([{ name: 'a-*' }])
  })

  it.each([
    ['no YAML', 'a: b: c\n', 'unreadable-document', 1],
    ['no JSON', '{"a": nothing}', 'unreadable-document', 1],
    [
      'something after JSON',
      '{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}\nbye',
      'unreadable-document',
      1,
    ],
    ['an unknown alias', 'a: *nothing\n', 'unreadable-document', 1],
    ['an alias within itself', 'a: &a [*a]\n', 'invalid-object', 1],
    [
      'a bomb',
      `a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(10)}]\n`).join('')}`,
      'too-much',
      1,
    ],
    ['a depth without end', `a: ${'['.repeat(20_000)}\n`, 'unreadable-document', 1],
    ['lists within lists', `${'{"kind":"List","items":['.repeat(12)}${']}'.repeat(12)}`, 'too-much', 1],
    ['JSON that was cut off', '{"apiVersion":"v1","kind":"Node","metadata":{"na', 'cut-off', 1],
  ])('%s', (_, text, code, unread) => {
    const objects = read(text)
    expect(objects.problems).toMatchObject([{ code, unread }])
    expect(readCount(objects) + unreadCount(objects)).toBe(objects.objectsSeen)
  })

  it('more objects than anybody can hold', () => {
    const objects = read(
      Array.from({ length: 5 }, (_, at) => `---\napiVersion: v1\nkind: Node\nmetadata: { name: n${at} }\n`).join(''),
      { mostObjects: 3 },
    )
    expect(objects.nodes.length).toBe(3)
    expect(objects.problems).toMatchObject([{ code: 'too-much', unread: 2 }])
  })

  it('a dump in JSON that ends within an item, which counts as one that was not read', () => {
    const node = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}'
    const objects = read(`{"apiVersion":"v1","items":[${node},{"apiVersion":"v1","ki`)
    expect(objects.objectsSeen).toBe(2)
    expect(objects.problems).toMatchObject([{ code: 'cut-off', unread: 1 }])
    expect(read(`{"apiVersion":"v1","items":[${node},`).objectsSeen).toBe(1)
  })

  it('a dump in YAML that ends after an item', () => {
    const text = 'apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata:\n    name: a\n'
    expect(read(text).nodes.length).toBe(1)
    expect(read(text).problems).toMatchObject([
      { code: 'cut-off', message: expect.stringContaining('the kind of the list') },
    ])
    expect(read(`${text}- apiVersion: v1\n  kind: No`).problems.map(({ code }) => code)).toEqual([
      'invalid-object',
      'no-line-break',
      'cut-off',
    ])
  })
})

describe('objects that are seen', () => {
  const good = (at: number) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `n${at}`, labels: { text: '"}{[]:,\\ - items' } },
  })
  const thing = fc.constantFrom<(at: number) => unknown>(
    good,
    good,
    at => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: `a${at}` } }),
    () => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'twice', namespace: 'x' } }),
    at => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: `t${at}` } }),
    at => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `s${at}`, namespace: 'x' }, data: { a: 'eA==' } }),
    () => ({ apiVersion: 'v1', kind: 'Node' }),
    () => 'word',
  )
  const forms = fc.constantFrom<(items: readonly unknown[]) => string>(
    items => items.map(item => `---\n${stringify(item)}`).join(''),
    items => stringify({ apiVersion: 'v1', items, kind: 'List' }),
    items => stringify({ apiVersion: 'v1', items, kind: 'List' }, { indentSeq: false }),
    items => JSON.stringify({ apiVersion: 'v1', items, kind: 'List' }, undefined, 2),
    items => JSON.stringify({ kind: 'List', apiVersion: 'v1', items }),
  )
  const things = fc.array(thing, { minLength: 1, maxLength: 12 }).map(list => list.map((make, at) => make(at)))

  it('are read, or counted by a problem', () => {
    fc.assert(
      fc.property(things, forms, (items, form) => {
        const objects = read(form(items))
        expect(objects.objectsSeen).toBe(items.length)
        expect(readCount(objects) + unreadCount(objects)).toBe(items.length)
      }),
    )
  })

  it('stay so wherever the text is cut off, and what came whole before it is read', () => {
    fc.assert(
      fc.property(fc.nat(10), forms, fc.double({ min: 0, max: 1, noNaN: true }), (count, form, part) => {
        const items = Array.from({ length: count + 1 }, (_, at) => good(at))
        const text = form(items)
        const cut = text.slice(0, Math.floor(part * text.length))
        const objects = read(cut)
        expect(readCount(objects) + unreadCount(objects)).toBe(objects.objectsSeen)
        const names = objects.nodes.map(({ name }) => name)
        const whole = items.filter((_, at) => cut.includes(`n${at + 1}`)).map((_, at) => `n${at}`)
        expect(names).toEqual(expect.arrayContaining(whole))
        if (names.length < items.length && text.startsWith('{') && cut.trim() !== '')
          expect(objects.problems.map(({ code }) => code)).toContainEqual(
            cut.trim() === '{' ? expect.anything() : 'cut-off',
          )
      }),
    )
  })
})
