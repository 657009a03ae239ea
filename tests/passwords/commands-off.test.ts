/** `sallyport passwords`, against a service whose hosts take none by now. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { answerPasswords, type PasswordStore } from '../../app/admin/password-answers.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { startService, type TestService } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ policy: 'p, authenticated, wiki.example.com, /**, *, -, allow\n' })
})
afterAll(() => service?.close())

const run = async (...args: string[]) => {
  const terminal = createTestTerminal({ env: { USER: 'olga' } })
  const admin = ['--admin', `http://127.0.0.1:${service.adminPort}`]
  const code = await runCli(['passwords', ...args, ...admin], { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}
const note = /^note: no host of this service takes application passwords.*"passwords: true".*hosts\n$/

it('lists them, and says that none of them lets anybody in', async () => {
  const { code, output, errors } = await run('list', '--all')
  expect([code, output, errors]).toEqual([0, 'no password\n', expect.stringMatching(note)])
  const json = JSON.parse((await run('list', '--all', '--json')).output)
  expect(json).toEqual({ passwords: [], note: expect.stringContaining('takes application passwords') })
})

it('revokes those that were made before, and says of others that they are none', async () => {
  expect(await run('revoke', 'mzxw6ytboi2gk3tq')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('no password with this handle'),
  })
  expect(await run('revoke', '--subject', `${service.provider.issuer}#alice`)).toMatchObject({
    code: 0,
    output: 'revoked: 0 passwords\n',
    errors: expect.stringMatching(note),
  })
})

it('ends what stands in the store, as where hosts take it', async () => {
  const listed = { handle: 'mzxw6ytboi2gk3tq', subject: 'https://idp.example.com#alice' }
  const written: unknown[] = []
  const options = {
    passwords: { revoke: async () => listed } as unknown as PasswordStore,
    areTaken: false,
    audit: { write: (event: unknown) => void written.push(event) },
    newRequestId: () => 'a-request',
  }
  const call = { kind: 'revoke-passwords', selector: { password: listed.handle }, by: 'olga' } as const
  expect(await answerPasswords(call, options)).toMatchObject({
    status: 200,
    body: { revoked: 1, note: expect.any(String) },
  })
  expect(written).toEqual([expect.objectContaining({ event: 'password.revoked', handle: listed.handle, by: 'olga' })])
})
