/** `kube review --baseline`: what is new fails, what was there does not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, describe, expect, test } from 'vitest'
import { runCli } from '../../cli/program.ts'
import type { Report } from '../../rbac/reach/report/report.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-baseline-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function review(...args: readonly string[]) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: (text: () => string) => void text(),
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const code = await runCli(['kube', 'review', '--from', ...args], { version: '0', terminal })
  return { code, out: out.join(''), errors: errors.join('') }
}

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
    expect([code, changes]).toEqual([1, { new: [worst?.id], gone: [], unchanged: open.length - 1 }])
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
  ])('%s is an error, and nothing is reviewed', async (_, value) => {
    const { code, out, errors } = await review(storage, '--baseline', write('bad.json', value ?? 'null'))
    expect([code, out]).toEqual([1, ''])
    expect(errors).toContain('the baseline is no')
  })

  test('a file that is not there is an error', async () => {
    expect(await review(storage, '--baseline', 'gone.json')).toMatchObject({ code: 1, out: '' })
  })
})
