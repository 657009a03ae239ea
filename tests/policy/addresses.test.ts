/** Addresses that some hosts take and others refuse: whoever asks about them is answered as the service would be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPolicyTrial } from '../../app/policy/trial.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-addresses-'))
  terminal = createTestTerminal({ cwd })
  const secret = 'kQ3v9Zt1mXc7Rb5Yw2Ls8Hd4Jf6Gn0PaUeIoTyBxV_w'
  write('session.secret', secret)
  write('rows.csv', rows)
  write('sallyport.yaml', config)
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const write = (name: string, text: string) => writeFileSync(join(cwd, name), text, { mode: 0o600 })
const run = (...args: string[]) => {
  terminal = createTestTerminal({ cwd })
  return runCli(['policy', ...args, '--config', 'sallyport.yaml'], { version: '0', terminal })
}
const rows =
  'p, authenticated, a.example.com, /users/{sub}/**, *, -, allow\np, authenticated, a.example.com, /pub/** except /pub/secret/**, *, -, allow\np, authenticated, b.example.com, /**, *, -, allow\n'
const config = `
server: { url: https://auth.example.com, listen: 127.0.0.1:9180, trustedProxies: [127.0.0.1/32] }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecretFile: ./session.secret }]
sessions: { store: lmdb, path: ./data, secretFile: ./session.secret }
canonical: { allowSemicolon: [a.example.com], allowEncodedSlash: [a.example.com] }
policy: { directory: . }
`
const answers = [
  ['/users/alice/a%2Fb', 'allow'],
  ['/users/alice%2Fa', 'deny'],
  ['/users/alice;x/a', 'deny'],
  ['/users%2Falice/a', 'deny'],
  ['/pub/a%2Fb', 'allow'],
  ['/pub/secret;x/a', 'deny'],
  ['/pub;a/secret', 'deny'],
  ['/pub%2Fsecret', 'deny'],
] as const

it.each(answers)('%s is explained as it would be judged: %s', async (path, effect) => {
  expect(await run('explain', '--as', 'alice', '--url', `https://a.example.com${path}`, '--json')).toBe(0)
  expect(JSON.parse(terminal.output()).decision.effect).toBe(effect)
})

it('another host refuses them, and so does a question about it', async () => {
  for (const path of ['/a;b', '/a%2Fb']) {
    expect(await run('explain', '--as', 'alice', '--url', `https://b.example.com${path}`)).toBe(2)
    expect(await run('who-can', 'GET', `https://b.example.com${path}`)).toBe(2)
    expect(await run('who-can', 'GET', `https://a.example.com/pub${path}`)).toBe(0)
    expect(terminal.output()).toContain('authenticated')
  }
})

it('cases of test files speak of them, on the command line and before a policy comes into force', async () => {
  const cases = answers.map(
    ([path, want], index) =>
      `- { name: n${index}, identity: { user: alice }, request: "GET https://a.example.com${path}", want: ${want} }\n`,
  )
  write('a.test.yaml', cases.join(''))
  expect([await run('test'), terminal.errors()]).toEqual([0, ''])
  const tests = [{ name: 'a.test.yaml', text: cases.join('') }]
  const snapshot = await policyOf(rows)
  const trialOf = (canonical = {}) =>
    createPolicyTrial({ clock: { now: () => 0 }, canonical })(snapshot, { files: [], tests } as never)
  await expect(trialOf()).rejects.toThrow('the path holds an encoded slash')
  const isA = (host: string) => host === 'a.example.com'
  await trialOf({ allowSemicolon: isA, allowEncodedSlash: isA })
})
