/** Reading an audit log says how far it is on a terminal, and nothing of that is in the answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { withProgress } from '../../cli/progress.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { auditEvent } from './audit-events.ts'

const cwd = mkdtempSync(join(tmpdir(), 'sallyport-log-progress-'))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))
beforeAll(() => {
  const lines = Array.from(
    { length: 500 },
    (_, at) => `${JSON.stringify(auditEvent({ name: `pod-${at}`, verb: 'get' }))}\n`,
  )
  writeFileSync(join(cwd, 'audit.log'), lines.join(''))
  writeFileSync(join(cwd, 'a.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n')
})

test.each([
  ['a terminal', true],
  ['a pipe', false],
])('on %s', async (_, isShown) => {
  const terminal = createTestTerminal({ cwd })
  let ms = 0
  // Each look at the clock is a fifth of a second later.
  const now = (): number => {
    ms += 200
    return ms
  }
  const args = ['kube', 'excess', '--audit', 'audit.log', '--from', 'a.yaml', '--json']
  const code = await runCli(args, { version: '0', terminal: withProgress(terminal, { isShown, now }) })
  expect([code, JSON.parse(terminal.output()).log.counts.calls]).toEqual([0, 500])
  expect(terminal.output()).not.toContain('read …')
  if (isShown) expect(terminal.errors()).toMatch(/\d+ % of .*audit\.log read …/)
  else expect(terminal.errors()).toBe('')
})
