/** `GET /machines`: who came with a token, told to this machine alone, and never with the token. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMachineSightings, mergedSightings, type Sightings } from '../../app/admin/machine-sightings.ts'
import type { Access } from '../../app/audit/access-event.ts'
import { createWorkersMachines } from '../../app/workers/machines-view.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { claimsOf, type ExchangeWorld, startExchange } from './world.ts'

interface Listed {
  readonly since: string
  readonly machines: readonly Record<string, unknown>[]
  readonly forgotten: number
}

describe('machines on the admin listener', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-machines-seen-'))
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange({ settings: { machines: { exchange: {} }, admin: { hosts: ['metrics.internal'] } } })
  })
  afterAll(async () => {
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const admin = () => `http://127.0.0.1:${world.adminPort}`
  const listed = async () => (await (await fetch(`${admin()}/machines`)).json()) as Listed

  it('are those that came with a token, with the last use, where, and how it ended', async () => {
    const { machines, since } = await listed()
    expect(machines).toEqual([])
    expect(Date.parse(since)).toBeLessThanOrEqual(Date.now())
    const token = world.token()
    expect((await world.at('wiki.example.com', '/x', 'made-up')).status).toBe(401)
    const own = (await world.at('wiki.example.com', '/x', token)).status
    await world.at('wiki.example.com', '/y', token)
    const made = await world.exchanged()
    await world.at('wiki.example.com', '/x', made)
    const after = await listed()
    const direct = after.machines.find(({ credential }) => credential === 'service-account-token')
    expect(direct).toMatchObject({
      ...{ issuer: 'prod', name: 'service-account:prod/ci/deployer', actors: [], lastId: claimsOf(token).jti },
      hosts: expect.arrayContaining(['wiki.example.com']),
      lastSeenAt: expect.stringMatching(/^20.*Z$/),
    })
    expect(own === 200 ? direct?.allowed : direct?.denied).toBeGreaterThanOrEqual(2)
    expect(after.machines.find(({ credential }) => credential === 'exchanged-token')).toMatchObject({
      ...{ issuer: 'sallyport', name: 'service-account:prod/ci/deployer', lastId: claimsOf(made).jti },
      hosts: ['wiki.example.com'],
    })
    // What was refused as no token names nobody.
    expect(after.machines.every(({ name }) => typeof name === 'string' && name.includes('ci/deployer'))).toBe(true)
  })

  it('M21 are told to this machine alone, to no page, and never with what opens anything', async () => {
    const token = world.token()
    const made = await world.exchanged()
    for (const one of [token, made]) await world.at('wiki.example.com', '/x', one)
    const told = JSON.stringify(await listed())
    for (const one of [token, made])
      for (const part of one.split('.')) if (part.length > 20) expect(told).not.toContain(part)
    // The listener answers under the last name, but not to this.
    for (const headers of [
      { origin: 'https://wiki.example.com' },
      { 'sec-fetch-site': 'same-origin' },
      { host: 'metrics.internal' },
    ]) {
      const { status, body } = await answered(headers)
      expect([status, body.includes('deployer')], JSON.stringify(headers)).toEqual([403, false])
    }
    expect((await fetch(`${admin()}/machines?all=true`)).status).toBe(400)
    expect((await fetch(`${admin()}/machines`)).headers.get('cache-control')).toBe('no-store')
  })

  it('are in the inventory, each once, with since when they were noted', async () => {
    const manifest = join(directory, 'account.yaml')
    writeFileSync(manifest, 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { namespace: ci, name: deployer }\n')
    const token = world.token()
    for (const one of [token, await world.exchanged()]) await world.at('wiki.example.com', '/x', one)
    const inventory = async (...more: readonly string[]) => {
      const terminal = createTestTerminal({ env: {} })
      const args = ['kube', 'inventory', '--from', manifest, '--admin', admin(), ...more]
      expect(await runCli(args, { version: '0', terminal })).toBe(0)
      return terminal.output()
    }
    const document = JSON.parse(await inventory('--json')) as {
      identities: { id: string; lastUsed?: string; credentials: { kind: string; name: string }[] }[]
      coverage: { notedTokens: { since: string; forgotten: number } }
    }
    const found = document.identities.filter(({ id }) => id === 'machine:service-account:prod/ci/deployer')
    expect(found).toHaveLength(1)
    expect(found[0]?.lastUsed).toMatch(/^20/)
    expect(found[0]?.credentials.map(({ kind }) => kind).sort()).toEqual(['exchanged-token', 'service-account-token'])
    expect(JSON.stringify(found)).toContain(String(claimsOf(token).jti))
    expect(document.coverage.notedTokens).toEqual({ since: expect.stringMatching(/^20/), forgotten: 0 })
    expect((await inventory()).replaceAll(/\s+/g, ' ')).toContain(
      'The service has noted who comes with a token since 20',
    )
  })

  function answered(headers: Readonly<Record<string, string>>): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: world.adminPort, path: '/machines', headers, agent: false as const }
      get(options, async response => resolve({ status: response.statusCode ?? 0, body: await text(response) })).on(
        'error',
        reject,
      )
    })
  }
})

describe('what was seen', () => {
  let moment = 1_000_000
  const access = (name: string, more: { host?: string; effect?: string; id?: string } = {}): Access =>
    ({
      question: { front: 'x', requestId: 'r', request: { domain: more.host ?? 'wiki.example.com' } },
      authentication: {
        identity: { kind: 'machine', subject: name, provider: 'corp', groups: [], claims: {}, client: name },
        credential: { credential: 'client-token', credentialIssuer: 'corp', credentialId: more.id ?? 'id' },
      },
      decision: { effect: more.effect ?? 'allow' },
      durationMicroseconds: 1,
    }) as unknown as Access
  const options = { now: () => moment, nameOf: ({ subject }: { subject: string }) => `client:${subject}` }

  it('is bounded: whoever was seen longest ago makes room, and is counted', () => {
    const seen = createMachineSightings({ ...options, keep: 2 })
    for (const name of ['a', 'b', 'a', 'c']) {
      moment += 1000
      seen.note(access(name))
    }
    expect(seen.list().seen.map(({ name }) => name)).toEqual(['client:a', 'client:c'])
    expect(seen.list().forgotten).toBe(1)
    for (let at = 0; at < 20; at++) seen.note(access('c', { host: `host-${at}` }))
    expect(seen.list().seen[1]?.hosts).toHaveLength(8)
    expect(seen.list().seen[1]?.hosts.at(-1)).toBe('host-19')
  })

  it('passes over sessions and nobody', () => {
    const seen = createMachineSightings(options)
    const of = (authentication: object) => ({ ...access('a'), authentication }) as Access
    seen.note(of({ identity: access('a').authentication.identity }))
    seen.note(of({ ...access('a').authentication, identity: { kind: 'anonymous' } }))
    expect(seen.list().seen).toEqual([])
  })

  it('by several workers is one list, and none where one of them does not answer', async () => {
    const [one, other] = [createMachineSightings(options), createMachineSightings(options)]
    moment += 5000
    one.note(access('a', { host: 'one', id: 'older' }))
    moment += 5000
    other.note(access('a', { host: 'two', id: 'newer', effect: 'deny' }))
    other.note(access('b'))
    const worker = (list: () => Promise<Sightings>) => ({ ask: list }) as never
    const pool = { answering: () => [worker(async () => one.list()), worker(async () => other.list())] }
    const { seen, since } = await createWorkersMachines(pool, mergedSightings)()
    expect(since).toBe(other.list().since)
    expect(seen.map(({ name }) => name)).toEqual(['client:a', 'client:b'])
    expect(seen[0]).toMatchObject({ allowed: 1, denied: 1, hosts: ['one', 'two'], lastId: 'newer' })
    expect((seen[0]?.lastSeen ?? 0) - (seen[0]?.firstSeen ?? 0)).toBe(5)
    const silent = worker(() => Promise.reject(new Error('no answer within 10 s')))
    const broken = { answering: () => [worker(async () => one.list()), silent] }
    await expect(createWorkersMachines(broken, mergedSightings)()).rejects.toThrow('no answer')
    await expect(createWorkersMachines({ answering: () => [] }, mergedSightings)()).rejects.toThrow('no worker')
  })
})
