/** `kube review --suppress`: what is accepted is folded and told of, and nothing else is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, describe, expect, test } from 'vitest'
import { parse as parseYaml, stringify } from 'yaml'
import { z } from 'zod'
import type { Report } from '../../rbac/reach/report/report.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-suppress-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const review = (...args: readonly string[]) => runKube(directory, ['review', '--from', ...args])

const write = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return name
}

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

const cluster = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: small, namespace: kube-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: minter, labels: { part: "yes" } }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [small], verbs: [create] }
- { apiGroups: [""], resources: [configmaps, pods], verbs: [get, list] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: minters }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: minter }
subjects: [{ kind: User, name: carol }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: readers, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: User, name: bob }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: everything }
rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: all-of-it }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: everything }
subjects: [{ kind: User, name: bob }]
`
write('all.yaml', cluster)

interface Entry {
  readonly id?: string
  readonly [key: string]: unknown
}

const drafted = async (file: string, ...args: readonly string[]): Promise<readonly Entry[]> =>
  (parseYaml((await review(file, '--suppress-draft', '--severity', 'low', ...args)).out) as Entry[]).map(entry => ({
    ...entry,
    reason: 'the vendor says so',
  }))

const entries = await drafted('all.yaml')
const minting = entries.find(({ id }) => id?.startsWith('ID09~user:carol'))
const everything = entries.find(({ id }) => id?.startsWith('RB05~user:bob'))
if (minting === undefined || everything === undefined) throw new Error('the fixture has no such findings')

const accept = (list: readonly object[]): string => write('accepted.yaml', stringify(list))

async function jsonOf(file: string, list: readonly object[], ...args: readonly string[]) {
  const { code, out } = await review(file, '--suppress', accept(list), '--json', ...args)
  const report = JSON.parse(out) as Report & {
    suppressions: { state: string; findings: string[]; message?: string }[]
  }
  const open = report.findings.filter(one => !one.isExpected && one.within === null && one.suppressed === null)
  return { code, report, open: open.map(({ id }) => id), states: report.suppressions.map(({ state }) => state) }
}

describe('what is accepted', () => {
  test('is folded with its reason, counted, and no --fail-on ends for it', async () => {
    const { code, report, open } = await jsonOf('all.yaml', entries, '--fail-on', 'low')
    expect(report.summary.suppressed).toBe(entries.length)
    expect(report.findings.find(({ id }) => id === minting.id)?.suppressed).toEqual({
      reason: 'the vendor says so',
      expires: minting.expires,
    })
    // What was within the accepted ones is there again.
    expect(open.every(id => !entries.some(one => one.id === id))).toBe(true)
    expect(code).toBe(open.length > 0 ? 1 : 0)
  })

  test('after the schema that is written down', async () => {
    const schema = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../docs/reference/reach-report.schema.json'), 'utf8'),
    )
    const { report } = await jsonOf('all.yaml', [minting, { ...everything, expires: '2020-01-01' }])
    expect(z.fromJSONSchema(schema).safeParse(report).error).toBeUndefined()
    const cut = { ...report, findings: report.findings.map(({ suppressed: _, ...one }) => one) }
    expect(z.fromJSONSchema(schema).safeParse(cut).success).toBe(false)
  })

  test('is said in the text, in a column and as a suppression of code scanning', async () => {
    const file = accept([minting])
    const text = (await review('all.yaml', '--suppress', file)).out
    expect(text).toContain(', 1 that are accepted: --all')
    expect(text).toContain('Accepted, and folded: 1\n')
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`${minting.id} until ${String(minting.expires)}: the vendor says so`)
    expect(text.slice(0, text.indexOf('findings'))).not.toContain('User carol')

    const { out } = await review('all.yaml', '--suppress', file, '--output', 'csv')
    const rows = parse(out, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[]
    expect(rows.filter(row => row.suppressed !== '').map(row => [row.id, row.suppressed])).toEqual([
      [minting.id, 'the vendor says so'],
    ])

    const sarif = JSON.parse((await review('all.yaml', '--suppress', file, '--output', 'sarif')).out)
    const [{ results, properties }] = sarif.runs
    const folded = results.filter((one: { suppressions?: unknown }) => one.suppressions !== undefined)
    expect(folded).toMatchObject([
      {
        partialFingerprints: { 'findingId/v1': minting.id },
        suppressions: [{ kind: 'external', justification: expect.stringContaining('the vendor says so') }],
      },
    ])
    expect(properties.suppressed).toBe(1)
  })

  test('M09 hides nothing that was within it', async () => {
    const before = await jsonOf('all.yaml', [])
    const within = before.report.findings.filter(one => one.within === everything.id)
    expect(within.length).toBeGreaterThan(1)
    const after = await jsonOf('all.yaml', [everything], '--fail-on', 'low')
    const now = after.report.findings.filter(one => within.some(({ id }) => id === one.id))
    expect(now.filter(one => one.within === everything.id)).toEqual([])
    // Each is open, or within one that is.
    for (const { within: wider, id } of now) expect(after.open).toContain(wider ?? id)
    expect(after.code).toBe(1)
  })

  test('of a subject and a move covers the scopes that it had, and no further one', async () => {
    const one = { subject: 'user:carol', move: 'ID09', scope: '*' }
    const { id: _, ...rest } = minting
    expect((await jsonOf('all.yaml', [{ ...rest, ...one }])).states).toEqual(['applies'])
    expect((await jsonOf('all.yaml', [{ ...rest, ...one, scope: 'kube-system' }])).states).toEqual(['unmatched'])
    const more = `${cluster}---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: all-minter, namespace: kube-system }
rules: [{ apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: all-minters, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: all-minter }
subjects: [{ kind: User, name: carol }]
`
    const { states, open } = await jsonOf(write('more.yaml', more), [{ ...rest, subject: one.subject, move: one.move }])
    expect(states).toEqual(['changed'])
    expect(open.filter(id => id.startsWith('ID09~user:carol')).length).toBe(2)
    const scoped = await jsonOf('more.yaml', [{ ...rest, ...one }])
    expect(scoped.states).toEqual(['applies'])
    expect(scoped.open.filter(id => id.startsWith('ID09~user:carol~kube-system'))).toHaveLength(1)
  })

  test('with a wider filter or a narrower one is the same', async () => {
    const { states } = await jsonOf('all.yaml', [minting], '--subject', 'user:bob')
    expect(states).toEqual(['applies'])
  })
})

describe('what has expired', () => {
  test.each([
    ['a day', inDays(-1)],
    ['today', inDays(0)],
    ['a moment', new Date(Date.now() - 1000).toISOString()],
  ])('M06 %s ago accepts nothing, in any output', async (_, expires) => {
    const list = [{ ...minting, expires }]
    const { states, open, code } = await jsonOf('all.yaml', list, '--fail-on', 'low', '--subject', 'user:carol')
    expect([states, open, code]).toEqual([['expired'], [minting.id], 1])
    const file = accept(list)
    const text = await review('all.yaml', '--suppress', file)
    expect(text.out).toContain('Suppressions that do not hold: 1 of 1')
    expect(text.out).toContain('[expired]')
    const csv = await review('all.yaml', '--suppress', file, '--output', 'csv')
    expect(csv.errors).toContain('[expired]')
    const { out, errors } = await review('all.yaml', '--suppress', file, '--output', 'sarif')
    const [{ invocations, results }] = JSON.parse(out).runs
    expect(errors).toContain('[expired]')
    expect(JSON.stringify(invocations)).toContain('suppression-expired')
    expect(results.some((one: { suppressions?: object[] }) => one.suppressions !== undefined)).toBe(false)
  })
})

describe('a role that has changed', () => {
  const changes: readonly (readonly [string, string, string])[] = [
    ['a further name', 'resourceNames: [small]', 'resourceNames: [small, big]'],
    ['no names at all', 'resourceNames: [small], ', ''],
    ['a further verb of another rule', 'verbs: [get, list]', 'verbs: [get, list, watch]'],
    ['a further resource of another rule', 'resources: [configmaps, pods]', 'resources: [configmaps, pods, services]'],
    ['a further subject', '{ kind: User, name: carol }', '{ kind: User, name: carol }, { kind: User, name: mallory }'],
    ['another role under the same binding', 'name: minter }\nsubjects', 'name: minter2 }\nsubjects'],
    ['a further group', 'apiGroups: [""], resources: [configmaps', 'apiGroups: ["", apps], resources: [configmaps'],
  ]
  const second = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: minter2 }
rules: [{ apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [small], verbs: [create] }]
`

  test.each(changes)('M07 by %s is accepted no more', async (_, from, to) => {
    expect(cluster).toContain(from)
    const file = write('changed.yaml', cluster.replace(from, to) + second)
    const { states, open } = await jsonOf(file, [minting])
    expect(['changed', 'unmatched']).toContain(states[0])
    expect(open.some(id => id.startsWith('ID09~user:carol'))).toBe(true)
  })

  test('M07 by a second binding that gives the same is accepted no more', async () => {
    const again = cluster.slice(cluster.indexOf('apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding'))
    const one = again.slice(0, again.indexOf('---')).replace('name: minters', 'name: minters-too')
    const { states } = await jsonOf(write('changed.yaml', `${cluster}---\n${one}`), [minting])
    expect(states).toEqual(['changed'])
  })

  test('M07 by aggregation is accepted no more', async () => {
    const filled = (rules: string) =>
      cluster.replace(
        /metadata: \{ name: minter, .*\nrules:\n.*\n.*\n/,
        `metadata: { name: minter }
aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: "yes" } }] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: filling, labels: { part: "yes" } }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [small], verbs: [create] }
${rules}`,
      )
    const before = write('aggregated.yaml', filled(''))
    const list = (await drafted(before)).filter(({ id }) => id?.startsWith('ID09~user:carol'))
    expect((await jsonOf(before, list)).states).toEqual(['applies'])
    const after = write('aggregated2.yaml', filled('- { apiGroups: [""], resources: [nodes], verbs: [get] }\n'))
    expect((await jsonOf(after, list)).states).toEqual(['changed'])
  })

  test('and one that only looks different is the same', async () => {
    const text = cluster
      .replace('verbs: [get, list]', 'verbs: [list, get, list]')
      .replace('resources: [configmaps, pods]', 'resources: [pods, configmaps]')
      .replace('metadata: { name: minter, ', 'metadata: { annotations: { note: x }, name: minter, ')
    expect((await jsonOf(write('same.yaml', text), [minting])).states).toEqual(['applies'])
  })

  test('M07 what leads to more by what others are granted is accepted no more', async () => {
    const text = `${cluster}---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: grown }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: everything }
subjects: [{ kind: ServiceAccount, name: small, namespace: kube-system }]
`
    const { states, open, report } = await jsonOf(write('grown.yaml', text), [minting], '--subject', 'user:carol')
    expect([states, open]).toEqual([['worse'], [minting.id]])
    expect(report.suppressions[0]?.message).toMatch(/now, and was accepted as/)
  })
})

describe('a list of what is accepted that is not what its writer believes', () => {
  const plain = { ...minting }
  const without = (key: string) => Object.fromEntries(Object.entries(plain).filter(([name]) => name !== key))
  const unseen = [...'\u200B\u00AD\u2060\uFEFF\u202E\u3164\u115F\uFFA0\u2800\uFE0F\u0301\u{E0041}\u00A0.-']
  test.each(unseen.map(one => [one.codePointAt(0)?.toString(16), one]))('M08 U+%s is no reason', async (_, reason) => {
    const file = write('unseen.yaml', stringify([{ ...plain, reason }]))
    const { code, errors } = await review('all.yaml', '--suppress', file)
    expect([code, errors]).toEqual([1, expect.stringContaining('reason is needed')])
  })

  test.each([
    ['no list', 'id: x', /no list/],
    ['empty', '', /no list/],
    ['cut off', '- id: "x', /no YAML/],
    ['two documents', '[]\n---\n[]\n', /no YAML/],
    ['a key twice', '- id: a\n  id: b\n', /no YAML/],
    ['an alias', '- &a { id: x }\n- *a\n', /no entry/],
    ['a text', '- ID09\n', /no entry/],
    ['no reason', stringify([without('reason')]), /reason is needed/],
    ['an empty reason', stringify([{ ...plain, reason: ' ' }]), /reason is needed/],
    ['a reason that is a number', '- { id: x, reason: 1 }', /reason is needed/],
    ['no date', stringify([without('expires')]), /expires is needed/],
    ['never', stringify([{ ...plain, expires: 'never' }]), /expires is no date/],
    ['a day that is not there', stringify([{ ...plain, expires: '2026-02-31' }]), /expires is no date/],
    ['a year and more', stringify([{ ...plain, expires: inDays(370) }]), /more than 366 days/],
    ['no role', stringify([without('role')]), /role is needed/],
    ['half a hash', stringify([{ ...plain, role: 'sha256:abc' }]), /role is needed/],
    ['no severity', stringify([without('severity')]), /severity is needed/],
    ['no end', stringify([without('leadsTo')]), /leadsTo is needed/],
    ['an unknown key', stringify([{ ...plain, expire: '2026-12-31' }]), /"expire" is no key/],
    ['id and subject', stringify([{ ...plain, subject: 'user:carol', move: 'ID09' }]), /id says it all/],
    ['nobody', stringify([{ ...without('id'), subject: 'carol', move: 'ID09' }]), /no subject: carol/],
    ['no such move', stringify([{ ...without('id'), subject: 'user:carol', move: 'ID99' }]), /no move "ID99"/],
    ['the same twice', stringify([plain, plain], { aliasDuplicateObjects: false }), /the same is suppressed in line 1/],
  ])('M08 %s is an error, and nothing is reviewed', async (_, text, sentence) => {
    const { code, out, errors } = await review('all.yaml', '--suppress', write('bad.yaml', text))
    expect([code, out]).toEqual([1, ''])
    expect(errors).toMatch(sentence)
  })

  test('one mistake lets none of the others through, and each has its line', async () => {
    const text = stringify([plain, { ...everything, reason: '' }, { ...without('id') }])
    const { code, out, errors } = await review('all.yaml', '--suppress', write('bad.yaml', text))
    expect([code, out]).toEqual([1, ''])
    expect(errors).toMatch(/line 7: reason is needed[\s\S]*line 13: id is needed/)
  })

  test('a file that is not there is an error', async () => {
    expect(await review('all.yaml', '--suppress', 'gone.yaml')).toMatchObject({ code: 1, out: '' })
  })

  test('what is unmatched is said', async () => {
    const { states, report, open } = await jsonOf('all.yaml', [{ ...minting, id: 'ID09~user:nobody~*~0' }])
    expect([states, report.summary.suppressed]).toEqual([['unmatched'], 0])
    expect(open).toContain(minting.id)
  })

  test('what Kubernetes ships needs none, and says so', async () => {
    const text = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: cluster-admin, labels: { kubernetes.io/bootstrapping: rbac-defaults } }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: Group, name: "system:masters" }]
`
    const { id: _, ...rest } = everything
    const list = [{ ...rest, subject: 'group:system:masters', move: 'RB05' }]
    const { states, report } = await jsonOf(write('shipped.yaml', text), list)
    expect([states, report.summary.suppressed]).toEqual([['expected'], 0])
  })

  test.each([['--suppress', 'accepted.yaml'], ['--suppress-draft']])('%s has no --to', async (...args) => {
    const { code, errors } = await review('all.yaml', '--to', 'node', ...args)
    expect([code, errors]).toEqual([2, expect.stringContaining(`--to has no ${args[0]}`)])
  })
})

test('a name can neither end a line of a draft nor be another entry', async () => {
  const hostile = [
    'x\n- id: y',
    'a # b',
    '"q"',
    "it's",
    '*',
    '&a',
    'ali\u202Ece',
    'tag\u{E0001}',
    'del\u009B',
    '{0}',
    '- ',
    'é😀',
    ': ',
  ]
  const text = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: minter }
rules: [{ apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: minters }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: minter }
subjects: [${hostile.map(name => `{ kind: User, name: ${JSON.stringify(name)} }`).join(', ')}]
`
  const file = write('hostile.yaml', text)
  const { out } = await review(file, '--suppress-draft', '--severity', 'low')
  expect(out).not.toMatch(/[\p{Cf}\p{Zl}\p{Zp}\u007F-\u009F]/u)
  expect((await review(file, '--suppress', write('empty.yaml', out))).errors).toContain('reason is needed')
  const filled = write('filled.yaml', out.replaceAll('reason: ""', 'reason: seen'))
  const { out: json, code } = await review(file, '--suppress', filled, '--json', '--fail-on', 'low')
  const { summary } = JSON.parse(json) as Report
  expect([code, summary.suppressed]).toEqual([0, hostile.length])
})
