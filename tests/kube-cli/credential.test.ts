/** The plugin of kubectl as processes of its own, against the whole service: logins, refreshes, and what is said when. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventsOf, type GrantWorld, logInBrowser, press, startGrantWorld, untilEvent, visit } from '../grants/world.ts'
import type { TestBrowser, TestService } from '../service.ts'
import { answerInBrowser, createMachine, credentialIn, execInfo, logIn, type Machine } from './machine.ts'

let world: GrantWorld
let service: TestService
let alice: TestBrowser
let machine: Machine

beforeAll(async () => {
  world = await startGrantWorld()
  service = world.service
})
afterAll(() => world.close())
beforeEach(async () => {
  alice = await logInBrowser(service, 'alice')
  machine = createMachine()
})
afterEach(() => machine.close())

const credential = (...more: string[]) => ['credential', '--server', service.publicUrl, '--cluster', 'prod', ...more]

async function endSessions(): Promise<void> {
  const body = JSON.stringify({ subject: `${service.provider.issuer}#alice` })
  const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  expect((await fetch(`http://127.0.0.1:${service.adminPort}/sessions/end`, call)).status).toBe(200)
}

describe('a login', () => {
  it('goes through the browser, and says whose it is', async () => {
    const { code, stdout, stderr } = await logIn(machine, service, alice)
    expect([code, stdout]).toEqual([0, expect.stringContaining('Logged in as alice@example.com, until ')])
    expect(stderr).toContain('Your browser asks')
  })

  it('says no when the person has said no', async () => {
    const running = machine.start(['login', '--server', service.publicUrl])
    const url = await machine.untilOpened()
    expect(await answerInBrowser(service, { browser: alice, url, decision: 'deny' })).toContain('not let in')
    expect(await running.finished).toMatchObject({ code: 1, stderr: expect.stringContaining('denied in the browser') })
  })

  it('L13 takes no answer but its own', async () => {
    const running = machine.start(['login', '--server', service.publicUrl])
    const url = await machine.untilOpened()
    const redirect = new URL(url).searchParams.get('redirect_uri') ?? ''
    const state = new URL(url).searchParams.get('state') ?? ''
    const iss = `${service.publicUrl}/kube`
    const code = 'x'.repeat(43)
    const foreign: Record<string, string>[] = [
      { code, state: 'another-state', iss },
      { code, state, iss: 'https://evil.example/kube' },
      { code, state },
      { error: 'access_denied', state: 'another-state', iss },
    ]
    for (const answer of foreign) {
      expect((await fetch(`${redirect}?${new URLSearchParams(answer)}`)).status).toBe(404)
    }
    await answerInBrowser(service, { browser: alice, url })
    expect((await running.finished).code).toBe(0)
  })

  it('prints the address and opens nothing with --no-browser', async () => {
    const running = machine.start(['login', '--server', service.publicUrl, '--no-browser'])
    await expect.poll(running.stderr, { timeout: 60_000 }).toMatch(/^http\S+\n/m)
    await answerInBrowser(service, { browser: alice, url: /^http\S+$/m.exec(running.stderr())?.[0] ?? '' })
    expect((await running.finished).code).toBe(0)
    expect(machine.opened()).toEqual([])
  })

  it.each([
    ['with --device', ['--device'], {}],
    ['where no browser can be shown', [], { BROWSER: '' }],
  ])('prints a code %s', async (_, args, env) => {
    const running = machine.start(['login', '--server', service.publicUrl, ...args], env)
    await expect.poll(running.stderr, { timeout: 60_000 }).toMatch(/user_code=[\w-]{9}/)
    const page = await visit(alice, /http\S+user_code=[\w-]{9}/.exec(running.stderr())?.[0] ?? '')
    await press(alice, service, page.text, { decision: 'allow' })
    expect(await running.finished).toMatchObject({ code: 0, stdout: expect.stringContaining('alice@example.com') })
    expect(machine.opened()).toEqual([])
  })

  it('over plain http is for this machine alone', async () => {
    const { code, stderr } = await machine.run(['login', '--server', 'http://auth.example.com'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('expected https')])
  })

  it('says which address it needs when it never had one, and what is wrong with one', async () => {
    expect(await machine.run(['whoami'])).toMatchObject({ code: 1, stderr: expect.stringContaining('--server') })
    const nobody = await machine.run(['login', '--server', 'http://127.0.0.1:1', '--device'])
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('no answer from http://127.0.0.1:1') })
  })
})

describe('the plugin', () => {
  it('gives kubectl a token of the cluster, which ends half a minute early', async () => {
    await logIn(machine, service, alice)
    const found = credentialIn(await machine.run(credential(), execInfo(false)))
    expect(found).toMatchObject({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' })
    const { aud, exp = 0 } = decodeJwt(found.status.token)
    expect(aud).toBe('https://k8s.example.com/clusters/prod')
    const early = exp * 1000 - Date.parse(found.status.expirationTimestamp)
    expect(early).toBeGreaterThanOrEqual(25_000)
    expect(early).toBeLessThanOrEqual(35_000)
  })

  it('learns the cluster and the auth host from kubectl', async () => {
    await logIn(machine, service, alice)
    const config = { cluster: 'lab', server: service.publicUrl }
    const found = credentialIn(await machine.run(['credential'], execInfo(false, { cluster: { config } })))
    expect(decodeJwt(found.status.token).aud).toBe('https://k8s.example.com/clusters/lab')
    const server = 'https://k8s.example.com/clusters/prod'
    const named = credentialIn(await machine.run(['credential'], execInfo(false, { cluster: { server } })))
    expect(decodeJwt(named.status.token).aud).toBe(server)
  })

  it('gives the same token again, and refreshes nothing', async () => {
    await logIn(machine, service, alice)
    const first = credentialIn(await machine.run(credential(), execInfo(false)))
    const second = credentialIn(await machine.run(credential(), execInfo(false)))
    expect(second).toEqual(first)
  })

  it('opens no browser where nobody is, and says what to do', async () => {
    const { code, stdout, stderr } = await machine.run(credential(), execInfo(false))
    expect([code, stdout, stderr]).toEqual([1, '', 'sallyport: you are not logged in: run sallyport kube login\n'])
    expect(machine.opened()).toEqual([])
  })

  it('L15 notices at once that the session was ended, and says what to do', async () => {
    await logIn(machine, service, alice)
    credentialIn(await machine.run(credential(), execInfo(false)))
    await endSessions()
    // Beyond what parallel runs share.
    asIfEarlier(machine)
    for (const interactive of [false, true]) {
      const { code, stdout, stderr } = await machine.run(credential(), execInfo(interactive))
      expect([code, stdout, stderr]).toEqual([1, '', 'sallyport: your session has ended: run sallyport kube login\n'])
    }
    expect(machine.opened()).toHaveLength(1)
    alice = await logInBrowser(service, 'alice', alice)
    await logIn(machine, service, alice)
    credentialIn(await machine.run(credential(), execInfo(false)))
  })

  it('goes on with its token while nobody can say whether the session stands', async () => {
    await logIn(machine, service, alice)
    const first = credentialIn(await machine.run(credential(), execInfo(false)))
    asIfEarlier(machine)
    const name = createHash('sha256').update('http://127.0.0.1:1').digest('hex').slice(0, 24)
    const kept = readFileSync(keptFile(machine), 'utf8')
    writeFileSync(join(machine.cacheDirectory, `${name}.json`), kept, { mode: 0o600 })
    const args = ['credential', '--server', 'http://127.0.0.1:1', '--cluster', 'prod']
    expect(credentialIn(await machine.run(args, execInfo(false)))).toEqual(first)
  })

  it('begins one login that nobody asked for, and no second one', async () => {
    const running = machine.start(credential(), execInfo(true))
    await machine.untilOpened()
    running.kill('SIGKILL')
    await running.finished
    for (const _ of [1, 2]) {
      const { code, stderr } = await machine.run(credential(), execInfo(true))
      expect([code, stderr]).toEqual([1, expect.stringContaining('run sallyport kube login')])
    }
    expect(machine.opened()).toHaveLength(1)
  })

  it('says that there is no such cluster', async () => {
    await logIn(machine, service, alice)
    const args = ['credential', '--server', service.publicUrl, '--cluster', 'staging']
    const { code, stderr } = await machine.run(args, execInfo(false))
    expect([code, stderr]).toEqual([1, expect.stringContaining('sallyport kube clusters shows which there are')])
  })

  it.each(['x', '{}', '[]', '{"apiVersion":"client.authentication.k8s.io/v9"}'])(
    'refuses %j of kubectl',
    async text => {
      const { code, stdout, stderr } = await machine.run(credential(), { KUBERNETES_EXEC_INFO: text })
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('KUBERNETES_EXEC_INFO')])
    },
  )

  it('keeps everything for this account alone, and leaves nothing else behind', async () => {
    await logIn(machine, service, alice)
    credentialIn(await machine.run(credential(), execInfo(false)))
    expect(statSync(machine.cacheDirectory).mode & 0o777).toBe(0o700)
    const files = readdirSync(machine.cacheDirectory)
    expect(files.filter(name => !/^(?:[0-9a-f]{24}\.json|server)$/.test(name))).toEqual([])
    for (const name of files) expect(statSync(join(machine.cacheDirectory, name)).mode & 0o077).toBe(0)
  })
})

describe('twenty kubectl at once', () => {
  const together = (interactive: boolean) =>
    Array.from({ length: 20 }, () => machine.start(credential(), execInfo(interactive)))
  const ofProd = () => eventsOf(service, 'token.issued').filter(({ audience }) => audience === 'prod').length

  it('log in once', async () => {
    const before = eventsOf(service, 'grant.issued').length
    const running = together(true)
    await answerInBrowser(service, { browser: alice, url: await machine.untilOpened() })
    const found = (await Promise.all(running.map(({ finished }) => finished))).map(credentialIn)
    expect(new Set(found.map(({ status }) => status.token)).size).toBe(1)
    expect(machine.opened()).toHaveLength(1)
    const session = decodeJwt(found[0]?.status.token ?? '').sid
    await untilEvent(service, 'token.issued', { audience: 'prod', session })
    expect(eventsOf(service, 'grant.issued').length - before).toBe(1)
  }, 180_000)

  it('refresh once', async () => {
    await logIn(machine, service, alice)
    const before = ofProd()
    const found = (await Promise.all(together(false).map(({ finished }) => finished))).map(credentialIn)
    expect(new Set(found.map(({ status }) => status.token)).size).toBe(1)
    const session = decodeJwt(found[0]?.status.token ?? '').sid
    await untilEvent(service, 'token.issued', { audience: 'prod', session })
    expect(ofProd() - before).toBe(1)
  }, 180_000)

  it('are not kept out by a lock that somebody left behind', async () => {
    await logIn(machine, service, alice)
    const lock = keptFile(machine).replace(/json$/, 'lock')
    // No process has this number: it is beyond the largest one.
    writeFileSync(lock, `4194305 ${hostname()} 0011223344556677`, { mode: 0o600 })
    const found = await Promise.all(together(false).map(({ finished }) => finished))
    expect(new Set(found.map(one => credentialIn(one).status.token)).size).toBe(1)
  }, 180_000)
})

describe('the other commands', () => {
  it('say who it is and which clusters there are', async () => {
    await logIn(machine, service, alice)
    const whoami = await machine.run(['whoami'])
    expect(whoami.stdout).toContain('alice@example.com')
    expect(whoami.stdout).toContain('groups   ops')
    expect((await machine.run(['clusters'])).stdout).toBe(
      'prod  https://k8s.example.com/clusters/prod\nlab   https://k8s.example.com/clusters/lab\n',
    )
    expect(JSON.parse((await machine.run(['clusters', '--json'])).stdout).clusters).toHaveLength(2)
    expect(JSON.parse((await machine.run(['whoami', '--json'])).stdout)).toMatchObject({ groups: ['ops'] })
  })

  it('log out: the machine has nothing any more, and the grant has ended', async () => {
    await logIn(machine, service, alice)
    const kept = readFileSync(keptFile(machine), 'utf8')
    expect((await machine.run(['logout'])).stdout).toContain('Logged out')
    expect(readFileSync(keptFile(machine), 'utf8')).toBe('{"tokens":{}}\n')
    await untilEvent(service, 'grant.ended', { cause: 'logout' })
    // A copy that somebody made before is worth nothing either.
    writeFileSync(keptFile(machine), kept, { mode: 0o600 })
    expect((await machine.run(credential(), execInfo(false))).code).toBe(1)
  })
})

const keptFile = (of: Machine): string => {
  const name = readdirSync(of.cacheDirectory).find(file => file.endsWith('.json'))
  if (name === undefined) throw new Error('nothing is kept')
  return join(of.cacheDirectory, name)
}

/** Takes back what the last run noted about its token: as if that were some seconds ago. */
function asIfEarlier(of: Machine): void {
  const file = keptFile(of)
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { tokens: Record<string, { confirmedAt: number }> }
  for (const token of Object.values(kept.tokens)) token.confirmedAt -= 10_000
  writeFileSync(file, JSON.stringify(kept), { mode: 0o600 })
}
