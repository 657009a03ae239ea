/** Sessions on the admin listener of several workers, which the primary answers without a store of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AnswerSessions } from '../../app/admin/session-answers.ts'
import { createWorkersSessions } from '../../app/workers/sessions-view.ts'
import { createBrowser, request } from '../../cli/demo/browser.ts'
import { freePort } from '../../cli/demo/ports.ts'
import { logIn } from '../../cli/demo/session.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

describe('three workers', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startStack({ proxy: 'built-in', port: await freePort(), workers: 3 })
  })
  afterAll(() => stack?.stop())

  async function run(...args: string[]) {
    const terminal = createTestTerminal()
    const all = ['sessions', ...args, '--json', '--admin', `http://${stack.adminAddress}`]
    const code = await runCli(all, { version: '0', terminal })
    return { code, body: JSON.parse(terminal.output() || '{}'), errors: terminal.errors() }
  }
  /** Asked as a proxy asks, on a new connection each time: connections are dealt out in turn. */
  async function statuses(url: string, cookie: string): Promise<number[]> {
    const headers = { 'x-original-method': 'GET', 'x-original-url': url, cookie, connection: 'close' }
    const found: number[] = []
    for (let index = 0; index < 6; index += 1) {
      found.push((await request(`http://${stack.authAddress}/verify/auth-request`, { headers })).status)
    }
    return found
  }

  it('list the sessions of a host, and end them in each of the three', async () => {
    const wiki = `${stack.origin('wiki')}/`
    const alice = createBrowser()
    expect((await logIn(alice, wiki, 'alice')).status).toBe(200)
    const cookie = alice.cookieFor(wiki)
    expect(await statuses(wiki, cookie)).toEqual(Array(6).fill(200))
    const { body } = await run('list', '--host', 'wiki.localhost')
    expect(body).toMatchObject({ sessions: [{ subject: `${stack.origin('idp')}#alice` }] })
    const [{ handle }] = body.sessions
    expect(await run('show', handle)).toMatchObject({ code: 0, body: { handle } })
    expect(await run('list', '--all', '--after', 'nonsense')).toMatchObject({ code: 2 })
    expect(await run('end', handle)).toMatchObject({ code: 0, body: { ended: 1 } })
    expect(await statuses(wiki, cookie)).toEqual(Array(6).fill(401))
    expect(await run('show', handle)).toMatchObject({ code: 1 })
  })
})

describe('a call about sessions', () => {
  const call: Parameters<AnswerSessions>[0] = { kind: 'show', handle: 'a'.repeat(16) }
  type Pool = Parameters<typeof createWorkersSessions>[0]
  const poolOf = (...workers: readonly ((name: string) => Promise<unknown>)[]): Pool =>
    ({ answering: () => workers.map(ask => ({ ask })) }) as unknown as Pool
  const never = () => new Promise(() => {})

  it('goes to one worker that answers, and not to one that is stuck or has ended', async () => {
    const asked: string[] = []
    const answering = async (name: string) => {
      asked.push(name)
      return { status: 200, body: {} }
    }
    const gone = async () => Promise.reject(new Error('worker 2 has ended'))
    expect(await createWorkersSessions(poolOf(never, gone, answering))(call)).toEqual({ status: 200, body: {} })
    expect(asked).toEqual(['policy', 'sessions'])
  })

  it('fails when there is none', async () => {
    await expect(createWorkersSessions(poolOf())(call)).rejects.toThrow('no worker answers')
  })
})
