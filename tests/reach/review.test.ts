/** `kube review`: what is printed, what JSON has, and how it ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { reportSchema } from '../../cli/kube/reach/report-schema.ts'
import type { Report } from '../../rbac/reach/report/report.ts'
import { runKube } from './run-kube.ts'
import { sharedData } from './shared-data.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-review-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const review = (...args: readonly string[]) => runKube(directory, ['review', ...args])

const storage = join(import.meta.dirname, 'clusters/storage-driver.yml')
const pod = join(import.meta.dirname, 'clusters/into-a-pod.yml')

describe('kube review', () => {
  test('prints the worst first, in 80 columns, with the way and the edit', async () => {
    const { code, out } = await review('--from', storage)
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot(join(import.meta.dirname, 'clusters/storage-driver.review.txt'))
    expect(out.split('\n').filter(line => line.length > 80 && line.trim().includes(' '))).toEqual([])
  })

  test('folds what is within others, and says how many', async () => {
    const { out } = await review('--from', storage, '--severity', 'low')
    expect(out).toMatch(/and \d+ that Kubernetes itself ships and expects, 4\d within others: --all/)
    const all = await review('--from', storage, '--all', '--severity', 'low')
    expect(all.out).toContain('ID01')
    expect(out).not.toContain('ID01')
  })

  test.each([
    [['--fail-on', 'critical'], 1],
    [['--fail-on', 'high', '--subject', 'storage/default'], 0],
    [['--fail-on', 'low', '--namespace', 'payments'], 0],
    [[], 0],
  ] as const)('%j ends with %d', async (args, code) => {
    expect((await review('--from', storage, ...args)).code).toBe(code)
  })

  test('whom somebody can become already is himself is no way of his', async () => {
    const file = join(directory, 'own-token.yaml')
    writeFileSync(
      file,
      `
apiVersion: v1
kind: ServiceAccount
metadata: { name: issuer, namespace: certs }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: own-token, namespace: certs }
rules: [{ apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [issuer], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: own-token, namespace: certs }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: own-token }
subjects: [{ kind: ServiceAccount, name: issuer, namespace: certs }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: admin }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: issuer, namespace: certs }]
`,
    )
    const { out } = await review('--from', file, '--json')
    const { findings } = JSON.parse(out) as Report
    expect(findings.find(({ move }) => move === 'ID09')).toMatchObject({ path: [], within: expect.any(String) })
    expect(findings.find(({ move }) => move === 'RB05')).toMatchObject({ path: [{ to: 'sink:cluster-admin' }] })
  })

  test('--to says who can eventually reach something, and the way of each', async () => {
    const { out, code } = await review('--from', pod, '--to', 'system:masters')
    expect(code).toBe(0)
    expect(out).toContain('user bob\n  way   user bob — WL05 → every pod of payments')
    expect(out).toMatch(/\d can eventually reach system:masters/)
    expect((await review('--from', pod, '--to', 'payments/silent')).out).toContain('service account payments/silent')
  })

  test('--to with --subject shows every way, and the bound', async () => {
    const { out } = await review('--from', pod, '--to', 'node', '--subject', 'user:bob')
    expect(out).toMatch(/\d+ ways; (these are all|there (are|may be) )/)
  })

  test.each([
    [['--to', 'namespace:nowhere'], /there is no namespace nowhere/],
    [['--to', 'payments/nobody'], /there is no payments\/nobody in what was read/],
    [['--to', 'whoever'], /A service account is <namespace>\/<name>/],
    [['--severity', 'worst'], /Allowed choices are critical, high, medium, low/],
  ] as const)('%j is refused with a sentence', async (args, sentence) => {
    const { code, errors, out } = await review('--from', storage, ...args)
    expect([code === 0, out]).toEqual([false, ''])
    expect(errors).toMatch(sentence)
  })

  test('what was not read is said, and a name prints no escape sequence', async () => {
    const path = join(directory, 'odd.yaml')
    writeFileSync(
      path,
      `${readFileSync(storage, 'utf8')}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "od\\u001b[31md"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: everything}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "ali\\u001b[31mce"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: broken}
rules: nothing
`,
    )
    const { out } = await review('--from', path)
    expect(out).toContain('ClusterRole/broken')
    expect(out).not.toContain('\u001b')
  })

  test('--json is as its schema says, and holds every direct move', async () => {
    const { out } = await review('--from', pod, '--json')
    const report = JSON.parse(out) as Report
    // biome-ignore lint/suspicious/noExplicitAny: a JSON Schema of ours, which is wider than the type
    expect(z.fromJSONSchema(reportSchema as any).safeParse(report).error).toBeUndefined()
    const exec = report.findings.find(({ move }) => move === 'WL05')
    expect(exec).toMatchObject({
      subject: 'user:bob',
      namespace: 'payments',
      targets: ['pods:payments'],
      grants: [
        { binding: 'RoleBinding payments/contractors', role: 'Role payments/exec', rule: 1, subject: 'user:bob' },
      ],
    })
    expect(report.sets['pods:payments']).toEqual(['service-account:payments/operator'])
  })

  const dump = sharedData('k8s/cluster-dump')
  test.skipIf(dump === undefined)('the shared dump: the six storage drivers are found by the command too', async () => {
    const { out } = await review('--from', dump ?? '', '--json')
    const report = JSON.parse(out) as Report
    // biome-ignore lint/suspicious/noExplicitAny: a JSON Schema of ours, which is wider than the type
    expect(z.fromJSONSchema(reportSchema as any).safeParse(report).error).toBeUndefined()
    const minting = report.findings.filter(
      one =>
        one.move === 'ID09' && one.targets.includes('service-accounts:*') && !one.isExpected && one.within === null,
    )
    expect(minting.filter(({ subject }) => subject.includes('rook-ceph/ceph-csi'))).toHaveLength(6)
    process.stdout.write(`${report.findings.length} findings, ${JSON.stringify(report.summary)}\n`)
  })
})
