/** What the service finds out about its own rights in a cluster, and what it says about it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { composeOwnRights, type OwnRightsCheck, type OwnRightsTimes } from '../../app/compose/clusters/own-rights.ts'
import { portOf } from '../../app/listener/listen.ts'
import { type ResourceAttributes, type Rule, rulesAllow } from '../../rbac/kubernetes/rule.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { createAuthority } from '../certificates.ts'
import { logInBrowser, newGrant, startGrantWorld } from '../grants/world.ts'
import { writePolicy } from '../service.ts'

const speaking = { apiGroups: [''], verbs: ['impersonate'] }
const extras = {
  apiGroups: ['authentication.k8s.io'],
  resources: ['userextras/sallyport.dev/session'],
  verbs: ['impersonate'],
}
const exact: readonly Rule[] = [
  { ...speaking, resources: ['groups'], resourceNames: ['sallyport:ops'] },
  { ...speaking, resources: ['users'], resourceNames: ['alice@example.com'] },
  extras,
]

/** Whom those rules are for. */
const rowsOfPeople =
  'p, group:ops, kube:prod, /**, get, -, allow\np, email:alice@example.com, kube:prod, /**, get, -, allow\n'

interface Logged {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

describe('own rights in a cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-own-rights-'))
  let server: Server
  let policy: PolicySnapshot
  let rules: readonly Rule[] = []

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }

  beforeAll(async () => {
    const authority = createAuthority('an authority of tests')
    const own = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
    authority.close()
    write('ca.pem', authority.certificate)
    write('token', 'the-token-of-the-gateway\n')
    server = createServer({ cert: own.certificate, key: own.key }, (request, response) => {
      let text = ''
      request.on('data', (part: Buffer) => {
        text += part.toString()
      })
      request.on('end', () => {
        const { kind, spec } = JSON.parse(text) as { kind: string; spec: { resourceAttributes: ResourceAttributes } }
        const status =
          kind === 'SelfSubjectRulesReview'
            ? { resourceRules: rules, incomplete: false }
            : { allowed: rulesAllow(rules, spec.resourceAttributes) }
        response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
    policy = await compilePolicy({ model, files: [{ name: 'kube.csv', text: rowsOfPeople }] })
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Never by itself, unless a test says otherwise. */
  const never = { everyMs: 3_600_000, soonMs: 3_600_000, settleMs: 3_600_000 }
  const checks: OwnRightsCheck[] = []
  afterEach(() => {
    for (const check of checks.splice(0)) check.close()
  })

  function createCheck(
    excessRights: 'warn' | 'refuse',
    { port = portOf(server), times = {} }: { port?: number; times?: Partial<OwnRightsTimes> } = {},
  ) {
    const logged: Logged[] = []
    const log = (level: string) => (fields: Logged['fields'], message: string) =>
      void logged.push({ level, fields, message })
    const logger = { info: log('info'), warn: log('warn'), error: log('error'), child: () => logger }
    const counted: object[] = []
    const metrics = { ownRights: (cluster: string, counts: object) => void counted.push({ cluster, ...counts }) }
    const cluster = {
      name: 'prod',
      server: `https://127.0.0.1:${port}`,
      caPath: join(directory, 'ca.pem'),
      groupPrefix: 'sallyport:',
      userClaim: 'email',
      impersonation: 'legacy',
      excessRights,
      credential: { kind: 'token-file', path: join(directory, 'token') },
    }
    const base = { config: { kubernetes: { clusters: [cluster] } }, logger, metrics }
    const parts = { kept: { directory: { list: async () => ({ sessions: [] }) } }, policy: { current: () => policy } }
    const check = composeOwnRights(base as never, parts as never, { ...never, ...times })
    checks.push(check)
    return { check, logged, counted }
  }
  const stateOf = async ({ probes: [probe] }: OwnRightsCheck) => probe?.probe()
  const until = async (check: OwnRightsCheck, isOk: boolean): Promise<void> => {
    await expect.poll(() => stateOf(check)).toMatchObject({ ok: isOk })
    check.close()
  }

  it('says nothing where they are the exact ones', async () => {
    rules = exact
    const { check, logged } = createCheck('refuse')
    await check.start()
    expect([await stateOf(check), logged]).toEqual([{ ok: true }, []])
    check.close()
  })

  it('names who is missing and what is too much, with the command that mends it', async () => {
    rules = [{ ...speaking, resources: ['groups'] }, extras]
    const { check, logged } = createCheck('warn')
    await check.start()
    await until(check, false)
    const command = 'sallyport kube reconcile --cluster prod'
    expect(logged).toEqual([
      {
        level: 'warn',
        message: 'the gateway may not speak for everybody who may come',
        fields: { cluster: 'prod', count: 1, missing: ['user alice@example.com'], command },
      },
      {
        level: 'warn',
        message: 'the gateway may do more in a cluster than it needs',
        fields: {
          cluster: 'prod',
          count: 2,
          excess: ['impersonate any group', 'impersonate the group system:masters'],
          command,
        },
      },
    ])
    expect(JSON.stringify(logged)).not.toContain('the-token-of-the-gateway')
  })

  it('names somebody who has left', async () => {
    rules = [...exact, { ...speaking, resources: ['users'], resourceNames: ['mallory@example.com'] }]
    const { check, logged } = createCheck('warn')
    await check.start()
    await until(check, false)
    expect(logged.map(({ fields }) => fields.excess)).toEqual([['impersonate the user mallory@example.com']])
  })

  it('names extras that nobody lends', async () => {
    const resources = ['userextras/sallyport.dev/impersonated-by', 'userextras/example.com/why']
    rules = [...exact, { ...extras, resources }]
    const { check, logged } = createCheck('warn')
    await check.start()
    await until(check, false)
    expect(logged.map(({ fields }) => fields.excess)).toEqual([
      ['impersonate the extra sallyport.dev/impersonated-by', 'impersonate the extra example.com/why'],
    ])
  })

  it('ends the start where too much is refused, and never because nobody answers', async () => {
    rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
    const { check } = createCheck('refuse')
    await expect(check.start()).rejects.toThrow(/in the cluster prod the gateway may do more than it needs: everything/)
    check.close()
    const { check: alone, logged } = createCheck('refuse', { port: 1 })
    await alone.start()
    await until(alone, false)
    expect(logged.map(({ message }) => message)).toEqual(['own rights in a cluster are not known; it is asked again'])
  })

  const everything: readonly Rule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
  const anybody: readonly Rule[] = [...exact, { ...speaking, resources: ['users'] }]
  const excess = ['impersonate any user']
  const isOk = (check: OwnRightsCheck, ok: boolean) => expect.poll(() => stateOf(check)).toMatchObject({ ok })

  it('is asked again by itself: what has become too much is an error, and ends nothing', async () => {
    rules = exact
    const { check, logged, counted } = createCheck('refuse', { times: { everyMs: 10, soonMs: 10 } })
    await check.start()
    rules = anybody
    await isOk(check, false)
    expect(await stateOf(check)).toMatchObject({ detail: 'it may do more than it needs: impersonate any user' })
    // What is known is said once, however often it is found.
    const found = counted.length
    await expect.poll(() => counted.length).toBeGreaterThan(found + 3)
    expect(logged).toMatchObject([{ level: 'error', fields: { cluster: 'prod', count: 1, excess } }])
    expect(counted.at(-1)).toEqual({ cluster: 'prod', missing: 0, excess: 1, unknown: 0 })
    rules = exact
    await isOk(check, true)
    expect(counted.at(-1)).toEqual({ cluster: 'prod', missing: 0, excess: 0, unknown: 0 })
    expect(logged.map(({ level, message }) => `${level} ${message}`).slice(1)).toEqual([
      'info the gateway may do in a cluster what it needs, and no more',
    ])
  })

  it('is asked again when a policy has come into force, also while it is being asked, and else is not', async () => {
    rules = exact
    const { check, counted } = createCheck('warn', { times: { settleMs: 0 } })
    await check.start()
    check.again()
    await expect.poll(() => counted.length).toBe(2)
    await isOk(check, true)
    rules = everything
    check.again()
    await isOk(check, false)
    expect(counted).toHaveLength(3)
    check.close()
    check.again()
    rules = exact
    expect(await stateOf(check)).toMatchObject({ ok: false })
  })

  it('is asked again by a service whose policy has changed, long before it would be by itself', async () => {
    rules = exact
    const clusters = { server: `https://127.0.0.1:${portOf(server)}`, caFile: join(directory, 'ca.pem') }
    const world = await startGrantWorld({ clusters, policy: rowsOfPeople })
    try {
      const { directory: policies, adminPort, service } = world.service
      const ready = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).text()
      await expect.poll(ready).not.toContain('own rights are being asked')
      const wantsMore = 'the gateway may not speak for 1 names that may come'
      expect(await ready()).not.toContain(wantsMore)
      writePolicy(policies, { policy: `${rowsOfPeople}p, email:bob@example.com, kube:prod, /**, get, -, allow\n` })
      service.reload()
      await expect.poll(ready).toContain(wantsMore)
    } finally {
      await world.close()
    }
  })

  it('is not kept from closing by a cluster that says nothing', async () => {
    const sockets: Socket[] = []
    const silent = createTcpServer(socket => void sockets.push(socket.on('error', () => undefined)))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { check, logged } = createCheck('refuse', { port: (silent.address() as AddressInfo).port })
    const started = check.start()
    await expect.poll(() => sockets.length).toBe(1)
    check.close()
    await started
    expect(logged).toEqual([])
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
})

describe('the service', () => {
  it('starts while its clusters are down, and lists what people are called in them as their provider says by now', async () => {
    const world = await startGrantWorld({
      settings: { sessions: { verifyEvery: '5m' } },
      provider: { refreshTokens: 'rotated' },
    })
    try {
      const { service } = world
      const admin = `http://127.0.0.1:${service.adminPort}`
      const ready = async () => (await fetch(`${admin}/readyz`)).text()
      await expect.poll(ready).toContain('the cluster has not said what the gateway may do in it')
      const called = async () => {
        const { sessions } = (await (await fetch(`${admin}/sessions?all=true`)).json()) as { sessions: object[] }
        return sessions.map(session => ('inClusters' in session ? session.inClusters : undefined))
      }
      const browser = await logInBrowser(service, 'alice')
      const names = { email: 'alice@example.com', sub: `${service.provider.issuer}#alice` }
      expect(await called()).toEqual([{ groups: ['ops'], names }])
      service.provider.people.setGroups('alice', ['staff'])
      service.moveClock(301)
      await newGrant(service, browser, 'prod')
      await expect.poll(called).toEqual([{ groups: ['staff'], names }])
    } finally {
      await world.close()
    }
  })
})
