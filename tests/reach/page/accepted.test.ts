/** What somebody accepts of a review, in its page: folded with the reason, counted, and said where it does not hold. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Report } from '../../../rbac/reach/report/report.ts'
import { dataIn, review } from './opened-page.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-page-accepted-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

writeFileSync(
  join(directory, 'roles.yaml'),
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: minter }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: minters }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: minter }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: bob }]
`,
)

test('an accepted finding is folded with its reason, and an entry that does not hold is said in the page', async () => {
  const from = ['--from', 'roles.yaml'] as const
  const draft = await review(directory, ...from, '--suppress-draft', '--severity', 'low')
  const accepted = draft.replaceAll('reason: ""', 'reason: until the driver is replaced')
  const other = accepted.replaceAll(/^#.*\n/gm, '').replaceAll('user:bob', 'user:carol')
  writeFileSync(join(directory, 'accepted.yaml'), `${accepted}${other}`)
  const args = [...from, '--suppress', 'accepted.yaml'] as const
  const html = await review(directory, ...args, '--output', 'html')
  const { summary } = JSON.parse(await review(directory, ...args, '--json')) as Report
  const data = dataIn(html)
  expect(data.summary).toEqual(summary)
  expect(summary.suppressed).toBeGreaterThan(0)
  const folded = data.findings.filter(one => one.folded === 'suppressed')
  expect(folded.length).toBe(summary.suppressed)
  expect(folded.every(one => /^until the driver is replaced, until \d{4}-\d\d-\d\d$/.test(one.accepted ?? ''))).toBe(
    true,
  )
  expect(data.remarks.length).toBe(folded.length)
  expect(data.remarks[0]).toMatch(/^A suppression does not hold, line \d+, .*user:carol.*\[unmatched\]$/)
  expect(html).toContain('<p><strong>A suppression does not hold, line')
})
