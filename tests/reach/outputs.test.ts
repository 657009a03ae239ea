/** `kube review --output`: what spreadsheets and code scanning get, whose names somebody else chose. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Report } from '../../rbac/reach/report/report.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-outputs-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const review = (...args: readonly string[]) => runKube(directory, ['review', ...args])

const hostile = [
  '=HYPERLINK("http://evil.example")',
  '+1',
  '-1',
  '@SUM(1)',
  '＝1',
  'a,"b"\nc',
  '[click](http://evil.example) {0} \\',
  'ali\u202Ece\u001B[31m',
]

const subject = (name: string) => `{ kind: User, name: ${JSON.stringify(name)} }`
writeFileSync(
  join(directory, 'all.yaml'),
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: minter }
rules:
- { apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: "=minters" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: minter }
subjects: [${hostile.map(subject).join(', ')}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: masters }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: Group, name: "system:masters" }, { kind: Group, name: contractors }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: broken }
rules: nothing
`,
)

const jsonOf = async (...args: readonly string[]): Promise<Report> =>
  JSON.parse((await review('--from', 'all.yaml', '--json', ...args)).out) as Report

const formula = /^\s*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/

describe('--output csv', () => {
  test('has one line for each finding, folded ones among them, and what was not read beside it', async () => {
    const { code, out, errors } = await review('--from', 'all.yaml', '--output', 'csv')
    expect(code).toBe(0)
    const rows = parse(out, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[]
    const { findings } = await jsonOf()
    const idOf = (text = '') => text.replace(/^'/, '')
    expect(rows.length).toBe(findings.length)
    expect(rows.filter(({ expected }) => expected === 'true').length).toBe(
      findings.filter(({ isExpected }) => isExpected).length,
    )
    expect(rows.filter(({ within }) => within !== '').length).toBe(
      findings.filter(({ within }) => within !== null).length,
    )
    expect(rows.filter(({ move }) => move === 'ID09').map(({ places }) => places)).toContain('all.yaml:7; all.yaml:1')
    expect(rows.map(({ severity }) => severity)).toEqual(findings.map(({ severity }) => severity))
    expect(idOf(rows[0]?.id)).toBe(findings[0]?.id)
    expect(errors).toContain('ClusterRole/broken')
  })

  test('has no cell that a spreadsheet runs, and no character that a terminal obeys', async () => {
    const { out } = await review('--from', 'all.yaml', '--output', 'csv')
    const cells = (parse(out, { record_delimiter: '\r\n' }) as string[][]).flat()
    expect(cells.filter(cell => formula.test(cell))).toEqual([])
    expect(cells.some(cell => cell.startsWith("'") && cell.includes('=minters'))).toBe(false)
    expect(['\u001B', '\u202E'].filter(character => out.includes(character))).toEqual([])
    expect(out.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  })
})

interface Sarif {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { id: string; helpUri?: string }[] } }
    readonly invocations: readonly { readonly toolExecutionNotifications: readonly { message: { text: string } }[] }[]
    readonly properties: Readonly<Record<string, number>>
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex: number
      readonly level: string
      readonly message: { readonly text: string }
      readonly locations: readonly object[]
      readonly suppressions?: readonly object[]
      readonly partialFingerprints: Readonly<Record<string, string>>
    }[]
  }[]
}

/** That of the standard, as `@microsoft/jest-sarif` 1.0.0-beta.0 ships it. */
const schema = JSON.parse(
  // zod takes a reference for an address, which a relative file is not.
  readFileSync(join(import.meta.dirname, 'sarif-2.1.0-rtm.5.json'), 'utf8').replaceAll(
    /"format": *"uri-reference"/g,
    '"minLength": 1',
  ),
)

async function sarif(...args: readonly string[]) {
  const { code, out } = await review('--output', 'sarif', ...args)
  expect(code).toBe(0)
  const log = JSON.parse(out) as Sarif
  expect(z.fromJSONSchema(schema).safeParse(log).error).toBeUndefined()
  const [run] = log.runs
  if (run === undefined) throw new Error('there is no run')
  return run
}

describe('--output sarif', () => {
  test('the schema of the standard refuses what is none', () => {
    const check = z.fromJSONSchema(schema)
    for (const wrong of [
      { version: '2.1.0' },
      { version: '2.0.0', runs: [] },
      { version: '2.1.0', runs: [{ tool: { driver: {} } }] },
      { version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, results: [{ message: {}, level: 'bad' }] }] },
    ])
      expect(check.safeParse(wrong).success).toBe(false)
  })

  test('has a rule for each move and a result for each open finding, at its binding, with its id', async () => {
    const { tool, results, properties, invocations } = await sarif('--from', 'all.yaml')
    const { findings, summary } = await jsonOf()
    const open = findings.filter(({ isExpected, within }) => !isExpected && within === null)
    expect(results.map(one => one.partialFingerprints['findingId/v1'])).toEqual(open.map(({ id }) => id))
    expect(properties).toEqual({
      findings: findings.length,
      expected: summary.expected,
      within: summary.within,
      suppressed: 0,
    })
    expect(results.every(one => tool.driver.rules[one.ruleIndex]?.id === one.ruleId)).toBe(true)
    expect(tool.driver.rules.every(({ helpUri }) => helpUri?.startsWith('https://'))).toBe(true)
    const minting = results.find(one => one.ruleId === 'ID09')
    expect(minting).toMatchObject({
      level: 'error',
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'all.yaml' }, region: { startLine: 7 } },
          logicalLocations: [{ fullyQualifiedName: 'ClusterRoleBinding/=minters' }],
        },
      ],
      relatedLocations: [
        { physicalLocation: { region: { startLine: 1 } }, message: { text: 'rule 1 of ClusterRole minter' } },
      ],
      properties: { severity: 'critical', 'security-severity': '9.5' },
    })
    const [{ toolExecutionNotifications: problems } = { toolExecutionNotifications: [] }] = invocations
    expect(problems.some(({ message }) => message.text.includes('ClusterRole/broken'))).toBe(true)
  })

  test('has the place of what no grant makes: a workload, a binding to nobody', async () => {
    const [line, other] = ['kind: DaemonSet', 'metadata: { name: to-nobody }']
    const text = `apiVersion: apps/v1
${line}
metadata: { name: agent, namespace: ops }
spec:
  template:
    spec:
      serviceAccountName: agent
      containers: [{ name: main, image: x, securityContext: { privileged: true } }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
${other}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: no-such-role }
subjects: [{ kind: User, name: bob }]
`
    writeFileSync(join(directory, 'odd.yaml'), text)
    const { results } = await sarif('--from', 'odd.yaml')
    const placed = (rule: string, startLine: number, fullyQualifiedName: string) => {
      const found = results.find(({ ruleId }) => ruleId === rule)
      expect(found?.locations).toMatchObject([
        { physicalLocation: { region: { startLine } }, logicalLocations: [{ fullyQualifiedName }] },
      ])
    }
    placed('WL19', 1, 'DaemonSet/ops/agent')
    placed('RB09', 10, 'ClusterRoleBinding/to-nobody')
    expect(results.filter(({ locations }) => locations.length === 0)).toEqual([])
  })

  test('--all has what is folded as well, suppressed with the reason', async () => {
    const { results } = await sarif('--from', 'all.yaml', '--all')
    const { findings } = await jsonOf()
    expect(results.length).toBe(findings.length)
    expect(results.filter(({ suppressions }) => suppressions !== undefined).length).toBe(
      findings.filter(({ isExpected, within }) => isExpected || within !== null).length,
    )
  })

  test('a name is neither a link nor a placeholder of a message', async () => {
    const { results } = await sarif('--from', 'all.yaml')
    const texts = results.map(({ message }) => message.text)
    expect(texts.some(text => text.includes('\\[click\\](http://evil.example) {{0}} \\\\'))).toBe(true)
    expect(texts.filter(text => /(^|[^\\])\[|(^|[^{])\{\d/.test(text))).toEqual([])
  })

  test('a file is an address whatever it is called, and none where there is none', async () => {
    const text = readFileSync(join(directory, 'all.yaml'), 'utf8')
    writeFileSync(join(directory, 'javascript:a b#.yaml'), text)
    const { results } = await sarif('--from', 'javascript:a b#.yaml')
    expect(results[0]?.locations).toMatchObject([
      { physicalLocation: { artifactLocation: { uri: 'javascript%3Aa%20b%23.yaml' } } },
    ])
  })
})

test.each([
  [['--output', 'xml'], /Allowed choices are text, json, csv, sarif/],
  [['--output', 'csv', '--json'], /cannot be used with/],
  [['--output', 'csv', '--to', 'node'], /--to has no csv/],
] as const)('%j is refused with a sentence', async (args, sentence) => {
  const { code, out, errors } = await review('--from', 'all.yaml', ...args)
  expect([code, out]).toEqual([2, ''])
  expect(errors).toMatch(sentence)
})

test('--fail-on counts whatever is printed', async () => {
  for (const output of ['csv', 'sarif', 'json'])
    expect((await review('--from', 'all.yaml', '--output', output, '--fail-on', 'high')).code).toBe(1)
})
