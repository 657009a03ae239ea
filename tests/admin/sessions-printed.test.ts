/** What docs/sessions.md prints for operators, run by a shell as it is printed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMachine, type Machine } from '../kube-cli/machine.ts'
import { createShell, printedCommands } from '../kubernetes/printed-commands.ts'
import { startService, type TestService } from '../service.ts'

const wiki = 'https://wiki.example.com/'
let world: TestService
let machine: Machine
let shell: ReturnType<typeof createShell>
beforeAll(async () => {
  world = await startService({ policy: 'p, authenticated, wiki.example.com, /**, *, -, allow\n' })
  machine = createMachine()
  const alsoForOperator = ['--admin', `http://127.0.0.1:${world.adminPort}`]
  shell = createShell({ home: machine.home, cwd: machine.home, alsoForOperator })
})
afterAll(async () => {
  machine?.close()
  await world?.close()
})

const status = async (cookie: string) => (await world.ask('auth-request', { url: wiki, cookie })).status
const handleOf = async (cookie: string) =>
  String((await world.eventOf(await world.ask('auth-request', { url: wiki, cookie }))).session)

describe('the commands of docs/sessions.md', () => {
  /** One of them, about this handle and about the provider of the test. */
  const run = async (line: string, handle: string) => {
    const own = line
      .replace('3hVn0mJ4kQ1uYb2d', `'${handle}'`)
      .replace('https://idp.example.com', world.provider.issuer)
    const { code, stdout, stderr } = await shell.run(own)
    expect([line, code, stderr]).toEqual([line, 0, ''])
    return stdout
  }
  const lines = printedCommands('sessions', 'For operators: `sallyport sessions`')

  it('find the session of a person', async () => {
    const handle = await handleOf(await world.logIn('alice', wiki))
    const others = await handleOf(await world.logIn('bob', wiki))
    const [bySubject = '', byHost = '', bySid = '', all = '', show = ''] = lines
    expect(await run(bySubject, handle)).toMatch(new RegExp(`^  ${handle}  alice@example.com`, 'm'))
    expect(await run(bySubject, handle)).not.toContain(others)
    for (const line of [byHost, all])
      for (const each of [handle, others]) expect(await run(line, handle)).toContain(each)
    expect(await run(bySid, handle)).toBe('no session\n')
    expect(await run(show, handle)).toMatch(/^ {2}subject +http\S+#alice$/m)
    expect(lines).toHaveLength(10)
  })

  it.each([
    [5, 'the one', ['alice']],
    [6, 'those of Alice', ['alice']],
    [7, 'those of everybody with the address of Alice', ['alice']],
    [8, 'those of the provider', ['alice', 'bob']],
    [9, 'all', ['alice', 'bob']],
  ] as const)('end with line %i %s', async (at, _, gone) => {
    // Whoever logs in within the second in which everything was ended has no session either.
    world.moveClock(2)
    const cookies = { alice: await world.logIn('alice', wiki), bob: await world.logIn('bob', wiki) }
    expect([await status(cookies.alice), await status(cookies.bob)]).toEqual([200, 200])
    expect(await run(lines[at] ?? '', await handleOf(cookies.alice))).toMatch(
      /^ended: (?:[1-9]\d* session|every session)/,
    )
    for (const person of ['alice', 'bob'] as const)
      expect([person, await status(cookies[person])]).toEqual([person, gone.some(each => each === person) ? 401 : 200])
  })
})
