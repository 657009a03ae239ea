/** The table of conditions: each line of it is three golden cases, and as good as three cases of a test file. */
import { parse } from 'yaml'
import { type PolicyTestFile, type PolicyTestOptions, parsePolicyTests } from '../../rbac/testing/policy-test.ts'

const rows = [
  { path: 'allow', called: 'an allow row' },
  { path: 'deny', called: 'a deny row' },
  { path: 'allow-unless', called: 'a negated allow row' },
]
const identityFacts = ['authTime', 'amr', 'acr', 'claims', 'groups', 'provider']
const effects = ['allow', 'challenge']

/** Throws where a line has not seven cells, and `PolicyError` as for a test file. */
export function parseConditionTable(file: { name: string; text: string }, options: PolicyTestOptions): PolicyTestFile {
  const lines = file.text.split('\n').map((text, index) => ({ text, line: index + 1 }))
  const [, , ...table] = lines.filter(({ text }) => text.startsWith('|'))
  const cases = table.flatMap(({ text, line }) => casesOf(text).map(golden => ({ golden, line })))
  // JSON is YAML.
  const text = JSON.stringify({ policy: 'conditions', cases: cases.map(({ golden }) => golden) })
  const parsed = parsePolicyTests({ name: file.name, text }, options)
  return { ...parsed, cases: parsed.cases.map((one, index) => ({ ...one, line: cases[index]?.line ?? 0 })) }
}

function casesOf(row: string): object[] {
  const [condition = '', situation = '', facts = '', value = '', ...wanted] = row
    .slice(1, -1)
    .split(' | ')
    .map(cell => cell.trim())
  if (wanted.length !== rows.length) throw new Error(`expected seven cells: ${row}`)
  const stated = Object.entries(parse(`{${facts}}`) as Readonly<Record<string, unknown>>)
  const ofIdentity = (isWanted: boolean) =>
    Object.fromEntries(stated.filter(([name]) => identityFacts.includes(name) === isWanted))
  return rows.map(({ path, called }, index) => {
    const want = wanted[index] ?? ''
    return {
      name: `${situation} is ${value} for ${called} (${condition})`,
      identity: { user: 'alice', ...ofIdentity(true) },
      ...ofIdentity(false),
      request: `GET https://app.example.com/${path}/${condition}`,
      want: effects.includes(want) ? want : { effect: 'deny', reason: want },
    }
  })
}
