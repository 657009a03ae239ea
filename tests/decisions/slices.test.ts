/** A policy of any size is read in slices, and read in slices it says the same as read at once. */
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { compilePolicy } from '../../rbac/policy.ts'
import type { Problem } from '../../rbac/policy-error.ts'
import { parsePolicyLines } from '../../rbac/policy-lines.ts'
import { runPolicyTests } from '../../rbac/testing/policy-test-run.ts'
import { fc } from '../properties.ts'
import { model, policyOf, problemsOf, row } from './policies.ts'

const path = (at: number): string => row.replace('/x', `/x/${at}`)

describe('lines', () => {
  test('without a quote are what the CSV parser makes of them', () => {
    const character = fc.constantFrom(
      'p',
      ',',
      ' ',
      '\t',
      '\u00a0',
      '\u1680',
      '\u2028',
      '\u3000',
      '\uFEFF',
      '#',
      '/',
      "'",
      '\\',
      'é',
    )
    const line = fc.string({ unit: character }).filter(text => !/^\s*(?:#|$)/.test(text))
    fc.assert(
      fc.property(line, text => {
        const problems: Problem[] = []
        const [read] = [...parsePolicyLines({ name: 'a.csv', text }, problems)].flat()
        expect(problems).toEqual([])
        expect(read?.fields).toEqual(parse(text, { trim: true })[0])
      }),
      { numRuns: 2_000 },
    )
  })

  test('a repeated row is found among many others, with the place of the first', async () => {
    const rows = Array.from({ length: 3_000 }, (_, at) => path(at))
    const roles = Array.from({ length: 300 }, (_, at) => `g, group:g${at}, role:r, *`)
    const text = [...rows, path(17), ...roles, roles[5]].join('\n')
    expect(await problemsOf(policyOf(text))).toEqual([
      'policy.csv:3001:1: the same as policy.csv:18',
      'policy.csv:3302:1: the same as policy.csv:3007',
    ])
  })

  // Both have one sum (31 * 65 + 98 = 31 * 66 + 67): the sum alone would take the second for the first again.
  test('two rows that only look alike to the search for repeated ones are both kept', async () => {
    expect((await policyOf(`${row.replace('/x', '/Ab')}\n${row.replace('/x', '/BC')}`)).rowCount).toBe(2)
  })
})

describe('the revision', () => {
  const revisionOf = async (text: string): Promise<string> => (await policyOf(`# ${text}`)).revision
  const half = 65_536

  test('tells characters apart that the end of a piece might cut in half', async () => {
    for (const offset of [-3, -2, -1, 0, 1, 2]) {
      const start = 'x'.repeat(half - 'policy.csv# '.length - model.length + offset)
      expect(await revisionOf(`${start}\u{1f600}`)).not.toBe(await revisionOf(`${start}\u{1f601}`))
      expect(await revisionOf(`${start}\u{1f600}`)).not.toBe(await revisionOf(`${start}\u{1f200}`))
    }
  })

  test('depends on every piece of a long text', async () => {
    const text = 'x'.repeat(4 * half)
    const changed = [0, half, 2 * half + 7, 4 * half - 1].map(at => `${text.slice(0, at)}y${text.slice(at + 1)}`)
    const revisions = await Promise.all(
      [text, ...changed].map(line => revisionOf(line.replaceAll(/.{999}/g, '$&\n# '))),
    )
    expect(new Set(revisions).size).toBe(5)
  })
})

describe('pauses', () => {
  async function pausesOf(text: string): Promise<number> {
    let pauses = 0
    const pause = async (): Promise<void> => {
      pauses++
    }
    await compilePolicy({ model, files: [{ name: 'policy.csv', text }] }, { pause })
    return pauses
  }

  test('come after every fifty rows, while reading and while building the index', async () => {
    const rows = Array.from({ length: 5_000 }, (_, at) => path(at)).join('\n')
    expect(await pausesOf(rows)).toBeGreaterThanOrEqual(3 * (5_000 / 50))
  })

  test('come after every 64 KB while hashing, whatever they hold', async () => {
    const lines = `#${'x'.repeat(9_999)}\n`.repeat(400)
    const slices = 400 / 50
    expect(await pausesOf(`${lines}${row}`)).toBeGreaterThanOrEqual(lines.length / 65_536 + slices)
  })
})

describe('test files', () => {
  const wanted = (at: number): string => `- name: case ${at}
  identity: anonymous
  request: GET https://a.example.com/x
  want: { effect: ${at === 60 ? 'deny' : 'allow'} }
`
  const cases = Array.from({ length: 80 }, (_, at) => wanted(at)).join('')
  const run = async (text: string, pause = async (): Promise<void> => {}) =>
    runPolicyTests(await policyOf(row), [{ name: 'a.test.yaml', text }], { now: 0, pause })

  test.each([
    ['read in slices', `# cases\n${cases}`, 60 * 4 + 2],
    ['with CRLF', cases.replaceAll('\n', '\r\n'), 60 * 4 + 1],
    [
      'read whole, for a file with an alias at its end',
      `${cases.replace('anonymous', '&who anonymous')}- name: last
  identity: *who
  request: GET https://a.example.com/x
  want: { effect: allow }
`,
      60 * 4 + 1,
    ],
  ])('%s give every case, with its line', async (_, text, line) => {
    const results = await run(text)
    expect(results.length).toBeGreaterThanOrEqual(80)
    expect(results.filter(({ failures }) => failures.length > 0).map(result => result.line)).toEqual([line])
  })

  test('are looked through and read with pauses', async () => {
    let pauses = 0
    await run(cases, async () => void pauses++)
    expect(pauses).toBeGreaterThanOrEqual(80 + 2 * Math.floor(cases.length / 1_200))
  })
})
