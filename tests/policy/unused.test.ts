/** Rows and role memberships that decided nothing, by what an audit file says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

const rows = `p, role:admin, wiki.example.com, /admin/**, *, -, allow
p, group:ops, wiki.example.com, /**, *, -, allow
p, anyone, wiki.example.com, /secret, *, -, deny
p, anyone, wiki.example.com, /**, *, -, shadow-deny
g, group:sre, role:on-call, wiki.example.com
g, role:on-call, role:admin, *
g, group:dev, role:admin, *
g, group:sre, role:admin, other.example.com
`
let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-unused-'))
  writeFileSync(join(cwd, 'rows.csv'), rows)
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

async function run(command: string, ...args: string[]) {
  const terminal = createTestTerminal({ cwd })
  const code = await runCli(['policy', command, '.', ...args], { version: '0', terminal })
  return { code, output: terminal.output() }
}
const revision = async () => JSON.parse((await run('check', '--json')).output).revision as string
const write = (events: readonly object[]) => {
  const common = {
    ...{ v: 1, time: '2026-01-01T10:00:00.000Z', event: 'access.allowed', requestId: 'r', front: 'forward-auth' },
    ...{ subject: 'https://idp.example#alice', provider: 'corp', groups: ['sre'], domain: 'wiki.example.com' },
    ...{ resource: '/admin/a', action: 'GET' },
  }
  writeFileSync(join(cwd, 'audit.jsonl'), events.map(event => `${JSON.stringify({ ...common, ...event })}\n`).join(''))
}
const unused = async (...args: string[]) => {
  const { code, output } = await run('unused', '--audit', 'audit.jsonl', '--json', ...args)
  expect(code).toBe(0)
  return JSON.parse(output).unused.map(({ id }: { id: string }) => id)
}

describe('sallyport policy unused', () => {
  it('lists what decided nothing; every membership on the way to a role that decided counts', async () => {
    write([{ revision: await revision(), rule: 'rows.csv:1', shadow: ['rows.csv:4'] }])
    expect(await unused()).toEqual(['rows.csv:2', 'rows.csv:3', 'rows.csv:7', 'rows.csv:8'])
  })

  it('counts decisions of the present revision, and others when asked', async () => {
    write([{ revision: 'another', rule: 'rows.csv:2' }])
    expect(await unused()).toHaveLength(8)
    expect(await unused('--any-revision')).not.toContain('rows.csv:2')
    expect((await run('unused', '--audit', 'audit.jsonl')).output).toContain('1 decisions of other revisions')
  })

  it('leaves out what is older, and says where groups are missing', async () => {
    write([{ revision: await revision(), rule: 'rows.csv:2', groups: undefined, groupsOmitted: 70 }])
    expect(await unused('--since', '2026-01-02')).toContain('rows.csv:2')
    const { output } = await run('unused', '--audit', 'audit.jsonl')
    expect(output).toContain('rows.csv:3  p, anyone, wiki.example.com, /secret, *, -, deny')
    expect(output).toContain('1 decisions without their groups')
  })
})
