/** What is answered to whoever sends audit events, in this process. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readLogs } from '../../../app/kubernetes/audit/read-logs.ts'
import { openKeeper } from '../../../app/kubernetes/audit/receiving/kept-events.ts'
import { refusedSender } from '../../../app/kubernetes/audit/receiving/sender.ts'
import { createUsageCollector } from '../../../rbac/reach/usage/usage.ts'
import { auditEvent } from '../audit-events.ts'
import {
  apiServer,
  authority,
  byCertificate,
  byToken,
  listOf,
  post,
  start,
  stranger,
  token,
} from './running-receiver.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-receiver-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('M05 somebody who is not the API server', () => {
  const batch = listOf(auditEvent({ user: 'mallory' }))
  const bearer = (text: string) => ({ authorization: text })

  test.each([
    ['M05 without a certificate', byCertificate, {}, 'without a handshake'],
    [
      'M05 with a certificate of another authority',
      byCertificate,
      { client: stranger.issue('kube-apiserver') },
      'handshake',
    ],
    [
      'M05 with the certificate of a node',
      byCertificate,
      { client: authority.issue('system:node:n1') },
      'somebody else',
    ],
    ['M05 with a longer name', byCertificate, { client: authority.issue('kube-apiserver2') }, 'somebody else'],
    [
      'M05 with the token where a certificate is asked for',
      byCertificate,
      { headers: bearer(`Bearer ${token}`) },
      'handshake',
    ],
    ['M05 without a token', byToken, {}, 'without the token'],
    ['M05 with another token', byToken, { headers: bearer(`Bearer ${token}x`) }, 'without the token'],
    ['M05 with a part of the token', byToken, { headers: bearer(`Bearer ${token.slice(1)}`) }, 'without the token'],
    ['M05 with an empty token', byToken, { headers: bearer('Bearer ') }, 'without the token'],
    ['M05 with the token as a password', byToken, { headers: bearer(`Basic ${token}`) }, 'without the token'],
    ['M05 with a certificate where a token is asked for', byToken, { client: apiServer }, 'without the token'],
    ['M05 from a page in a browser', {}, { headers: { origin: 'http://evil.example' } }, 'from a browser'],
    ['M05 from a page of the same address', {}, { headers: { 'sec-fetch-site': 'same-origin' } }, 'from a browser'],
    ['M05 as a form of a page', {}, { headers: { 'content-type': 'text/plain' } }, 'no JSON'],
  ] as const)('%s writes nothing', async (_, options, sent, reason) => {
    const running = await start(options)
    const { status } = await post(running, { body: batch, ...sent })
    expect([0, 401, 403, 415]).toContain(status)
    expect([running.kept, running.events]).toEqual([[], []])
    const { refused, batches, putOff } = running.receiver.counts()
    expect([batches, putOff]).toEqual([0, {}])
    expect(Object.keys(refused)).toEqual([expect.stringContaining(reason)])
  })

  test.each([
    ['certificate', byCertificate, { client: apiServer }],
    ['token', byToken, { headers: bearer(`Bearer ${token}`) }],
  ] as const)('and the API server does, by its %s', async (_, options, sent) => {
    const running = await start(options)
    expect((await post(running, { body: batch, ...sent })).status).toBe(200)
    expect(running.receiver.counts()).toEqual({ batches: 1, events: 1, repeated: 0, refused: {}, putOff: {} })
  })
})

test('M05 a certificate counts only where TLS has found it in order', () => {
  const certificate = { by: 'certificate', names: ['kube-apiserver'] } as const
  const from = (authorized: boolean) =>
    ({ socket: { authorized, getPeerCertificate: () => ({ subject: { CN: 'kube-apiserver' } }) } }) as never
  expect(refusedSender(from(true), certificate)).toBeUndefined()
  expect(refusedSender(from(false), certificate)).toBe('without a certificate of the authority')
})

describe('a batch', () => {
  test('that is sent again counts once, and each stage by itself', async () => {
    const running = await start()
    const started = auditEvent({ id: 'x', stage: 'ResponseStarted' })
    // Of one call, in the same moment: only the stage tells them apart.
    const complete = auditEvent({ id: 'x' })
    const body = listOf(started, complete, started)
    expect((await post(running, { body })).status).toBe(200)
    expect((await post(running, { body })).status).toBe(200)
    expect(running.receiver.counts()).toMatchObject({ batches: 2, events: 2, repeated: 4 })
    expect(running.kept.length).toBe(2)
  })

  test('of calls that have one id, since whoever called chose it, is all of them', async () => {
    const running = await start()
    await post(running, {
      body: listOf(
        auditEvent({ id: 'x', verb: 'list' }),
        auditEvent({ id: 'x', resource: 'secrets', verb: 'get', name: 'a' }),
      ),
    })
    expect(running.receiver.counts()).toMatchObject({ events: 2, repeated: 0 })
  })

  test('that cannot be kept is not confirmed, and is new when it comes again', async () => {
    let isFull = true
    const kept: string[] = []
    const running = await start({
      keep: async lines => {
        if (isFull) throw new Error('ENOSPC')
        kept.push(...lines)
      },
    })
    const body = listOf(auditEvent())
    expect((await post(running, { body })).status).toBe(500)
    expect(running.events).toEqual([])
    isFull = false
    expect((await post(running, { body })).status).toBe(200)
    expect([kept.length, running.events.length]).toEqual([1, 1])
    expect(running.receiver.counts()).toEqual({
      batches: 1,
      events: 1,
      repeated: 0,
      refused: {},
      putOff: { 'it could not be kept': 1 },
    })
  })

  test('is confirmed only when it is kept; one too many is asked to come again', async () => {
    let release = (): void => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    let begun = (): void => undefined
    const isBegun = new Promise<void>(resolve => {
      begun = resolve
    })
    const running = await start({
      limits: { atOnce: 1 },
      keep: async () => {
        begun()
        await held
      },
    })
    let isAnswered = false
    const first = post(running, { body: listOf(auditEvent()) }).finally(() => {
      isAnswered = true
    })
    await isBegun
    const late = await post(running, { body: listOf(auditEvent()) })
    expect([late.status, late.headers['retry-after'], isAnswered]).toEqual([429, '1', false])
    release()
    expect((await first).status).toBe(200)
    expect(running.receiver.counts().putOff).toEqual({ 'others were under way': 1 })
  })

  test.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['one event', JSON.stringify(auditEvent())],
    ['a list of something else', JSON.stringify({ kind: 'EventList', apiVersion: 'v1', items: [] })],
    ['a list without items', JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1' })],
    ['half a list', listOf(auditEvent()).slice(0, -5)],
  ])('that is %s is refused and counted', async (_, body) => {
    const running = await start()
    expect((await post(running, { body })).status).toBe(400)
    expect(running.receiver.counts().refused).toEqual({ 'that was no EventList of audit.k8s.io/v1': 1 })
  })

  test('that is too long, or no POST, is refused and counted', async () => {
    const running = await start({ limits: { body: 1000 } })
    const long = await post(running, { body: listOf(...Array.from({ length: 9 }, () => auditEvent())) })
    expect([0, 413]).toContain(long.status)
    expect((await post(running, { method: 'GET' })).status).toBe(405)
    expect(running.receiver.counts().refused).toEqual({ 'that was too long': 1, 'that was no POST': 1 })
    expect(running.kept).toEqual([])
  })

  test('has its unreadable events counted, and the others read', async () => {
    const collector = createUsageCollector()
    const running = await start()
    expect((await post(running, { body: listOf(null, 7, {}, auditEvent()) })).status).toBe(200)
    expect(running.receiver.counts().events).toBe(4)
    expect(collector.usage().counts.calls).toBe(0)
    expect(running.kept.length).toBe(4)
  })
})

describe('what is kept', () => {
  test('is what --audit reads, for this account alone, without the bodies', async () => {
    const folder = join(directory, 'kept')
    const keeper = await openKeeper({ folder, startedAt: new Date(), mostBytes: 1000 })
    const running = await start({ keep: lines => keeper.append(lines) })
    const secret = 'hunter-of-bodies-3'
    const bodies = { requestObject: { data: secret }, responseObject: { data: secret } }
    for (let at = 0; at < 5; at++)
      await post(running, { body: listOf(auditEvent({ more: bodies }), auditEvent({ verb: 'get', name: `n${at}` })) })
    await keeper.close()
    const files = readdirSync(folder)
    expect(files.length).toBeGreaterThan(1)
    expect(files.map(name => statSync(join(folder, name)).mode & 0o777)).toEqual(files.map(() => 0o600))
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(files.some(name => readFileSync(join(folder, name), 'utf8').includes(secret))).toBe(false)
    const collector = createUsageCollector()
    await readLogs([folder], collector, { stdin: process.stdin, onProgress: () => undefined })
    expect(collector.usage().counts).toMatchObject({ calls: 10, unreadable: {} })
  })

  test('M27 is never more than the folder may have, and nothing that was confirmed is deleted for what comes', async () => {
    const folder = join(directory, 'small')
    const first = await openKeeper({ folder, startedAt: new Date(0), mostBytes: 100 })
    await first.append(['x'.repeat(499)])
    await first.close()
    // The first start is of the same folder.
    const keeper = await openKeeper({ folder, startedAt: new Date(1000), mostBytes: 100, mostInFolder: 2500 })
    const running = await start({ keep: lines => keeper.append(lines) })
    const send = async (id: string) => (await post(running, { body: listOf(auditEvent({ id })) })).status
    const statuses: number[] = []
    for (let at = 0; at < 12; at++) statuses.push(await send(`n${at}`))
    const taken = statuses.indexOf(500)
    expect(taken).toBeGreaterThan(1)
    expect(statuses.slice(taken)).toEqual(statuses.slice(taken).map(() => 500))
    const files = () => readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'))
    expect(files().join('').length).toBeLessThanOrEqual(2500)
    expect(files().join('').split('\n').length - 2).toBe(taken)
    expect(running.receiver.counts()).toMatchObject({ batches: taken, putOff: { 'the folder is full': 12 - taken } })
    expect(String(running.errors[0])).toMatch(/small has \d+ bytes, and may have 2500: compress files/)
    rmSync(join(folder, readdirSync(folder).sort()[0] ?? ''))
    expect(await send('again')).toBe(200)
    await keeper.close()
  })

  test('is another file after each start', async () => {
    const folder = join(directory, 'twice')
    const startedAt = new Date()
    const first = await openKeeper({ folder, startedAt })
    await first.append(['{}'])
    await first.close()
    await expect(openKeeper({ folder, startedAt })).rejects.toThrow('EEXIST')
  })

  test('an append that fails is told of', async () => {
    const folder = join(directory, 'gone')
    const keeper = await openKeeper({ folder, startedAt: new Date(), mostBytes: 3 })
    await keeper.append(['{}'])
    rmSync(folder, { recursive: true })
    await expect(keeper.append(['{}'])).rejects.toThrow('ENOENT')
  })
})
