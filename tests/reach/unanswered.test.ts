/** Checks of a pipeline (`--fail-on`, `excess --what-if`) over input that is not whole: none of them passes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unansweredBy } from '../../cli/kube/reach/unanswered.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { auditEvent } from './audit-events.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-unanswered-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const harmless = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reader }
rules: [{ apiGroups: [''], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: readers }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader }
subjects: [{ kind: ServiceAccount, namespace: shop, name: reader }]
---
apiVersion: v1
kind: ServiceAccount
metadata: { namespace: shop, name: reader, annotations: { sallyport.dev/owner: shop } }
`
const everything = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: all }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, namespace: shop, name: reader }]
`
const rule = "{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }"
const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: more }\n'

/** Of a list as kubectl writes it, whose kind comes last. */
const item = (text: string): string => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`

/** What each file has beside what harms nobody, and the code that its problem has. */
const notWhole = {
  'cut-off': `apiVersion: v1\nitems:\n${harmless.split('---\n').map(item).join('')}`,
  'unreadable-document': `${harmless}---\nkind: [ClusterRoleBinding\n${everything}`,
  'lost-rule': `${harmless}---\n${role}rules: []\nrule: [${rule}]\n`,
  'invalid-object': `${harmless}${everything.replace('kind: ClusterRole,', 'kind: User,')}`,
  'too-much': `${harmless}---\n${JSON.stringify(deepList())}\n`,
} as const

beforeAll(() => {
  writeFileSync(join(directory, 'whole.yaml'), harmless)
  for (const [code, text] of Object.entries(notWhole)) writeFileSync(join(directory, `${code}.yaml`), text)
  writeFileSync(
    join(directory, 'no-rights.yaml'),
    `${harmless}---\nreplicas: 3\n---\nkind: Deployment\napiVersion: v9\n`,
  )
  writeFileSync(join(directory, 'edit.yaml'), harmless.split('---\n')[0] as string)
  const user = 'system:serviceaccount:shop:reader'
  const calls = ['get', 'get'].map(verb =>
    auditEvent({ user, verb, group: '', resource: 'pods', namespace: 'shop', name: 'a' }),
  )
  writeFileSync(join(directory, 'audit.log'), calls.map(call => `${JSON.stringify(call)}\n`).join(''))
})

const checks = {
  review: ['review', '--fail-on', 'critical'],
  'review as SARIF': ['review', '--output', 'sarif', '--fail-on', 'critical'],
  'review --what-if': ['review', '--what-if', 'edit.yaml', '--fail-on', 'critical'],
  inventory: ['inventory', '--fail-on', 'critical'],
  excess: ['excess', '--audit', 'audit.log', '--fail-on', '100'],
  'excess --what-if': ['excess', '--audit', 'audit.log', '--what-if', 'edit.yaml'],
} as const

describe.each(Object.entries(checks))('%s', (_, args) => {
  test('passes where everything was read', async () => {
    const { code, errors } = await runKube(directory, [...args, '--from', 'whole.yaml'])
    expect([code, errors]).toEqual([0, ''])
  })

  test('passes where what was not read can give no right', async () => {
    const { code } = await runKube(directory, [...args, '--from', 'no-rights.yaml'])
    expect(code).toBe(0)
  })

  test.each(Object.keys(notWhole))('does not pass with %s, and says where', async code => {
    const ended = await runKube(directory, [...args, '--from', `${code}.yaml`])
    expect(ended.code).toBe(1)
    const errors = ended.errors.replaceAll(/\s+/g, ' ')
    expect(errors).toContain(`cannot be answered, since rights may stand in what was not read: ${code}.yaml`)
    expect(errors).toContain(`[${code}]`)
  })
})

test('without a check the same input is answered, and what was not read is said', async () => {
  for (const command of ['review', 'inventory']) {
    const { code, out } = await runKube(directory, [command, '--from', 'cut-off.yaml'])
    expect([code, out]).toEqual([0, expect.stringContaining('[cut-off]')])
  }
})

test('a file without a line break at its end is whole, as kubectl takes it, and it is said', async () => {
  writeFileSync(join(directory, 'no-break.yaml'), harmless.trimEnd())
  const { code, out, errors } = await runKube(directory, ['review', '--from', 'no-break.yaml', '--fail-on', 'low'])
  expect([code, errors, out]).toEqual([0, '', expect.stringContaining('[no-line-break]')])
  const reading = createReading()
  reading.addText(harmless.trimEnd(), '-')
  expect(unansweredBy(reading.finish()).map(problem => problem.code)).toEqual(['cut-off'])
})

test('a kind that may not be listed keeps a check from its answer where the answer needs it', () => {
  const refused = (object: string) => ({
    problems: [{ code: 'not-permitted' as const, place: { source: 'cluster' }, object, message: 'forbidden' }],
  })
  expect(unansweredBy(refused('RoleBinding'))).toHaveLength(1)
  expect(unansweredBy(refused('Secret'))).toHaveLength(0)
  expect(unansweredBy(refused('Secret'), ['Secret'])).toHaveLength(1)
  for (const code of ['other-namespaces', 'unknown-role'] as const)
    expect(unansweredBy({ problems: [{ code, place: { source: 'cluster' }, message: 'not read' }] })).toHaveLength(1)
})

/** A list within twelve lists. */
function deepList(): object {
  let list: object = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', namespace: 'shop' } }
  for (let depth = 0; depth < 12; depth++) list = { apiVersion: 'v1', kind: 'List', items: [list] }
  return list
}
