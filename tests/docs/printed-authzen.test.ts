/** What docs/authzen.md prints: settings that the service takes, rows that load beside them, and commands that answer. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-printed-authzen-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const around = `server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: 'https://idp.example.com', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./policy }
`

async function run(command: string) {
  const terminal = createTestTerminal({ cwd: directory })
  const code = await runCli(command.split(' ').slice(1), { version: '0', terminal })
  return { code, text: terminal.output() + terminal.errors() }
}

it('docs/authzen.md is taken as it is printed', async () => {
  const [settings = ''] = printedBlocks('authzen', 'yaml')
  const [rows = '', , commands = ''] = printedBlocks('authzen', '')
  mkdirSync(join(directory, 'policy'))
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })
  write('client', 'a-client-secret-of-tests-that-is-long\n')
  write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
  write('apps.json', '{"keys":[]}')
  write('sallyport.yaml', around + settings)
  write('policy/policy.csv', rows)
  expect(await run('sallyport config check')).toMatchObject({ code: 0 })
  expect(await run('sallyport policy check')).toMatchObject({ code: 0 })
  const answers: string[] = []
  for (const command of commands.trim().split('\n')) {
    const { code, text } = await run(command)
    answers.push(`${code} ${text}`)
  }
  expect(answers).toEqual([
    expect.stringMatching(/^0 allow/),
    expect.stringMatching(/^0 [\s\S]*user:https:\/\/idp\.example\.com#alice/),
    expect.stringMatching(/^0 allow/),
  ])
  // A slip in a row is one with a word that is known.
  write('policy/policy.csv', rows.replace('can_read|can_update', 'can_raed|can_update'))
  const slip = await run('sallyport policy check')
  expect(slip.text).toContain('"can_raed"')
  expect(slip.code).not.toBe(0)
})
