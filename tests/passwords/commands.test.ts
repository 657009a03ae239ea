/** `sallyport passwords`, against the running service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { type PasswordsWorld, startPasswords } from './world.ts'

let world: PasswordsWorld
beforeAll(async () => {
  world = await startPasswords()
})
afterAll(() => world?.close())

async function run(...args: string[]) {
  const terminal = createTestTerminal({ env: { USER: 'olga' } })
  const code = await runCli([...args, '--admin', `http://127.0.0.1:${world.adminPort}`], { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}
const subjectOf = (person: string) => `${world.provider.issuer}#${person}`

describe('sallyport passwords', () => {
  it('lists them, as a table and as a document, without what opens anything', async () => {
    expect((await run('passwords', 'list', '--all')).output).toBe('no password\n')
    const made = [
      await world.make('alice', { name: 'a \u001b[31mlaptop' }).catch(() => undefined),
      await world.make('alice'),
    ]
    const { handle, text } = made[1] as NonNullable<(typeof made)[1]>
    await world.use({ user: handle, text })
    await expect.poll(async () => (await run('passwords', 'list', '--all')).output).toContain('203.0.113.9')
    const { code, output, errors } = await run('passwords', 'list', '--all')
    expect([code, errors]).toEqual([0, ''])
    expect(output.split('\n')[0]).toMatch(/^ {2}handle +who +name +hosts +ends +last used +from$/)
    expect(output).toContain(`  ${handle}  ${subjectOf('alice')}  laptop  git.example.com  20`)
    const json = (await run('passwords', 'list', '--subject', subjectOf('alice'), '--json')).output
    expect(JSON.parse(json).passwords).toMatchObject([{ handle, name: 'laptop', provider: 'corp' }])
    for (const part of [text.slice(-48), 'scrypt', 'hash']) expect(output + json).not.toContain(part)
    expect((await run('passwords', 'list', '--subject', subjectOf('bob'))).output).toBe('no password\n')
  })

  it('lists as many as are asked for, and says how to go on', async () => {
    for (const name of ['one', 'two', 'three']) await world.make('bob', { name })
    const first = await run('passwords', 'list', '--all', '--limit', '2')
    const cursor = /^more: --after (\S+)$/m.exec(first.output)?.[1] ?? ''
    const rest = JSON.parse((await run('passwords', 'list', '--all', '--after', cursor, '--json')).output)
    expect(rest.passwords).toHaveLength(2)
  })

  it('J40 revokes one, and all of a person, and says what was ended beside their sessions', async () => {
    const carol = [await world.make('carol'), await world.make('carol'), await world.make('carol')] as const
    const [one, other] = carol
    expect(await run('passwords', 'revoke', one.handle)).toEqual({
      code: 0,
      output: 'revoked: 1 password\n',
      errors: '',
    })
    expect([(await world.use(one)).status, (await world.use(other)).status]).toEqual([401, 200])
    await expect
      .poll(() =>
        world.auditEvents().filter(({ event, handle }) => event === 'password.revoked' && handle === one.handle),
      )
      .toMatchObject([{ cause: 'admin', by: 'olga' }])
    const again = await run('passwords', 'revoke', one.handle)
    expect([again.code, again.errors]).toEqual([1, 'error: no password with this handle can be used\n'])
    expect((await run('passwords', 'revoke', '--subject', subjectOf('carol'))).output).toBe('revoked: 2 passwords\n')
    expect((await world.use(other)).status).toBe(401)
    await world.make('carol')
    const ended = await run('sessions', 'end', '--subject', subjectOf('carol'))
    expect(ended.output).toBe('ended: 4 sessions, and 1 application password\n')
  })

  it.each([
    [['list']],
    [['list', '--all', '--subject', 'x#y']],
    [['revoke']],
    [['revoke', 'abcdefghijklmnop', '--subject', 'x#y']],
    [['revoke', 'short']],
  ])('does nothing for %j', async args => {
    const { code, errors } = await run('passwords', ...args)
    expect(code).toBe(2)
    expect(errors).toMatch(/^error: /)
  })
})
