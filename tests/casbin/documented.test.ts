/** `docs/casbin.md` as it is printed: its model, rows and settings, with every command that it speaks of. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runCli } from '../../cli/program.ts'
import { defaultSubjects } from '../../rbac/casbin/subject-names.ts'
import { goodSecret } from '../config/load-text.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

const page = readFileSync(new URL('../../docs/casbin.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, kind = '', text = '']) => ({ kind, text }))
const blockOf = (start: string): string => {
  const found = blocks.find(({ text }) => text.startsWith(start))
  if (found === undefined) throw new Error(`the page has no block that starts with ${start}`)
  return found.text
}

const least = `server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecret: a-secret-that-corp-issued }]
sessions: { secret: ${goodSecret} }
`
let cwd: string
let terminal: TestTerminal
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-casbin-page-'))
  write('sallyport.yaml', least + blockOf('policy:'))
  write('casbin/model.conf', blockOf('# casbin/model.conf'))
  write('casbin/policy.csv', blockOf('# casbin/policy.csv'))
  write(
    'policy/rows.csv',
    'p, group:ops, console, /**, *, -, allow\np, anyone, shop.example.com, /**, read, -, allow\n',
  )
})
beforeEach(() => {
  terminal = createTestTerminal({ cwd })
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

function write(name: string, text: string): void {
  mkdirSync(join(cwd, name, '..'), { recursive: true })
  writeFileSync(join(cwd, name), text)
}
const run = (...args: string[]) => runCli(['policy', ...args], { version: '0', terminal })
const printed = () => `${terminal.output()}${terminal.errors()}`.replaceAll(/\s+/g, ' ')
const pages = 'https://wiki.example.com/pages/home'
const bob = ['--as', 'bob', '--email', 'bob@example.com', '--groups', 'writers']

describe('the page, with its files', () => {
  it('passes check and lint, which take the rows of both engines', async () => {
    expect(await run('check')).toBe(0)
    expect(printed()).toContain('5 rows over 3 domains')
    expect(await run('lint', '--strict')).toBe(0)
  })

  it('says in explain which row decides, and that no change was searched for', async () => {
    expect(await run('explain', '--as', 'alice', '--groups', 'writers', '--url', pages)).toBe(0)
    expect(printed()).toMatch(/^allow GET wiki\.example\.com\/pages\/home .*rule casbin\/policy\.csv:2/)
    expect(printed()).toMatch(/> casbin\/policy\.csv:2 .*casbin\/policy\.csv:3/)
    terminal = createTestTerminal({ cwd })
    expect(await run('explain', ...bob, '--method', 'POST', '--url', pages)).toBe(0)
    expect(printed()).toMatch(/^deny POST .*rule casbin\/policy\.csv:4/)
    expect(printed()).toContain('A Casbin model decides there: what would allow it was not searched for.')
    terminal = createTestTerminal({ cwd })
    expect(await run('explain', '--anonymous', '--url', pages)).toBe(0)
    expect(printed()).toMatch(/^challenge GET/)
  })

  it('refuses to list who can, and says what access leaves out', async () => {
    expect(await run('who-can', 'GET', pages)).not.toBe(0)
    expect(printed()).toContain('a Casbin model decides about wiki.example.com, of which nobody can list who may')
    terminal = createTestTerminal({ cwd })
    expect(await run('access', ...bob)).toBe(0)
    expect(printed()).toContain('shop.example.com')
    expect(printed()).toContain('Not listed: wiki.example.com, which a Casbin model decides about.')
    terminal = createTestTerminal({ cwd })
    expect(await run('access', ...bob, '--json')).toBe(0)
    expect(JSON.parse(terminal.output())).toMatchObject({ notListed: ['wiki.example.com'] })
  })

  it('has test files, whose failures show the row of the model', async () => {
    write(
      'policy/wiki.test.yaml',
      `- { name: writers write, identity: { user: a, groups: [writers] }, request: GET ${pages}, want: allow }
- { name: nobody denies bob, identity: { user: bob, email: bob@example.com, groups: [writers] }, request: POST ${pages}, want: allow }
`,
    )
    expect(await run('test')).toBe(1)
    expect(printed()).toMatch(
      /nobody denies bob.*p, email:bob@example\.com, wiki\.example\.com, \/pages\/:page, \^POST\$, deny/,
    )
    rmSync(join(cwd, 'policy/wiki.test.yaml'))
  })

  it('replays and tells what is unused; where a directory is named, says that the model was not read', async () => {
    const event = {
      ...{ v: 1, time: '2026-01-01T00:00:00.000Z', event: 'access.allowed', requestId: 'r1', revision: 'x' },
      ...{ domain: 'wiki.example.com', resource: '/public/a', action: 'GET', identity: { kind: 'anonymous' } },
      rule: 'casbin/policy.csv:3',
    }
    write('audit.jsonl', `${JSON.stringify(event)}\n`)
    expect(await run('replay', '--audit', 'audit.jsonl', '--fail-on-change', '--json')).toBe(0)
    expect(JSON.parse(terminal.output())).toMatchObject({ decisions: 1, changed: 0, uncertain: 0 })
    expect(terminal.errors()).not.toContain('no policy here')
    terminal = createTestTerminal({ cwd })
    expect(await run('replay', '--policy', 'policy', '--config', 'sallyport.yaml', '--audit', 'audit.jsonl')).toBe(0)
    expect(printed()).toContain('read alone; hosts that policy.casbin decides about have no policy here')
    terminal = createTestTerminal({ cwd })
    expect(await run('diff', 'policy', 'policy', '--config', 'sallyport.yaml')).toBe(0)
    expect(printed()).toContain('read alone; hosts that policy.casbin decides about have no policy here')
  })

  it('prints the names that are the default', () => {
    const { subjects } = parse(blockOf('subjects:')) as { readonly subjects: readonly string[] }
    expect(subjects).toEqual(defaultSubjects)
  })
})
