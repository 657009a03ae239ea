/** `sallyport sessions`, against the running service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { withHandlesMarked } from '../../cli/session-handles.ts'
import { listText } from '../../cli/sessions-text.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { startService, type TestService } from '../service.ts'

const wiki = 'https://wiki.example.com/'
let world: TestService
beforeAll(async () => {
  world = await startService({ policy: 'p, authenticated, wiki.example.com, /**, *, -, allow\n' })
})
afterAll(() => world.close())

async function run(...args: string[]) {
  const terminal = createTestTerminal({ env: { USER: 'olga' } })
  const admin = `http://127.0.0.1:${world.adminPort}`
  const code = await runCli(['sessions', ...args, '--admin', admin], { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}
const subjectOf = (person: string) => `${world.provider.issuer}#${person}`
const status = async (cookie: string) => (await world.ask('auth-request', { url: wiki, cookie })).status
const handleOf = async (cookie: string) =>
  String((await world.eventOf(await world.ask('auth-request', { url: wiki, cookie }))).session)

describe('sallyport sessions', () => {
  it('lists, as a table and as a document', async () => {
    const handle = await handleOf(await world.logIn('alice', wiki))
    const table = await run('list', '--subject', subjectOf('alice'))
    expect([table.code, table.errors]).toEqual([0, ''])
    expect(table.output.split('\n')[0]).toMatch(/^ {2}handle +who +since +idle until +from +hosts$/)
    expect(table.output).toMatch(
      new RegExp(`^  ${handle}  alice@example.com  20.*Z  20.*Z  .*127.0.0.1  wiki.example.com$`, 'm'),
    )
    const { output } = await run('list', '--host', 'wiki.example.com', '--json')
    expect(JSON.parse(output)).toMatchObject({ sessions: [{ handle, subject: subjectOf('alice') }] })
    expect((await run('list', '--issuer', 'https://other.example', '--sid', '1')).output).toBe('no session\n')
    expect((await run('end', '--subject', subjectOf('alice'))).output).toBe('ended: 1 session\n')
  })

  it('lists as many as are asked for, and says how to go on', async () => {
    await Promise.all(Array.from({ length: 5 }, () => world.logIn('bob', wiki)))
    const first = await run('list', '--all', '--limit', '3')
    const cursor = /^more: --after (\S+)$/m.exec(first.output)?.[1] ?? ''
    const rest = await run('list', '--all', '--after', cursor, '--json')
    expect(first.output.match(/bob@/g)).toHaveLength(3)
    expect(JSON.parse(rest.output).sessions).toHaveLength(2)
    expect((await run('end', '--subject', subjectOf('bob'))).output).toBe('ended: 5 sessions\n')
  })

  it('shows one, and ends one', async () => {
    const cookie = await world.logIn('carol', wiki)
    const handle = await handleOf(cookie)
    const shown = await run('show', handle)
    expect(shown.output).toMatch(/^ {2}subject +http:\/\/idp\.localhost:\d+#carol$/m)
    expect(shown.output).toMatch(/^ {2}host +wiki\.example\.com since 20/m)
    expect(await run('end', handle)).toEqual({ code: 0, output: 'ended: 1 session\n', errors: '' })
    expect(await status(cookie)).toBe(401)
    await expect
      .poll(() => world.auditEvents().filter(event => event.session === handle && event.cause === 'admin'))
      .toMatchObject([{ by: 'olga' }])
    for (const command of ['show', 'end']) {
      const { code, errors } = await run(command, handle)
      expect([code, errors]).toEqual([1, 'error: no session with this handle can be used\n'])
    }
  })

  it.each(['-w18OFCIj6wWqi5S', '-hhhhhhhhhhhhhhh', '--json-yes-all-0', '----------------', 'w-----hhhhhhhhhh'])(
    'takes %s for a handle, and never for options',
    async handle => {
      const unknown = { code: 1, output: '', errors: 'error: no session with this handle can be used\n' }
      expect(await run('show', handle)).toEqual(unknown)
      expect(await run('end', handle)).toEqual(unknown)
      expect(await run('end', '--by', 'olga', handle)).toEqual(unknown)
    },
  )

  it('takes what follows an option for its value, whatever it looks like', () => {
    const words = ['sessions', 'end', '--by', '-sixteen-letters', '-w18OFCIj6wWqi5S', '--json']
    expect(withHandlesMarked(words)).toEqual([
      'sessions',
      'end',
      '--by',
      '-sixteen-letters',
      '--json',
      '--',
      '-w18OFCIj6wWqi5S',
    ])
    for (const args of [['serve', '-w18OFCIj6wWqi5S'], ['sessions', 'end', '--', '-w18OFCIj6wWqi5S'], []])
      expect(withHandlesMarked(args)).toBe(args)
  })

  it.each([
    ['which', ['list']],
    ['which', ['end']],
    ['which', ['end', 'a'.repeat(16), '--all', '--yes']],
    ['which', ['end', '--subject', 'a', '--provider', 'corp', '--yes']],
    ['which', ['end', '--issuer', 'https://idp.example.com']],
    ['--yes', ['end', '--all']],
    ['--yes', ['end', '--provider', 'corp']],
    ['no such provider', ['end', '--provider', 'corporate', '--yes']],
    ['16 characters', ['end', 'short']],
    ['cursor', ['list', '--all', '--after', 'nonsense']],
    ['1 to 100000', ['list', '--all', '--limit', '0']],
  ])('says %s when it is told %j, and ends nothing', async (text, args) => {
    const cookie = await world.logIn('alice', wiki)
    const { code, errors } = await run(...args)
    expect([code, errors]).toEqual([2, expect.stringContaining(text)])
    expect(await status(cookie)).toBe(200)
  })

  it('ends all of a provider, and all there are', async () => {
    const cookies = await Promise.all([world.logIn('alice', wiki), world.logIn('bob', wiki)])
    expect((await run('end', '--provider', 'corp', '--yes', '--by', 'ticket 4711')).output).toBe(
      'ended: every session of corp that there was\n',
    )
    expect(await Promise.all(cookies.map(status))).toEqual([401, 401])
    const carol = await world.logIn('carol', wiki)
    // J129: at once, be it within the same second.
    expect(await status(carol)).toBe(200)
    expect((await run('end', '--all', '--yes')).output).toBe('ended: every session that there was\n')
    expect(await status(carol)).toBe(401)
    await expect
      .poll(() => world.auditEvents().filter(({ event }) => event === 'sessions.cut'))
      .toMatchObject([
        { provider: 'corp', by: 'ticket 4711' },
        { scope: 'all', by: 'olga' },
      ])
  })

  it('finds people by their address, in whatever capitals, and ends all of theirs and nothing else', async () => {
    const cookies = await Promise.all([
      world.logIn('alice', wiki),
      world.logIn('alice', wiki),
      world.logIn('bob', wiki),
    ])
    const listed = JSON.parse((await run('list', '--email', 'Alice@Example.com', '--json')).output)
    expect(listed.sessions.map(({ subject }: { subject: string }) => subject)).toEqual(
      Array.from({ length: 2 }, () => subjectOf('alice')),
    )
    expect(
      JSON.parse((await run('list', '--email', 'alice@example.com', '--limit', '1', '--json')).output).sessions,
    ).toHaveLength(1)
    expect(await run('end', '--email', 'ALICE@example.com')).toEqual({
      code: 0,
      output: `ended: 2 sessions of ${subjectOf('alice')}\n`,
      errors: '',
    })
    expect(await Promise.all(cookies.map(status))).toEqual([401, 401, 200])
    expect((await run('end', '--email', 'bob@example.com', '--json')).output).toBe(
      `${JSON.stringify({ ended: 1, passwords: 0, subjects: [subjectOf('bob')] })}\n`,
    )
  })

  it.each([
    ['an address for a subject', ['--subject', 'alice@example.com'], 'no session is of alice@example.com'],
    ['a part of an address', ['--email', 'alice@example.co'], 'has the address alice@example.co:'],
    ['somebody who is not logged in', ['--subject', 'https://idp.example.com#nobody'], 'no session is of'],
    ['a session that the provider has not', ['--issuer', 'https://idp.example.com', '--sid', '1'], 'nothing has been'],
  ])('exits with 1 when %s ends nothing, and says what a person is called', async (_what, args, text) => {
    const cookie = await world.logIn('alice', wiki)
    const { code, output, errors } = await run('end', ...args)
    expect([code, output]).toEqual([1, ''])
    expect(errors).toContain(text)
    expect(errors.replace(/\s+/g, ' ')).toContain('A person is <issuer>#<sub>: `sallyport sessions list --all`')
    expect(await status(cookie)).toBe(200)
  })

  it('says that nobody answers', async () => {
    const terminal = createTestTerminal()
    const args = ['sessions', 'list', '--all', '--admin', 'http://127.0.0.1:9']
    expect(await runCli(args, { version: '0', terminal })).toBe(1)
    expect(terminal.errors()).toContain('is the service running')
  })
})

it('what a browser calls itself does not reach the terminal as it is', () => {
  const moment = '2026-01-01T00:00:00.000Z'
  const session = { handle: 'a', subject: 's', provider: 'p', startedAt: moment, idleUntil: moment, endsAt: moment }
  const text = listText(
    { sessions: [{ ...session, name: '\u001b[2J\u202eeve', hosts: [] }] },
    createTestTerminal().colors,
  )
  expect(text).toContain('\\u001b[2J\\u202eeve')
})
