/** `sallyport kube review --what-if`, as somebody sees it who is about to apply an edit. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { whatIfSchema } from '../../cli/kube/reach/change/what-if-schema.ts'
import type { Report } from '../../rbac/reach/report/report.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-what-if-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)

const run = (...args: readonly string[]) => runKube(directory, ['review', ...args])

const api = 'apiVersion: rbac.authorization.k8s.io/v1'
const group = 'apiGroup: rbac.authorization.k8s.io'
const deployer = '{ kind: ServiceAccount, namespace: payments, name: deployer }'

write(
  'cluster.yaml',
  `${api}
kind: ClusterRole
metadata: { name: minter }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }
- { apiGroups: [""], resources: [configmaps], verbs: [get] }
---
${api}
kind: ClusterRoleBinding
metadata: { name: minters }
roleRef: { ${group}, kind: ClusterRole, name: minter }
subjects: [${deployer}]
---
${api}
kind: ClusterRoleBinding
metadata: { name: admins }
roleRef: { ${group}, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, namespace: ops, name: admin }]
---
${api}
kind: ClusterRoleBinding
metadata: { name: delegators }
roleRef: { ${group}, kind: ClusterRole, name: "system:auth-delegator" }
subjects: [{ kind: User, name: alice }, { kind: User, name: bob }]
---
{ apiVersion: v1, kind: ServiceAccount, metadata: { namespace: payments, name: deployer } }
---
{ apiVersion: v1, kind: ServiceAccount, metadata: { namespace: ops, name: admin } }
`,
)

const role = (rules: string, name = 'minter') =>
  `${api}\nkind: ClusterRole\nmetadata: { name: ${name} }\nrules: ${rules}\n`
const binding = (name: string, to: string, subjects: string) =>
  `${api}\nkind: ClusterRoleBinding\nmetadata: { name: ${name} }\nroleRef: { ${group}, kind: ClusterRole, name: "${to}" }\nsubjects: ${subjects}\n`

const whatIf = (name: string, ...args: readonly string[]) => run('--from', 'cluster.yaml', '--what-if', name, ...args)

interface Document {
  readonly asked?: object
  readonly reach: {
    readonly openBefore: number
    readonly openAfter: number
    readonly reopened: readonly string[]
    readonly accepted: readonly string[]
    readonly closes: readonly { readonly move: string; readonly subject: string }[]
    readonly opens: readonly { readonly move: string; readonly subject: string; readonly isExpected: boolean }[]
    readonly changes: readonly { readonly before: { readonly id: string } }[]
    readonly remains: readonly { readonly move: string }[]
    readonly worse: readonly string[]
    readonly sinks: readonly { readonly sink: string; readonly lost: string[]; readonly gained: string[] }[]
  }
  readonly writtenBack: readonly object[]
  readonly notJudged: readonly object[]
  readonly isNew: readonly object[]
}

const documentOf = async (name: string, ...args: readonly string[]): Promise<Document> =>
  JSON.parse((await whatIf(name, '--json', ...args)).out) as Document

test('the edit that a review prints says what it closes, and who gets nowhere any more', async () => {
  const report = JSON.parse((await run('--from', 'cluster.yaml', '--json')).out) as Report
  const [minting] = report.groups.filter(({ findings }) => findings[0]?.startsWith('ID09~'))
  write('edit.yaml', minting?.edits.map(({ patch }) => patch).join('---\n') ?? '')
  const { code, out } = await whatIf('edit.yaml', '--fail-on', 'low')
  expect(out.slice(0, out.indexOf('Not read'))).toMatchInlineSnapshot(`
    "
    Reach: 4 open findings become 3
    1 closes: 1 critical
      - critical ID09: Service account payments/deployer can mint tokens for service
          accounts in the whole cluster, by ClusterRoleBinding minters (ClusterRole
          minter).
    cluster-admin: 1 reach it no longer: service account payments/deployer
    system:masters: 1 reach it no longer: service account payments/deployer
    every Secret: 1 reach it no longer: service account payments/deployer
    a node: 1 reach it no longer: service account payments/deployer
    "
  `)
  expect(code).toBe(0)
  expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
})

describe('M15: an edit that closes one way and opens another', () => {
  write('other-way.yaml', role('[{ apiGroups: [""], resources: [users], verbs: [impersonate] }]'))

  test('is said to do both, and --fail-on counts what opens alone', async () => {
    const { reach } = await documentOf('other-way.yaml')
    expect(reach.closes.map(({ move }) => move)).toContain('ID09')
    expect(reach.opens.map(({ move, subject }) => [move, subject])).toEqual([
      ['ID02', 'service-account:payments/deployer'],
    ])
    expect((await whatIf('other-way.yaml')).code).toBe(0)
    expect((await whatIf('other-way.yaml', '--fail-on', 'critical')).code).toBe(1)
    const { out } = await whatIf('other-way.yaml', '--severity', 'critical')
    expect(out).toMatch(/1 opens: 1 critical\n {2}\+ critical ID02: Service account payments\/deployer can/)
  })

  test('is said of whoever has a way by somebody else, too', async () => {
    write(
      'lower.yaml',
      `${role('[{ apiGroups: [""], resources: [pods], verbs: [get] }]')}---\n${binding('more', 'cluster-admin', `[${deployer}]`)}`,
    )
    write(
      'becoming.yaml',
      `${role('[{ apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [deployer], verbs: [create] }]', 'named')}---\n${binding('named', 'named', '[{ kind: User, name: carol }]')}`,
    )
    const { reach } = await documentOf('becoming.yaml')
    expect(reach.sinks.find(({ sink }) => sink === 'sink:cluster-admin')?.gained).toEqual(['user:carol'])
    expect((await documentOf('lower.yaml')).reach.sinks.flatMap(({ gained }) => gained)).toEqual([])
  })

  test('a narrower right closes nothing whole, and opens nothing', async () => {
    write(
      'narrow.yaml',
      role('[{ apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [deployer], verbs: [create] }]'),
    )
    const { reach } = await documentOf('narrow.yaml')
    expect(reach.opens).toEqual([])
    expect(reach.changes.map(({ before }) => before.id.slice(0, 5))).toEqual(['ID09~'])
    expect(reach.closes.map(({ move }) => move)).not.toContain('ID09')
  })
})

describe('M16: a change that the cluster does not keep', () => {
  test('of a role that Kubernetes writes back counts as if it stayed', async () => {
    write('emptied.yaml', role('[]', 'cluster-admin'))
    write('gone.yaml', '$patch: delete\nkind: ClusterRole\nmetadata: { name: cluster-admin }\n')
    for (const name of ['emptied.yaml', 'gone.yaml']) {
      const { reach, writtenBack } = await documentOf(name)
      expect(writtenBack).toEqual([{ kind: 'ClusterRole', name: 'cluster-admin' }])
      expect([...reach.closes, ...reach.sinks.flatMap(({ lost }) => lost)]).toEqual([])
      expect((await whatIf(name)).out).toMatch(/ClusterRole cluster-admin is written back when the API server starts/)
    }
  })

  test('that takes away what somebody added to such a role does close it', async () => {
    write(
      'with.yaml',
      `${api}\nkind: ClusterRole\nmetadata: { name: "system:auth-delegator", labels: { kubernetes.io/bootstrapping: rbac-defaults } }\nrules:\n- { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }\n- { apiGroups: [""], resources: [secrets], verbs: [list] }\n---\n${binding('delegators', 'system:auth-delegator', '[{ kind: User, name: alice }]')}`,
    )
    write(
      'without.yaml',
      role(
        '[{ apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }]',
        '"system:auth-delegator"',
      ),
    )
    const { out } = await run('--from', 'with.yaml', '--what-if', 'without.yaml', '--json')
    const { reach, writtenBack } = JSON.parse(out) as Document
    expect(writtenBack).toEqual([])
    expect(reach.closes.map(({ move }) => move)).toContain('ID10')
  })

  test('and one that the API server refuses is an error', async () => {
    write('reference.yaml', binding('admins', 'minter', `[${deployer}]`))
    const { code, errors } = await whatIf('reference.yaml')
    expect(code).toBe(1)
    expect(errors).toContain('which the API server never lets change')
  })
})

describe('M17: a change that hides what it brings', () => {
  test.each([
    [
      'a role that manifests never contain',
      binding('more', 'cluster-admin', '[{ kind: User, name: mallory }]'),
      ['RB05'],
    ],
    [
      'the label of Kubernetes itself, and a name that it ships',
      `${role('[{ apiGroups: [""], resources: [secrets], verbs: [get] }]', '"system:controller:expand-controller", labels: { kubernetes.io/bootstrapping: rbac-defaults }')}---\n${binding('"system:controller:expand-controller", labels: { kubernetes.io/bootstrapping: rbac-defaults }', 'system:controller:expand-controller', '[{ kind: ServiceAccount, namespace: kube-system, name: expand-controller }]')}`,
      ['ID11', 'RB09'],
    ],
    [
      'a list of objects',
      `apiVersion: v1\nkind: List\nitems:\n- ${JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'x' }, roleRef: { kind: 'ClusterRole', name: 'minter' }, subjects: [{ kind: 'User', name: 'mallory' }] })}\n`,
      ['ID09'],
    ],
    [
      'a workload that can leave its container',
      'apiVersion: v1\nkind: Pod\nmetadata: { namespace: payments, name: p }\nspec: { hostPID: true, containers: [{ name: a, securityContext: { privileged: true } }] }\n',
      ['WL19'],
    ],
  ])('by %s: it is said', async (_, text, moves) => {
    write('hiding.yaml', text)
    const { reach } = await documentOf('hiding.yaml')
    expect(
      reach.opens
        .map(({ move }) => move)
        .filter(one => one !== 'RB08')
        .sort(),
    ).toEqual(moves)
    expect((await whatIf('hiding.yaml', '--fail-on', 'low')).code).toBe(1)
  })

  test.each([
    [
      'a patch that says something else than delete',
      '$patch: replace\nkind: ClusterRole\nmetadata: { name: minter }\n',
      'of $patch only delete is read',
    ],
    ['a rule that is lost by its indent', `${role('[]')}verbs: [get]\n`, 'lost-rule'],
    [
      'a kind that nobody knows',
      'apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: x }\n',
      'nobody here knows this kind',
    ],
    ['nothing at all', '# nothing\n', 'there is no object in it'],
    [
      'one object twice',
      `${role('[]')}---\n${role('[{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]')}`,
      'comes again',
    ],
  ])('by %s: it is an error', async (_, text, message) => {
    write('bad.yaml', text)
    const { code, out, errors } = await whatIf('bad.yaml')
    expect([code, out]).toEqual([1, ''])
    if (message !== 'lost-rule') expect(errors).toContain(message)
  })

  test('by a role of Kubernetes that nothing bound before: it is said', async () => {
    write('edit-role.yaml', binding('editors', 'edit', '[{ kind: User, name: mallory }]'))
    const { reach } = await documentOf('edit-role.yaml')
    expect(reach.opens.map(({ move }) => move)).toEqual(
      expect.arrayContaining(['ID03', 'ID09', 'ID10', 'RB08', 'WL01']),
    )
    expect(reach.sinks.find(({ sink }) => sink === 'sink:cluster-admin')?.gained).toEqual(['user:mallory'])
  })

  test('and what is not judged is named', async () => {
    write(
      'config.yaml',
      `${role('[]')}---\n{ apiVersion: v1, kind: ConfigMap, metadata: { namespace: payments, name: settings } }\n`,
    )
    expect((await documentOf('config.yaml')).notJudged).toEqual([
      { kind: 'ConfigMap', namespace: 'payments', name: 'settings' },
    ])
    expect((await whatIf('config.yaml')).out).toContain('Not judged, as objects that give no right: ConfigMap')
  })
})

describe('M18: an edit for one of several holders', () => {
  test('takes all of them out of the binding', async () => {
    const report = JSON.parse((await run('--from', 'cluster.yaml', '--json')).out) as Report
    const [shared] = report.groups.filter(({ findings }) => findings.some(id => id.includes('user:bob')))
    expect(shared?.findings.length).toBe(2)
    write('shared.yaml', shared?.edits.map(({ patch }) => patch).join('---\n') ?? '')
    expect((await documentOf('shared.yaml')).reach.closes.map(({ subject }) => subject).sort()).toEqual([
      'user:alice',
      'user:bob',
    ])
  })
})

test('a deletion, and what is not there', async () => {
  write(
    'delete.yaml',
    '$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: minters }\n---\n$patch: delete\nkind: RoleBinding\nmetadata: { name: typo }\n',
  )
  const { reach, isNew } = await documentOf('delete.yaml')
  expect(isNew).toEqual([{ kind: 'RoleBinding', namespace: 'default', name: 'typo' }])
  expect(reach.sinks.find(({ sink }) => sink === 'sink:cluster-admin')?.lost).toEqual([
    'service-account:payments/deployer',
  ])
})

test('what goes with another option is refused', async () => {
  for (const more of [
    ['--to', 'node'],
    ['--baseline', 'cluster.yaml'],
    ['--output', 'csv'],
    ['--output', 'sarif'],
  ])
    expect((await whatIf('other-way.yaml', ...more)).code).toBe(2)
})

test('M19: control and direction characters of names are escaped in JSON, whose values stay the same', async () => {
  const name = 'ali\u202Ece\u009B31m\u2066\u2028\u{E0041}'
  write('names.yaml', binding('more', 'cluster-admin', `[{ kind: User, name: ${JSON.stringify(name)} }]`))
  for (const args of [
    ['--json'],
    ['--json', '--what-if', 'other-way.yaml'],
    ['--output', 'sarif'],
    ['--json', '--to', 'node'],
  ]) {
    const from = args.includes('--what-if') ? ['--from', 'names.yaml', 'cluster.yaml'] : ['--from', 'names.yaml']
    const { out } = await run(...from, ...args)
    expect(out).not.toMatch(/[\u007F-\u009F]|\p{Cf}|\p{Zl}|\p{Zp}/u)
    if (!args.includes('--what-if'))
      expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(name).slice(1, -1))
  }
})

// What zod takes is the same JSON Schema, which it knows by another type.
const schema = z.fromJSONSchema(whatIfSchema as Parameters<typeof z.fromJSONSchema>[0])

describe('with what is accepted', () => {
  const more = binding('minters', 'minter', `[${deployer}, { kind: User, name: mallory }]`)
  const accept = async (from = 'cluster.yaml') => {
    const { out } = await run('--from', from, '--suppress-draft', '--severity', 'low')
    write('accepted.yaml', out.replaceAll('reason: ""', 'reason: seen'))
    return ['--suppress', 'accepted.yaml', '--fail-on', 'low'] as const
  }

  test('it is neither open before nor afterwards, as long as nothing is made more of it', async () => {
    const args = await accept()
    write('nothing.yaml', role('[{ apiGroups: [""], resources: [configmaps], verbs: [get] }]', 'harmless'))
    const document = await documentOf('nothing.yaml', ...args)
    expect(document.reach).toMatchObject({ opens: [], reopened: [], remains: [], closes: [] })
    expect(document.reach.openAfter).toBe(document.reach.openBefore)
    expect((await whatIf('nothing.yaml', ...args)).code).toBe(0)
    const closing = (await documentOf('delete.yaml', ...args)).reach.closes.map(({ move }) => move)
    expect([closing.includes('ID09'), (await documentOf('delete.yaml')).reach.closes.map(({ move }) => move)]).toEqual([
      false,
      expect.arrayContaining(['ID09']),
    ])
    expect(schema.safeParse(document).error).toBeUndefined()
  })

  test('M28 a change that widens it opens it again, for --fail-on as well', async () => {
    const args = await accept()
    write('wider.yaml', more)
    const { code, out } = await whatIf('wider.yaml', ...args)
    expect([code, out]).toEqual([1, expect.stringContaining('It was accepted as it was, and is not as it would be.')])
    const { reach } = await documentOf('wider.yaml', ...args)
    const ids = reach.opens.map(({ subject }) => subject)
    expect(ids).toContain('user:mallory')
    expect(ids).toContain('service-account:payments/deployer')
    expect(reach.reopened.length).toBeGreaterThan(0)
    // Without the list it is one of many that were open before.
    const plain = await documentOf('wider.yaml')
    expect(plain.reach.opens.map(({ subject }) => subject)).not.toContain('service-account:payments/deployer')
  })

  test('M28 what is accepted in the whole cluster says nothing for what comes in a namespace', async () => {
    const args = await accept()
    write(
      'other.yaml',
      `$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: minters }\n---\n${api}\nkind: RoleBinding\nmetadata: { namespace: ops, name: minters }\nroleRef: { ${group}, kind: ClusterRole, name: minter }\nsubjects: [${deployer}]\n`,
    )
    const { code } = await whatIf('other.yaml', ...args)
    const { reach } = await documentOf('other.yaml', ...args)
    expect([code, reach.opens.map(({ subject }) => subject)]).toEqual([1, ['service-account:payments/deployer']])
  })

  test('what is accepted as it would be is no reason to fail', async () => {
    write('after.yaml', more)
    write('whole.yaml', `${readFileSync(join(directory, 'cluster.yaml'), 'utf8')}---\n${more}`)
    const args = await accept('whole.yaml')
    expect((await whatIf('after.yaml', ...args)).code).toBe(0)
    const document = await documentOf('after.yaml', ...args)
    expect(document.reach.accepted.some(id => id.includes('user:mallory'))).toBe(true)
    expect(schema.safeParse(document).error).toBeUndefined()
  })
})

describe('of one subject, or in one namespace, alone', () => {
  const both = '$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: '

  test('the rest is neither shown nor counted', async () => {
    write(
      'gone.yaml',
      `${both}minters }\n---\n${both}admins }\n---\n${binding('new', 'cluster-admin', '[{ kind: User, name: carol }]')}`,
    )
    const all = await documentOf('gone.yaml')
    const one = await documentOf('gone.yaml', '--subject', 'ops/admin')
    expect(new Set(one.reach.closes.map(({ subject }) => subject))).toEqual(new Set(['service-account:ops/admin']))
    expect(one.reach.opens).toEqual([])
    expect(new Set(one.reach.sinks.flatMap(({ lost, gained }) => [...lost, ...gained]))).toEqual(
      new Set(['service-account:ops/admin']),
    )
    expect(one.asked).toEqual({ subject: 'service-account:ops/admin' })
    expect(one.reach.openBefore).toBeLessThan(all.reach.openBefore)
    expect(one.reach.openAfter).toBe(0)
    const inside = await documentOf('gone.yaml', '--namespace', 'payments')
    expect(inside.reach.closes.map(({ subject }) => subject)).toContain('service-account:payments/deployer')
    expect(inside.reach.sinks.flatMap(({ lost }) => lost)).toContain('service-account:payments/deployer')
    expect(inside.reach.sinks.flatMap(({ lost }) => lost)).not.toContain('service-account:ops/admin')
    expect((await whatIf('gone.yaml', '--fail-on', 'low', '--subject', 'user:carol')).code).toBe(1)
    expect((await whatIf('gone.yaml', '--fail-on', 'low', '--subject', 'ops/admin')).code).toBe(0)
    for (const document of [all, one, inside]) expect(schema.safeParse(document).error).toBeUndefined()
  })

  test('a document that lacks a field is none', async () => {
    const document = await documentOf('gone.yaml')
    const without = (value: object, key: string) =>
      Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
    for (const key of Object.keys(document)) expect(schema.safeParse(without(document, key)).success).toBe(false)
    for (const key of Object.keys(document.reach))
      expect(schema.safeParse({ ...document, reach: without(document.reach, key) }).success).toBe(false)
  })
})
