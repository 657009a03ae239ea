/** What a spreadsheet makes of the tables of `kube review` and `kube inventory`: every cell of every column, whatever others chose as names. */
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { inventoryColumns, inventoryCsv } from '../../cli/kube/reach/inventory/inventory-csv.ts'
import type { Finding } from '../../rbac/reach/finding.ts'
import type { InventoriedIdentity } from '../../rbac/reach/inventory/identity.ts'
import { csvColumns, csvText } from '../../rbac/reach/report/csv.ts'
import { csvLines } from '../../rbac/reach/report/csv-lines.ts'
import { printable } from '../../spelling/printable.ts'
import { fc } from '../properties.ts'

/** Plain, full-width, small, raised; minus signs, dashes and what else looks like one of them; tab and carriage return. */
const signs = [...'=+-@|%＝＋－＠｜％﹦﹢﹣﹫⁼⁺⁻₌₊₋−‐‑‒–—﬩➕➖⩵˗', '\t', '\r', '\n']
const fillers = [...' \u00A0\u2003\u3000\uFEFF\u200B\u200D\u2060\u00AD\u202E\u3164\uFE0F\t\r\n"\'`“”‘’«»„＂＇']

const texts = fc
  .tuple(
    fc.array(fc.constantFrom(...fillers), { maxLength: 3 }),
    fc.constantFrom(...signs, ''),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', ';', ',', '\t', '; "', ';  ＝', ',=', ";'@"),
    fc.string({ unit: 'grapheme' }),
  )
  .map(([fill, ...rest]) => `${fill.join('')}${rest.join('')}`)

const rowsOf = (csv: string) => parse(csv, { record_delimiter: '\r\n' }) as string[][]

/** A cell of ours, and what is one where `;` or a tab separates: none of them may begin like a formula. */
function expectInert(csv: string, columns: number): void {
  const rows = rowsOf(csv)
  expect(new Set(rows.map(cells => cells.length))).toEqual(new Set([columns]))
  const begins = (part: string): string => [...part].find(character => !fillers.includes(character)) ?? ''
  const parts = rows.flat().flatMap(cell => [cell, ...cell.split(/[,;\t]/)])
  expect(parts.filter(part => !part.startsWith("'") && signs.includes(begins(part)))).toEqual([])
  expect(parts.filter(part => /^[\t\r\n]/.test(part))).toEqual([])
}

test('any text is one cell, inert, and comes back as it is shown elsewhere', () => {
  fc.assert(
    fc.property(texts, text => {
      const csv = csvLines([[text, 'b']])
      expectInert(csv, 2)
      const written = rowsOf(csv)[0]?.[0] ?? ''
      expect(written.replace(/(^|[,;\t])'/g, '$1')).toBe(printable(text))
    }),
    { numRuns: 2000 },
  )
})

test.each(['=1', '+1', '-1', '@a', '＝1', "'=1", '"=1', ' =1', '“−1', '—1', '|a', "'a"])(
  '%j has one more quote in front of it',
  text => expect(rowsOf(csvLines([[text]]))).toEqual([[`'${printable(text)}`]]),
)

test.each([
  'a=1',
  'a-b',
  'payments/deployer',
  '2026-01-01',
  'a; b, c',
  '— '.slice(1),
  'a — b',
  '',
  '*',
  'mail@example.com',
])('%j stays as it is', text => expect(rowsOf(csvLines([[text, 'x']]))).toEqual([[text, 'x']]))

const place = (text: string) => ({ source: text, line: 3 })
const objectOf = (text: string) => ({ name: text, namespace: text, labels: {}, annotations: {}, place: place(text) })

const findingOf = (text: string, isGranted: boolean): Finding => {
  const role = { ...objectOf(text), kind: text as 'Role', rules: [] }
  const binding = {
    ...objectOf(text),
    kind: text as 'RoleBinding',
    roleRef: { kind: 'Role', name: text },
    subjects: [],
  } as const
  const node = text as Finding['subject']
  return {
    id: text,
    move: text,
    severity: text as 'low',
    subject: node,
    namespace: text,
    targets: [node, 'user:b', node],
    perhaps: ['user:a', node],
    grants: isGranted ? [{ subject: node, rule: { verbs: [] }, ruleIndex: 0, role, binding }] : [],
    path: [{ from: node, to: node, move: text, grants: [] }],
    isExpected: false,
    within: text,
    suppressed: { reason: text, expires: text },
    edits: [{ object: text, sentence: text }],
    sentence: text,
  }
}

test('each column of a review', () => {
  const placing = (text: string) => () => [{ kind: 'Deployment', name: text, place: place(text) }]
  fc.assert(
    fc.property(texts, fc.boolean(), (text, isGranted) =>
      expectInert(csvText([findingOf(text, isGranted)], placing(text)), csvColumns.length),
    ),
  )
})

const identityOf = (text: string): InventoriedIdentity => ({
  id: text,
  kind: text as 'machine',
  namespace: text,
  name: text,
  owner: { name: text, inferredFrom: text, certainty: 'guess' },
  consumers: [text, 'b', text].map(workload => ({ workload, hasToken: true, isOnEveryNode: false })),
  credentials: [{ kind: text as 'password', name: text }],
  cloudRoles: [{ cloud: text as 'aws', role: text }],
  bindings: [text, text],
  hasEverything: false,
  reach: { sinks: [{ sink: text as 'sink:node', steps: 1, move: text }], becomes: 1 },
  isMissing: false,
})

test('each column of an inventory', () => {
  const coverage = {
    serviceAccounts: { seen: 1, all: 1 },
    withoutOwner: 0,
    missing: 0,
    unread: 0,
    kindsNotRead: [],
    takenForPeople: 0,
    daysOfLog: 0,
  }
  fc.assert(
    fc.property(texts, text => {
      const finding = { code: text as 'unused', severity: 'low', about: text, sentence: text } as const
      const csv = inventoryCsv({ identities: [identityOf(text)], findings: [finding], coverage })
      expectInert(csv, inventoryColumns.length)
    }),
  )
})

test('the place of what no grant makes is that of what is seen, or the word that there is none', () => {
  const column = csvColumns.indexOf('places')
  const placesOf = (placed: readonly string[]) =>
    rowsOf(
      csvText([findingOf('a', false)], () => placed.map(name => ({ kind: 'Pod', name, place: place(name) }))),
    )[1]?.[column]
  expect(placesOf(['pods.yaml'])).toBe('pods.yaml:3')
  expect(placesOf([])).toBe('none: no object gives it')
})
