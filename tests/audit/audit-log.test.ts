import { existsSync, renameSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type AuditFailure,
  type AuditLogFile,
  type AuditLogOptions,
  createAuditLog,
} from '../../app/audit/audit-log.ts'
import { auditEvents, commonFields, fieldsOf, stampFields } from '../../app/audit/event-fields.ts'
import { everyEvent, temporaryFolder, type Unstamped } from './fixtures.ts'

let folder: ReturnType<typeof temporaryFolder>
let failures: AuditFailure[]
let written: number
let log: AuditLogFile | undefined

function open(overrides: Partial<AuditLogOptions> = {}): AuditLogFile {
  log = createAuditLog({
    destination: folder.path('audit.jsonl'),
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
    onFailure: failure => failures.push(failure),
    onWritten: lines => {
      written += lines
    },
    ...overrides,
  })
  return log
}

beforeEach(() => {
  folder = temporaryFolder()
  failures = []
  written = 0
})

afterEach(async () => {
  await log?.close()
  log = undefined
  folder.remove()
})

describe('an audit line', () => {
  test('holds version, time and every field of its event', async () => {
    const audit = open()
    audit.write(everyEvent['access.denied'])
    await audit.flush()
    expect(folder.linesOf('audit.jsonl')).toEqual([
      { v: 1, time: '2026-01-02T03:04:05.678Z', ...everyEvent['access.denied'] },
    ])
    expect(written).toBe(1)
  })

  test.each(Object.values(everyEvent))('of $event comes back as it was written', async event => {
    const audit = open()
    audit.write(event)
    await audit.flush()
    expect(folder.linesOf('audit.jsonl')).toEqual([{ v: 1, time: '2026-01-02T03:04:05.678Z', ...event }])
  })

  test('leaves out what is unknown', async () => {
    const audit = open()
    audit.write({ event: 'login.started', requestId: '1', provider: 'corp' })
    await audit.flush()
    expect(Object.keys(folder.linesOf('audit.jsonl')[0] ?? {})).toEqual(['v', 'time', 'event', 'requestId', 'provider'])
  })

  test('can be neither split nor disguised by a value', async () => {
    const audit = open()
    const resource =
      '/a\n{"event":"access.allowed"}\r\u0000\u001b[2J\u007f\u0085\u009b31m\u2028\u2029\u202e\u2066\ufeff'
    audit.write({ ...everyEvent['access.denied'], resource })
    await audit.flush()
    const text = folder.textOf('audit.jsonl')
    expect(text.trimEnd()).toMatch(/^[ -~]+$/)
    expect(text.match(/\n/g)).toHaveLength(1)
    expect(folder.linesOf('audit.jsonl')[0]?.resource).toBe(resource)
  })

  test('keeps names of any script readable', async () => {
    const audit = open()
    audit.write({ ...everyEvent['login.succeeded'], groups: ['größe', '山田'] })
    await audit.flush()
    expect(folder.textOf('audit.jsonl')).toContain('["größe","山田"]')
  })
})

describe('no secret reaches the audit log', () => {
  const planted = {
    cookie: 's.c2VjcmV0LWNvb2tpZQ.bWFj',
    idToken: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.planted',
    code: 'planted-authorization-code',
    state: 'planted-state',
    ticket: 'planted-ticket',
    sessionId: 'planted-session-id',
    authorization: 'Bearer planted-bearer',
    clientSecret: 'planted-client-secret',
    url: 'https://wiki.example.com/a?token=planted-query',
    headers: { cookie: 'planted-header' },
  }

  test.each(Object.values(everyEvent))('in $event, whatever its object carries beside its fields', async event => {
    const audit = open()
    // The event's own `code` is an error code; the planted one must not replace it.
    audit.write({ ...planted, ...event } as Unstamped)
    audit.write({ ...event, claims: planted, identity: { claims: planted } } as object as Unstamped)
    await audit.flush()
    const text = folder.textOf('audit.jsonl')
    expect(folder.linesOf('audit.jsonl')).toHaveLength(2)
    const hasOwnCode = 'code' in event
    for (const [name, secret] of Object.entries(planted)) {
      if (name === 'code' && hasOwnCode) continue
      expect(text).not.toContain(typeof secret === 'string' ? secret : secret.cookie)
    }
  })

  test('no field is named for one', () => {
    const names = new Set(Object.keys(auditEvents).flatMap(name => fieldsOf(name as keyof typeof auditEvents)))
    for (const name of Object.keys(stampFields)) names.add(name)
    expect(
      [...names].filter(name => /cookie|token|secret|password|ticket|state|nonce|authorization|url/i.test(name)),
    ).toEqual([])
    expect(Object.keys(commonFields)).not.toContain('sessionId')
  })
})

describe('the audit log', () => {
  test('keeps the order of ten thousand events', async () => {
    const audit = open()
    for (let at = 0; at < 10_000; at += 1) audit.write({ ...everyEvent['access.allowed'], requestId: String(at) })
    await audit.flush()
    const ids = folder.linesOf('audit.jsonl').map(line => line.requestId)
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, at) => String(at)))
    expect(written).toBe(10_000)
  })

  test('writes by itself, without a flush', async () => {
    open({ batchMs: 5 }).write(everyEvent['session.ended'])
    await expect.poll(() => folder.textOf('audit.jsonl')).toContain('session.ended')
  })

  test('appends to what is there', async () => {
    const first = open()
    first.write(everyEvent['login.started'])
    await first.close()
    const second = open()
    second.write(everyEvent['login.succeeded'])
    await second.flush()
    expect(folder.linesOf('audit.jsonl').map(line => line.event)).toEqual(['login.started', 'login.succeeded'])
  })

  test('is not for everybody to read', () => {
    open()
    expect(statSync(folder.path('audit.jsonl')).mode & 0o007).toBe(0)
  })

  test('close writes what waits, and what comes later is reported as lost', async () => {
    const audit = open({ batchMs: 60_000 })
    audit.write(everyEvent['policy.loaded'])
    await audit.close()
    expect(folder.linesOf('audit.jsonl')).toHaveLength(1)
    audit.write(everyEvent['policy.loaded'])
    expect(failures.map(({ lost }) => lost)).toEqual([1])
    log = undefined
  })

  test('after a rotation it writes to the new file', async () => {
    const audit = open()
    audit.write(everyEvent['login.started'])
    await audit.flush()
    renameSync(folder.path('audit.jsonl'), folder.path('audit.1'))
    audit.write(everyEvent['login.failed'])
    await audit.flush()
    expect(existsSync(folder.path('audit.jsonl'))).toBe(false)
    await audit.reopen()
    audit.write(everyEvent['login.succeeded'])
    await audit.flush()
    expect(folder.linesOf('audit.1').map(line => line.event)).toEqual(['login.started', 'login.failed'])
    expect(folder.linesOf('audit.jsonl').map(line => line.event)).toEqual(['login.succeeded'])
  })

  test('a rotation in the middle of writing loses nothing', async () => {
    const audit = open({ batchMs: 0 })
    const count = 20_000
    for (let at = 0; at < count; at += 1) {
      audit.write({ ...everyEvent['access.allowed'], requestId: String(at) })
      if (at === count / 2) {
        void audit.flush()
        renameSync(folder.path('audit.jsonl'), folder.path('audit.1'))
        await Promise.all([audit.reopen(), audit.flush()])
      }
    }
    await audit.flush()
    const ids = [...folder.linesOf('audit.1'), ...folder.linesOf('audit.jsonl')].map(line => line.requestId)
    expect(ids).toEqual(Array.from({ length: count }, (_, at) => String(at)))
    expect(failures).toEqual([])
  })

  test('one event that cannot be written does not make it fail for good', async () => {
    const audit = open()
    audit.write({ event: 'mallory' } as unknown as Unstamped)
    expect(audit.status().ok).toBe(false)
    audit.write(everyEvent['login.started'])
    await audit.flush()
    expect(audit.status()).toEqual({ ok: true })
  })

  test('a path that cannot be opened stops the start', () => {
    expect(() => open({ destination: folder.path('missing/audit.jsonl') })).toThrow('ENOENT')
  })

  test('an event that cannot be written as JSON never throws, and is reported as lost', () => {
    const audit = open()
    audit.write({ ...everyEvent['policy.loaded'], rows: 1n as unknown as number })
    audit.write({ event: 'mallory' } as unknown as Unstamped)
    expect(failures.map(({ lost }) => lost)).toEqual([1, 1])
  })
})

describe.skipIf(!existsSync('/dev/full'))('on a full disk', () => {
  test('lines wait, the failure is told and seen in the status', async () => {
    const audit = open({ destination: '/dev/full' })
    audit.write(everyEvent['login.started'])
    await audit.flush()
    expect(failures).toMatchObject([{ error: { code: 'ENOSPC' }, lost: 0, pending: 1 }])
    expect(audit.status()).toEqual({ ok: false, detail: '1 audit lines wait to be written' })
  })

  test('beyond the bound each line is told as lost', async () => {
    const audit = open({ destination: '/dev/full', maxPendingBytes: 1_500 })
    for (let at = 0; at < 10; at += 1) audit.write(everyEvent['access.allowed'])
    const lost = failures.filter(failure => failure.lost === 1).length
    expect(lost).toBeGreaterThan(5)
    await audit.close()
    log = undefined
    const last = failures.at(-1)
    expect(last?.lost).toBe(10 - lost)
  })
})
