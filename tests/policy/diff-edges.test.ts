/** An edit inside `conditions.yaml` shows, whichever it is: the sample asks on either side of where both versions turn. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Sample, sampleQuestions } from '../../cli/policy/asking/diff-sample.ts'
import { runCli } from '../../cli/program.ts'
import { replayCall } from '../../rbac/asking/calls/replay-call.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-policy-edges-'))
  terminal = createTestTerminal({ cwd })
  for (const name of ['old', 'new']) mkdirSync(join(cwd, name))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

async function diff(before: Version, after: Version, ...args: string[]) {
  for (const [name, { rows, conditions }] of [['old', before] as const, ['new', after] as const]) {
    writeFileSync(join(cwd, name, 'rows.csv'), rows)
    writeFileSync(join(cwd, name, 'conditions.yaml'), conditions)
  }
  const code = await runCli(['policy', 'diff', 'old', 'new', '--fail-on-change', ...args], { version: '0', terminal })
  return { code, said: terminal.output(), errors: terminal.errors() }
}

interface Version {
  readonly rows: string
  readonly conditions: string
}

const plain = 'p, group:ops, wiki.example.com, /a, GET, c, allow\n'
const hours = (text: string): string => `{ time-window: { ${text}, zone: Europe/Berlin } }`
const dates = (text: string): string => `{ date-window: { ${text} } }`

/** What stood in the file, and what stands there now. */
const edits: readonly (readonly [name: string, before: string, after: string])[] = [
  ['a longer age', '{ authentication-age: 15m }', '{ authentication-age: 16m }'],
  ['a shorter age', '{ authentication-age: 1h }', '{ authentication-age: 59m }'],
  ['one more method', '{ authentication-method: [mfa] }', '{ authentication-method: [mfa, hwk] }'],
  ['one method fewer', '{ authentication-method: [mfa, hwk] }', '{ authentication-method: [mfa] }'],
  ['one more class', '{ acr: [gold] }', '{ acr: [gold, silver] }'],
  ['one class fewer', '{ acr: [gold, silver] }', '{ acr: [silver] }'],
  ['one more value of a claim', '{ claim: { name: d, in: [sales] } }', '{ claim: { name: d, in: [sales, hr] } }'],
  ['one value of a claim fewer', '{ claim: { name: d, in: [1, 2] } }', '{ claim: { name: d, in: [1] } }'],
  ['another claim', '{ claim: { name: d, in: [true] } }', '{ claim: { name: e, in: [true] } }'],
  ['one more value of a header', '{ header: { name: x-d, in: [a] } }', '{ header: { name: x-d, in: [a, b] } }'],
  ['one more value of a route', '{ route: { name: tier, in: [a] } }', '{ route: { name: tier, in: [a, b] } }'],
  ['hours that begin earlier', hours('from: "09:00", to: "18:00"'), hours('from: "08:59", to: "18:00"')],
  ['hours that end later', hours('from: "09:00", to: "18:00"'), hours('from: "09:00", to: "18:30"')],
  ['hours past midnight', hours('from: "22:00", to: "06:00"'), hours('from: "22:00", to: "06:15"')],
  ['one more day of the week', hours('days: mon-fri'), hours('days: mon-sat')],
  [
    'another zone',
    '{ time-window: { to: "18:00", zone: UTC } }',
    '{ time-window: { to: "18:00", zone: Asia/Kolkata } }',
  ],
  ['dates that begin later', dates('from: 2098-01-01'), dates('from: 2098-01-02')],
  ['dates that end later', dates('until: 2098-06-30'), dates('until: 2098-07-31')],
  ['a moment at which it ends', dates('until: "2098-06-30T12:00:00Z"'), dates('until: "2098-06-30T18:00:00Z"')],
  ['a wider network', '{ source-network: [10.0.0.0/9] }', '{ source-network: [10.0.0.0/8] }'],
  ['a narrower network', '{ source-network: ["2001:db8::/32"] }', '{ source-network: ["2001:db8::/33"] }'],
  ['one more network', '{ source-network: [10.0.0.0/8] }', '{ source-network: [10.0.0.0/8, 192.0.2.7] }'],
  ['another decider', '{ ask: one }', '{ ask: other }'],
  ['one more group', '{ group: [build] }', '{ group: [build, release] }'],
  ['a shorter prefix', '{ header: { name: x-z, prefix: [dmz-a] } }', '{ header: { name: x-z, prefix: [dmz-] } }'],
  [
    'a header that is not there',
    '{ header: { name: x-z, present: true } }',
    '{ header: { name: x-z, present: false } }',
  ],
  ['one more method of preflights', '{ preflight: [GET, PUT] }', '{ preflight: [GET, PUT, DELETE] }'],
  ['preflights of any method', '{ preflight: [GET, PUT] }', '{ preflight: any }'],
  ['another fact of the person', '{ same: [claim:a, claim:b] }', '{ same: [claim:a, claim:c] }'],
  ['another name of the person', '{ same: [path:1, sub] }', '{ same: [path:1, email] }'],
  ['another group', '{ same: [path:1, claim:a] }', '{ same: [path:1, group] }'],
  [
    'another certificate',
    '{ client-certificate: { san-dns: [a.x] } }',
    '{ client-certificate: { san-dns: [a.x, b.x] } }',
  ],
  [
    'both instead of one of two',
    '{ any: [{ acr: [gold] }, { claim: { name: d, in: [1] } }] }',
    '{ all: [{ acr: [gold] }, { claim: { name: d, in: [1] } }] }',
  ],
]
/** Where it stands among others, it has to be found where it decides. */
const places: readonly (readonly [name: string, rows: (at: number) => string, around: (part: string) => string])[] = [
  ['alone', at => `p, group:ops, wiki.example.com, /${at}, GET|OPTIONS, c${at}, allow`, part => part],
  [
    'in a row that denies a few of those who may',
    at =>
      `p, group:ops, wiki.example.com, /${at}, GET|OPTIONS, -, allow\np, group:new, wiki.example.com, /${at}, GET|OPTIONS, c${at}, deny`,
    part => part,
  ],
  [
    'within others',
    at => `p, group:ops, wiki.example.com, /${at}, GET|OPTIONS, c${at}, allow`,
    part =>
      `{ all: [{ any: [{ header: { name: x-other, in: [y] } }, ${part}] }, { claim: { name: badge, in: [1] } }, { source-network: [10.0.0.0/7, 192.0.2.0/29, "2001:db8::/30"] }] }`,
  ],
  [
    'negated, where another row denies whoever is of no known place',
    at =>
      `p, group:ops, wiki.example.com, /${at}, GET|OPTIONS, !c${at}, allow\np, anyone, wiki.example.com, /${at}, *, !known, deny`,
    part => part,
  ],
]
const known = 'known: { claim: { name: place, in: [here] } }\n'

describe.each(places)('of a condition that stands %s', (_, rows, around) => {
  const versionOf = (parts: readonly string[]) =>
    policyOf(
      parts.map((_part, at) => rows(at)).join('\n'),
      known + parts.map((part, at) => `c${at}: ${around(part)}`).join('\n'),
    )
  let sample: Sample
  const seen = new Set<string>()
  beforeAll(async () => {
    const old = await versionOf(edits.map(([, before]) => before))
    const candidate = await versionOf(edits.map(([, , after]) => after))
    sample = sampleQuestions(
      [
        ['old', old],
        ['new', candidate],
      ],
      Math.floor(Date.now() / 1000),
    )
    for (const question of sample.questions) {
      const [before, after] = [replayCall(old, question), replayCall(candidate, question)]
      if (before.kind === 'uncertain' || after.kind === 'uncertain') throw new Error('every fact is said')
      if (before.decision.effect !== after.decision.effect) seen.add(question.request.resource)
    }
  })

  it.each(edits.map(([name], at) => [name, at] as const))('the sample of a diff shows %s', (_name, at) => {
    expect(seen).toContain(`/${at}`)
  })

  it('the sample says of none that no facts were found that meet it', () => {
    expect(sample.unmet).toEqual([])
  })

  it('the sample says of none that it was not found where it turns', () => {
    expect(sample.unsampled).toEqual([])
  })
})

it('finds nothing where nothing is changed, and asks at no edge', async () => {
  const conditions = edits.map(([, before], at) => `c${at}: ${before}\n`).join('')
  const rows = edits.map((_, at) => plain.replace('/a', `/${at}`).replace(', c,', `, c${at},`)).join('')
  const { code, said } = await diff({ rows, conditions }, { rows, conditions })
  expect(said).toMatch(/^0 of \d+ questions of a sample are answered differently$/m)
  expect(code).toBe(0)
})

it('says of which conditions it did not find where they turn', async () => {
  const at = (day: string) => `c: ${dates(`until: ${day}`)}\n`
  const { code, said } = await diff(
    { rows: plain, conditions: at('2001-01-01') },
    { rows: plain, conditions: at('2002-01-01') },
  )
  expect(said).toContain('may not be seen: old/rows.csv:1 (date-window), new/rows.csv:1 (date-window)')
  expect(code).toBe(0)
})

it('asks about twenty rows of one condition, and says how many more have it', async () => {
  const rows = Array.from({ length: 1_000 }, (_, at) => plain.replace('/a', `/${at}`)).join('')
  const of = (age: string): Version => ({ rows, conditions: `c: { authentication-age: ${age} }\n` })
  const { said } = await diff(of('15m'), of('16m'), '--json')
  const { changed, leftOut } = JSON.parse(said)
  expect(changed).toBe(2 * 20)
  expect(leftOut.alike).toBe(2 * 980)
})

it.each([
  ['until:2098-06-30', 'until:2098-07-01'],
  ['until:2098-06-30', 'until:2098-06-30@Europe/Berlin'],
  ['until:2098-06-30T12:00:00Z', 'until:2098-06-30T11:00:00Z'],
  ['-', 'until:2098-06-30'],
])('sees an end of a row that was %s and is %s', async (before, after) => {
  const of = (end: string): Version => ({ rows: plain.replace(', c,', `, ${end},`), conditions: '' })
  const { code, said } = await diff(of(before), of(after))
  expect(said).toMatch(/^group:ops.* GET wiki\.example\.com\/a .* -> /m)
  expect(code).toBe(1)
})
