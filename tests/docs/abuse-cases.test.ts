/**
 * Every abuse case has a test, every test's id a meaning, and the page says both. Where only the page is out of date,
 * `npm run docs` writes it again.
 */
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { abuseCasesPage, catalogue } from './abuse-cases.ts'
import { caseNames, namesInSource } from './case-names.ts'

const root = new URL('../../', import.meta.url)
const names = caseNames()
const named = new Set(names.flatMap(({ ids }) => ids))
const families = Object.values(catalogue)
const idsOf = (isUntested: boolean): string[] =>
  families
    .flatMap(({ cases }) => Object.entries(cases))
    .filter(([, { untested }]) => (untested !== undefined) === isUntested)
    .map(([id]) => id)

describe('the catalogue of abuse cases', () => {
  test('has a test for each id, but for those that say why there is none', () => {
    expect(idsOf(false).filter(id => !named.has(id))).toEqual([])
    expect(
      idsOf(true).filter(id => named.has(id)),
      'these are tested by now: take `untested` out of them',
    ).toEqual([])
  })

  test('knows each id that a test names', () => {
    const known = new Set([...idsOf(false), ...idsOf(true)])
    expect(names.filter(({ ids }) => ids.some(id => !known.has(id)))).toEqual([])
  })

  test('is named by every file of attacks', () => {
    const attacks = readdirSync(new URL('tests/attacks/', root)).filter(file => file.endsWith('.test.ts'))
    const naming = new Set(names.map(({ file }) => file))
    expect(attacks.filter(file => !naming.has(`tests/attacks/${file}`))).toEqual([])
  })

  test('says in whole sentences what is tried and what must happen, each id once and in its family', () => {
    for (const [letter, { cases, wants, stops }] of Object.entries(catalogue)) {
      const ids = Object.keys(cases)
      // A case that is gone leaves a gap: its id is not given again.
      expect(ids).toEqual([...new Set(ids)].sort((one, other) => Number(one.slice(1)) - Number(other.slice(1))))
      expect(ids.filter(id => !new RegExp(`^${letter}\\d{2,3}$`).test(id))).toEqual([])
      for (const [id, { threat, must, untested = '.' }] of Object.entries(cases)) {
        expect([id, threat, must, untested]).toEqual([id, ...Array(3).fill(expect.stringMatching(/\.$/))])
      }
      for (const text of [wants, stops]) expect(text.trim()).toMatch(/\.$/)
    }
  })

  test('names files that are there', () => {
    const paths = families.flatMap(({ where }) => where)
    expect(paths.filter(path => !existsSync(fileURLToPath(new URL(path, root))))).toEqual([])
  })

  test('stands in docs/abuse-cases.md as it is (npm run docs)', async () => {
    await expect(abuseCasesPage(names)).toMatchFileSnapshot('../../docs/abuse-cases.md')
  })
})

describe('names of cases', () => {
  test.each([
    ["describe('in a', () => it('is X01, Z', f))", []],
    ["describe.each(fronts)('on %s', () => it.runIf(here)('A01 A02 does it', f))", ['A01 A02 does it: A01 A02']],
    ["describe('a group B01', () => it('does it (C02)', f))", ['a group B01: B01', 'a group B01 › does it (C02): C02']],
    ["it.each([['D01 this', 1], ['that', 2]])('%s goes', f)", ['D01 this goes: D01']],
    ['test(`E01 of it`, f)', ['E01 of it: E01']],
    ["const scenarios = [{ name: 'goes (F01 to F03)', run }]", ['goes (F01 to F03): F01 F02 F03']],
    ["const rows = [['G01–G02 a row', {}]]", ['G01–G02 a row: G01 G02']],
    ["// A01\nexpect('A02').toBe(code('A03'))", []],
  ])('of %j are %j', (source, expected) => {
    const found = namesInSource(source).filter(({ ids }) => ids.length > 0)
    expect(found.map(({ name, ids }) => `${name}: ${ids.join(' ')}`)).toEqual(expected)
  })
})
