/** `sallyport passwords`, against a service whose hosts take none. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { startService, type TestService } from '../service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ policy: 'p, authenticated, wiki.example.com, /**, *, -, allow\n' })
})
afterAll(() => service?.close())

it.each([[['list', '--all']], [['revoke', 'mzxw6ytboi2gk3tq']]])(
  'says for %j that there are none, where that is set, and what there is to do',
  async args => {
    const terminal = createTestTerminal({ env: { USER: 'olga' } })
    const admin = ['--admin', `http://127.0.0.1:${service.adminPort}`]
    expect(await runCli(['passwords', ...args, ...admin], { version: '0', terminal })).toBe(1)
    expect(terminal.errors()).toMatch(
      /^error: no host of this service takes application passwords.*"passwords: true".*hosts.*sallyport sessions end --subject\n$/,
    )
  },
)
