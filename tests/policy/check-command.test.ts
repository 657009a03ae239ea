import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-policy-check-'))
  terminal = createTestTerminal({ cwd })
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...args: string[]) => runCli(['policy', 'check', ...args], { version: '0', terminal })
const write = (text: string) => writeFileSync(join(cwd, 'rows.csv'), text)

describe('sallyport policy check', () => {
  it('says what there is', async () => {
    write('p, anyone, wiki.example.com, /**, read, -, allow\np, group:ops, *.example.com, /**, *, -, allow\n')
    expect(await run('.')).toBe(0)
    expect(terminal.output()).toMatch(/2 rows over 2 domains, revision [0-9a-f]{16}/)
  })

  it('reports every mistake with its place', async () => {
    write('p, anyone, wiki.example.com, /**, read, -, allow\np, everybody, wiki.example.com, x, fetch, -, permit\n')
    expect(await run('.')).toBe(2)
    for (const place of ['rows.csv:2:4', 'rows.csv:2:33', 'rows.csv:2:46']) expect(terminal.errors()).toContain(place)
  })

  const row = (resource: string): string => `p, group:ops, wiki.example.com, ${resource}, GET, -, allow\n`
  it.each([
    ['a line of 10 MB', row(`/${'x'.repeat(10_485_760)}`), 'rows.csv:1:65537  the line is longer than 64 KB'],
    ['a NUL', row('/a') + row('/\0b'), 'rows.csv:2:34  the line holds a control character'],
    ['a pattern that RE2 refuses', row('re:/a(?=b)'), 'rows.csv:1:33  not a pattern of RE2 syntax: '],
    ['a row that is there already', row('/a') + row('/b') + row('/a'), 'rows.csv:3:1  the same as rows.csv:1'],
  ])('says where there is %s, in few words', async (_, text, problem) => {
    write(text)
    expect([await run('.'), terminal.output()]).toEqual([2, ''])
    expect(terminal.errors()).toContain(`The policy cannot be used: one problem.\n${problem}`)
    expect(terminal.errors().length).toBeLessThan(300)
  })

  it('reports them to programs as one document', async () => {
    write('p, everybody, wiki.example.com, /**, read, -, allow\n')
    expect(await run('.', '--json')).toBe(2)
    const report = JSON.parse(terminal.output())
    expect(report).toMatchObject({ ok: false, problems: [{ file: 'rows.csv', line: 1, column: 4 }] })
  })

  it('says which directory is missing', async () => {
    expect(await run('./nowhere')).toBe(2)
    expect(terminal.errors()).toContain(join(cwd, 'nowhere'))
  })
})
