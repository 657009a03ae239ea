/** A policy comes into force only when its own tests pass, and the tests never hold up a request for long. */

import { mkdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPolicyFiles } from '../../app/policy/files.ts'
import { createPolicyReloader, type PolicyReloader } from '../../app/policy/reload.ts'
import { createPolicyTrial } from '../../app/policy/trial.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { createPolicyDirectory, eventually, type PolicyDirectory } from './policy-directory.ts'

const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
const clock = { now: () => Date.UTC(2026, 0, 1, 12) }
const rows = 'p, user:https://idp.example/ops#alice, wiki.example.com, /admin/**, *, -, allow\n'
const test = (want: string) => `
- name: Alice administers
  identity: { user: alice }
  request: GET https://wiki.example.com/admin
  want: ${want}
`

let directory: PolicyDirectory
let reloader: PolicyReloader<PolicySnapshot>
let rejections: string[]
beforeEach(() => {
  directory = createPolicyDirectory()
  rejections = []
  reloader = createPolicyReloader({
    source: createPolicyFiles({ directory: directory.path, model, settleMs: 20, pollMs: 100 }),
    compile: compilePolicy,
    trial: createPolicyTrial({ clock, issuer: 'https://idp.example/ops', provider: 'ops' }),
    clock,
    watch: true,
    onRejected: error => rejections.push(error.message),
  })
})
afterEach(async () => {
  await reloader.close()
  directory.destroy()
})

describe('a policy whose tests fail', () => {
  it('stops the start, with file, line and case', async () => {
    directory.put('rows.csv', rows)
    directory.put('wiki.test.yaml', test('deny'))
    await expect(reloader.start()).rejects.toThrow(
      'wiki.test.yaml:2:1: test "Alice administers" failed: effect: wanted "deny", got "allow", decided by rows.csv:1',
    )
    expect(() => reloader.current()).toThrow()
  })

  it('H07 is refused at a reload: the last good one stays, until the tests pass', async () => {
    directory.put('rows.csv', rows)
    directory.put('wiki.test.yaml', test('allow'))
    await reloader.start()
    const { revision } = reloader.current()
    directory.put('rows.csv', rows.replace('allow', 'deny'))
    await eventually(() =>
      expect(reloader.status().lastError).toContain('wiki.test.yaml:2:1: test "Alice administers"'),
    )
    expect(reloader.current().revision).toBe(revision)
    expect(rejections).toHaveLength(1)
    directory.put('wiki.test.yaml', test('deny'))
    await eventually(() => expect(reloader.current().revision).not.toBe(revision))
    expect(reloader.status().lastError).toBeUndefined()
  })

  it('is noticed when only a test changes, in a folder below too', async () => {
    directory.put('rows.csv', rows)
    await reloader.start()
    mkdirSync(`${directory.path}/wiki`)
    directory.put('wiki/admin.test.yaml', test('deny'))
    await eventually(() => expect(reloader.status().lastError).toContain('wiki/admin.test.yaml:2:1'))
  })

  it('is refused as well when a test cannot be read', async () => {
    directory.put('rows.csv', rows)
    directory.put('wiki.test.yaml', test('perhaps'))
    await expect(reloader.start()).rejects.toThrow('wiki.test.yaml:2:3: Alice administers: want: expected allow')
  })

  it('names twenty cases and counts the rest', async () => {
    directory.put('rows.csv', rows)
    directory.put('wiki.test.yaml', test('deny').repeat(45))
    await expect(reloader.start()).rejects.toThrow(/and 25 more tests failed$/)
  })
})

it('thousands of tests never keep the event loop busy for long', async () => {
  const snapshot = await compilePolicy({ model, files: [{ name: 'rows.csv', text: rows }] })
  const tests = [{ name: 'wiki.test.yaml', text: test('allow').repeat(4_000) }]
  const verify = createPolicyTrial({ clock, issuer: 'https://idp.example/ops' })
  await verify(snapshot, { model, files: [], tests: [{ name: 'warm.test.yaml', text: test('allow').repeat(200) }] })
  const turns: number[] = []
  let isDone = false
  let before = process.cpuUsage()
  // CPU time of this process, so that whatever else the machine runs does not count.
  const look = () => {
    const { user, system } = process.cpuUsage(before)
    before = process.cpuUsage()
    turns.push((user + system) / 1000)
    if (!isDone) setImmediate(look)
  }
  setImmediate(look)
  await verify(snapshot, { model, files: [], tests })
  isDone = true
  const inOrder = turns.toSorted((left, right) => left - right)
  expect(inOrder[Math.floor(turns.length * 0.95)]).toBeLessThan(20)
  // How many there are depends on the machine; in one piece there would be two.
  expect(turns.length).toBeGreaterThan(10)
})
