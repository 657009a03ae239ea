/** `kube review --baseline`: what is new fails, what was there does not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Report } from '../../rbac/reach/report/report.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-baseline-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const review = (...args: readonly string[]) => runKube(directory, ['review', '--from', ...args])

const storage = join(import.meta.dirname, 'clusters/storage-driver.yml')
const before = JSON.parse((await review(storage, '--json')).out) as Report
const write = (name: string, value: unknown): string => {
  writeFileSync(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value))
  return name
}
const same = write('same.json', before)
const open = before.findings.filter(({ isExpected, within }) => !isExpected && within === null)
const worst = open[0]
const changed = (change: object) => ({
  ...before,
  findings: before.findings.map(one => (one.id === worst?.id ? { ...one, ...change } : one)),
})

describe('kube review --baseline', () => {
  test('nothing is new in the same cluster', async () => {
    const { code, out } = await review(storage, '--baseline', same, '--fail-on', 'low')
    expect(code).toBe(0)
    expect(out).toContain(`Since the baseline: 0 new, 0 gone, ${open.length} unchanged\n`)
  })

  test.each([
    ['was not there', { ...before, findings: before.findings.filter(({ id }) => id !== worst?.id) }],
    ['was less bad', changed({ severity: 'low' })],
    ['was expected', changed({ isExpected: true })],
    ['was within another', changed({ within: 'x' })],
  ])('what %s is new, and fails', async (_, value) => {
    const args = [storage, '--baseline', write('other.json', value), '--fail-on', 'critical'] as const
    const { code, out } = await review(...args, '--json')
    const { changes } = JSON.parse(out) as { changes: object }
    expect([code, changes]).toEqual([1, { new: [worst?.id], gone: [], folded: [], unchanged: open.length - 1 }])
  })

  test('what is closed is gone', async () => {
    const text = readFileSync(storage, 'utf8').replace('verbs: [create, get]', 'verbs: [get]')
    const { code, out } = await review(write('closed.yaml', text), '--baseline', same, '--fail-on', 'low')
    expect(code).toBe(0)
    expect(out).toMatch(/Since the baseline: 0 new, [1-9]\d* gone/)
    expect(out).toContain('  - ID09~service-account:storage/driver')
  })

  test.each([
    ['no JSON', '{'],
    ['no review', []],
    ['null', null],
    ['another version', { ...before, version: 2 }],
    ['a finding cut short', { ...before, findings: [{ id: 'x' }] }],
    ['a filter that is none', { ...before, asked: { subject: 1 } }],
  ])('%s is an error, and nothing is reviewed', async (_, value) => {
    const { code, out, errors } = await review(storage, '--baseline', write('bad.json', value ?? 'null'))
    expect([code, out]).toEqual([1, ''])
    expect(errors).toContain('the baseline is no')
  })

  test.each([
    ['of a subject', ['--subject', 'storage/driver']],
    ['of a namespace', ['--namespace', 'ops']],
    ['of a severity', ['--severity', 'critical']],
  ])('what is not asked for is not gone: %s', async (_, filter) => {
    const { code, out } = await review(storage, '--baseline', same, '--fail-on', 'low', ...filter)
    expect(code).toBe(0)
    expect(out).toMatch(/Since the baseline: 0 new, 0 gone, [1-9]\d* unchanged\n/)
    const json = await review(storage, '--baseline', same, '--json', ...filter)
    expect((JSON.parse(json.out) as { changes: object }).changes).toMatchObject({ new: [], gone: [], folded: [] })
  })

  test('what is asked for and closed is gone', async () => {
    const text = readFileSync(storage, 'utf8').replace('verbs: [create, get]', 'verbs: [get]')
    const file = write('closed.yaml', text)
    const { out } = await review(file, '--baseline', same, '--subject', 'storage/driver')
    expect(out).toContain('  - ID09~service-account:storage/driver')
    const other = await review(file, '--baseline', same, '--subject', 'ops/backup')
    expect(other.out).toContain(' 0 gone')
  })

  test('a baseline of a part is compared with the same part, or refused', async () => {
    const filter = ['--subject', 'storage/driver'] as const
    const part = write('part.json', (await review(storage, '--json', ...filter)).out)
    const { code, out } = await review(storage, '--baseline', part, '--fail-on', 'low', ...filter)
    expect([code, out]).toEqual([0, expect.stringContaining('0 new, 0 gone')])
    for (const args of [[], ['--subject', 'ops/backup'], ['--namespace', 'ops']]) {
      const { code, out, errors } = await review(storage, '--baseline', part, ...args)
      expect([code, out]).toEqual([1, ''])
      expect(errors).toContain('the baseline is of --subject service-account:storage/driver alone')
    }
  })

  test('what is accepted now is folded, not gone', async () => {
    const draft = (await review(storage, '--suppress-draft', '--severity', 'low')).out
    const file = write('accepted.yaml', draft.replaceAll('reason: ""', 'reason: seen'))
    const { out } = await review(storage, '--baseline', same, '--suppress', file, '--json')
    const { changes } = JSON.parse(out) as { changes: { gone: string[]; folded: string[] } }
    expect([changes.gone, changes.folded.length]).toEqual([[], open.length])
  })

  test('code scanning is told what each result was', async () => {
    interface Result {
      readonly partialFingerprints: Readonly<Record<string, string>>
      readonly baselineState?: string
      readonly locations?: readonly object[]
    }
    const statesOf = async (file: string, value: unknown) => {
      const args = [file, '--baseline', write('other.json', value), '--output', 'sarif'] as const
      const { runs } = JSON.parse((await review(...args)).out) as { runs: readonly { results: readonly Result[] }[] }
      const results = runs[0]?.results ?? []
      return new Map(results.map(one => [one.partialFingerprints['findingId/v1'], one.baselineState]))
    }
    const id = worst?.id
    expect(new Set((await statesOf(storage, before)).values())).toEqual(new Set(['unchanged']))
    const without = { ...before, findings: before.findings.filter(one => one.id !== id) }
    expect((await statesOf(storage, without)).get(id)).toBe('new')
    expect((await statesOf(storage, changed({ isExpected: true }))).get(id)).toBe('new')
    expect((await statesOf(storage, changed({ severity: 'low' }))).get(id)).toBe('updated')
    const text = readFileSync(storage, 'utf8').replace('verbs: [create, get]', 'verbs: [get]')
    const closed = await statesOf(write('closed.yaml', text), before)
    expect([...closed].filter(([, state]) => state === 'absent').map(([one]) => one?.slice(0, 34))).toContain(
      'ID09~service-account:storage/driver'.slice(0, 34),
    )
    const { runs } = JSON.parse((await review(storage, '--output', 'sarif')).out) as {
      runs: readonly { results: readonly Result[] }[]
    }
    expect(runs[0]?.results.some(one => one.baselineState !== undefined)).toBe(false)
  })

  test('a file that is not there is an error', async () => {
    expect(await review(storage, '--baseline', 'gone.json')).toMatchObject({ code: 1, out: '' })
  })
})
