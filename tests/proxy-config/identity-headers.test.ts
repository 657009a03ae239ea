/**
 * Headers of other products and of claims, through what is printed for hosts that have them: what their applications are told, and
 * that no client says it itself; with files that are up to date, and with files that were printed before.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { examine, findingOf } from '../doctor/command.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen, type Person } from '../provider.ts'
import { startService, type TestService } from '../service.ts'
import { folder, type PrintedFormat, printedFormats, printInto, startPrinted } from './printed.ts'

/** What the application of a host believes. */
const believed = {
  'grafana.localhost': [
    ...['X-WEBAUTH-USER', 'X-WEBAUTH-NAME', 'X-WEBAUTH-EMAIL', 'X-WEBAUTH-GROUPS'],
    ...['X-Department', 'Shift'],
  ],
  'jenkins.localhost': ['X-Forwarded-User', 'X-Forwarded-Groups'],
  'git.localhost': ['X-WEBAUTH-USER', 'X-WEBAUTH-EMAIL', 'X-WEBAUTH-FULLNAME', 'Remote-User', 'Remote-Groups'],
}
const hosts = [...Object.keys(believed), 'wiki.localhost']
const policy = hosts
  .flatMap(host => [`p, anyone, ${host}, /public/**, read, -, allow`, `p, authenticated, ${host}, /**, *, -, allow`])
  .join('\n')
const settings = [
  {
    host: 'grafana.localhost',
    identityHeaders: ['webauth'],
    userName: { claim: 'preferred_username' },
    claimHeaders: ['X-Department=department', 'Shift=org/shift'],
  },
  { host: 'jenkins.localhost', identityHeaders: ['jenkins'], userName: { emailDomain: 'example.com' } },
  { host: 'git.localhost', identityHeaders: ['gitea', 'remote'], userName: { claim: 'preferred_username' } },
]
const names = [...new Set(Object.values(believed).flat())].filter(name => name !== 'Remote-Groups')
const spellings = (name: string): readonly string[] => [
  name,
  name.toLowerCase(),
  ...['_', '.', '!', '~'].filter(() => name.includes('-')).map(mark => name.replaceAll('-', mark)),
]
const patience = { timeout: 120_000, interval: 25 }

type Headers = Readonly<Record<string, string | readonly string[]>>

interface Answer {
  readonly status: number
  readonly body: string
}

describe('hosts with headers of their own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-identity-headers-'))
  const application = createDemoApp({ name: 'wiki' })
  let world: TestService
  let upstream: string
  const cookies = new Map<string, string>()

  beforeAll(async () => {
    world = await startService({
      policy,
      hosts: settings,
      settings: { envoy: { listen: '127.0.0.1:0' } },
      provider: {
        configuration: {
          claims: {
            openid: ['sub'],
            profile: ['name', 'preferred_username', 'department', 'org'],
            email: ['email', 'email_verified'],
            groups: ['groups'],
          },
        },
      },
    })
    const { people } = world.provider
    people.setClaims('alice', {
      preferred_username: 'a.archer',
      department: 'Forschung & Entwicklung, Köln',
      org: { shift: ['early', 'late,night'] },
      groups: ['ops', 'a|b', 'c,d'],
    })
    people.setClaims('bob', { preferred_username: 'client:corp/ci', email: 'alice@evil.example', org: { shift: {} } })
    upstream = `127.0.0.1:${await listen(application)}`
    for (const person of ['alice', 'bob', 'carol'] as const)
      for (const host of hosts) cookies.set(`${person} ${host}`, await world.logIn(person, `http://${host}/`))
    // What was printed before the hosts had such headers.
    const before = JSON.parse(readFileSync(join(world.directory, 'sallyport.yaml'), 'utf8')) as object
    writeFileSync(join(directory, 'before.yaml'), JSON.stringify({ ...before, hosts: [] }))
    writeFileSync(join(directory, 'policy.csv'), policy)
  })
  afterAll(async () => {
    await world?.close()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  /** The proxy with the files of a configuration, and a way to ask it. */
  async function start(format: PrintedFormat, name: string, config: string) {
    const port = await freePort()
    const files = folder(directory, name)
    const args = [
      ...[format, '--config', config, '--listen', `127.0.0.1:${port}`],
      ...hosts.flatMap(host => ['--host', `${host}=${upstream}`]),
      ...['--sallyport', `127.0.0.1:${world.port}`, '--grpc', `127.0.0.1:${world.service.ports().envoy}`],
    ]
    await printInto(files, args, directory)
    const proxy = startPrinted(format, files)
    const ask = (host: string, path: string, { as, headers = {} }: { as?: Person; headers?: Headers } = {}) =>
      new Promise<Answer>((resolve, reject) => {
        const cookie = as === undefined ? {} : { cookie: cookies.get(`${as} ${host}`) }
        const whole = { host, accept: 'application/json', ...cookie, ...headers }
        httpRequest({ host: '127.0.0.1', port, path, headers: whole }, answer => {
          text(answer).then(body => resolve({ status: answer.statusCode ?? 0, body }), reject)
        })
          .on('error', reject)
          .end()
      })
    await vi.waitUntil(async () => {
      if (!proxy.isRunning()) throw new Error(proxy.lastLines())
      return (await ask('wiki.localhost', '/public/').catch(() => undefined))?.status === 200
    }, patience)
    return { proxy, port, ask }
  }

  type Ask = Awaited<ReturnType<typeof start>>['ask']

  /** A client that says itself who is asking: with a session and without, in each spelling of each name. */
  async function lies(ask: Ask, host: string, own: readonly string[]) {
    const answers: { name: string; answer: Answer }[] = []
    for (const name of own.flatMap(spellings)) {
      const headers = { [name]: ['mallory', 'mallory'] }
      answers.push({ name, answer: await ask(host, '/', { as: 'alice', headers }) })
      answers.push({ name, answer: await ask(host, '/public/a', { headers }) })
    }
    return answers
  }

  /** What the application was told under these names, empty headers left out as most applications do. */
  const told = ({ body }: Answer): Readonly<Record<string, string>> =>
    Object.fromEntries(
      (JSON.parse(body) as Echo).headers
        .filter(([header, value]) => names.some(name => name.toLowerCase() === header.toLowerCase()) && value !== '')
        .map(([header, value]) => [header.toLowerCase(), value]),
    )

  describe.each(printedFormats)('behind %s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is printed', () => {
      let running: Awaited<ReturnType<typeof start>>
      beforeAll(async () => {
        running = await start(format, format, join(world.directory, 'sallyport.yaml'))
      })
      afterAll(() => running?.proxy.stop())

      it('tells each application who is asking, under the names that it reads', async () => {
        const { ask } = running
        expect(told(await ask('grafana.localhost', '/', { as: 'alice' }))).toEqual({
          'x-webauth-user': 'a.archer',
          'x-webauth-name': 'Alice Example',
          'x-webauth-email': 'alice@example.com',
          'x-webauth-groups': 'ops,a|b,c%2Cd',
          'x-department': 'Forschung & Entwicklung, K%C3%B6ln',
          shift: 'early,late%2Cnight',
          'remote-user': 'alice',
        })
        expect(told(await ask('jenkins.localhost', '/', { as: 'alice' }))).toEqual({
          'x-forwarded-user': 'alice',
          'x-forwarded-groups': 'ops|a%7Cb|c,d',
          'remote-user': 'alice',
        })
        expect(told(await ask('git.localhost', '/', { as: 'alice' }))).toEqual({
          'x-webauth-user': 'a.archer',
          'x-webauth-email': 'alice@example.com',
          'x-webauth-fullname': 'Alice Example',
          'remote-user': 'a.archer',
        })
        expect(told(await ask('wiki.localhost', '/', { as: 'alice' }))).toEqual({ 'remote-user': 'alice' })
      })

      it('H53 gives nobody a name of an address elsewhere, H55 of a machine, H57 or of nothing', async () => {
        const { ask } = running
        expect(told(await ask('jenkins.localhost', '/', { as: 'bob' }))).toEqual({
          'x-forwarded-groups': 'contractors',
          'remote-user': 'bob',
        })
        const machine = await ask('git.localhost', '/', { as: 'bob' })
        expect(told(machine)).toEqual({ 'x-webauth-email': 'alice@evil.example', 'x-webauth-fullname': 'Bob Example' })
        const nameless = await ask('grafana.localhost', '/', { as: 'carol' })
        expect(told(nameless)).toEqual({
          'x-webauth-name': 'Carol Example',
          'x-webauth-email': 'carol@example.com',
          'remote-user': 'carol',
        })
        expect(`${machine.body}${nameless.body}`).not.toMatch(/undefined|\[object/)
      })

      it('H51 lets no client say it itself, with a session or without, on any host and in any spelling', async () => {
        for (const host of hosts)
          for (const { name, answer } of await lies(running.ask, host, names))
            expect([host, name, answer.status, answer.body.includes('mallory')]).toEqual([host, name, 200, false])
        const all = Object.fromEntries(names.map(name => [name, 'mallory']))
        for (const host of hosts)
          expect([host, told(await running.ask(host, '/public/a', { headers: all }))]).toEqual([host, {}])
        const connection = { connection: `close, ${names.join(', ')}` }
        const seen = await running.ask('grafana.localhost', '/', { as: 'alice', headers: connection })
        if (seen.status === 200) expect(told(seen)['x-webauth-user']).toBe('a.archer')
        else expect([400, 403, 500]).toContain(seen.status)
      })

      it('sallyport doctor finds nothing that arrives', async () => {
        const page = `http://grafana.localhost:${running.port}/public/a`
        const { found } = await examine(page, '--config', join(world.directory, 'sallyport.yaml'))
        expect(findingOf(found, 'identity-headers')).toMatchObject({ status: 'pass' })
      })
    })

    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it was printed before', () => {
      let running: Awaited<ReturnType<typeof start>>
      beforeAll(async () => {
        running = await start(format, `${format}-before`, join(directory, 'before.yaml'))
      })
      afterAll(() => running?.proxy.stop())

      it('H52 lets no client say it itself: what is not dropped is refused, and the reason is in the audit log', async () => {
        for (const [host, own] of Object.entries(believed))
          for (const { name, answer } of await lies(running.ask, host, own)) {
            expect([host, name, answer.body.includes('mallory')]).toEqual([host, name, false])
            expect([200, 400, 500]).toContain(answer.status)
          }
        const refused = await running.ask('grafana.localhost', '/public/a', { headers: { 'X-Department': 'mallory' } })
        expect(refused.status).toBe(400)
        // Lines are written in batches, some milliseconds after the answer.
        await vi.waitUntil(
          () =>
            world
              .auditEvents()
              .some(
                ({ event, code, detail }) =>
                  event === 'access.refused' &&
                  code === 'ERR_IDENTITY_HEADER_SENT' &&
                  String(detail).startsWith("a client's own x-department"),
              ),
          patience,
        )
        expect((await running.ask('wiki.localhost', '/public/a', { headers: { 'X-Department': 'own' } })).status).toBe(
          200,
        )
      })

      it('sallyport doctor says which of them arrive where nobody refuses', async () => {
        const page = `http://wiki.localhost:${running.port}/public/a`
        const { found } = await examine(page, '--config', join(world.directory, 'sallyport.yaml'))
        expect(findingOf(found, 'identity-headers')).toMatchObject({
          status: 'fail',
          why: expect.stringMatching(/x-department/i),
        })
      })
    })
  })
})
