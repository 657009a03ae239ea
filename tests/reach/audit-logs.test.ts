/** Logs as API servers, clouds and collectors write them, down to the events in them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { eventsIn } from '../../app/kubernetes/audit/entries.ts'
import { readLogs } from '../../app/kubernetes/audit/read-logs.ts'
import { valuesOf } from '../../app/kubernetes/audit/values.ts'
import { createUsageCollector } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'
import { auditEvent } from './audit-events.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-logs-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const write = (name: string, content: string | Buffer): string => {
  writeFileSync(join(directory, name), content)
  return join(directory, name)
}

async function read(paths: readonly string[], stdin = '') {
  const collector = createUsageCollector()
  const input = { stdin: Readable.from([Buffer.from(stdin)]), onProgress: () => undefined }
  const readings = await readLogs(paths, collector, input)
  const { askers, counts } = collector.usage()
  const used = askers.flatMap(({ asker, used: rights }) =>
    rights.map(({ kind, names, unnamed }) => {
      const what =
        'path' in kind ? kind.path : [kind.namespace ?? '-', kind.group, kind.resource, kind.subresource].join('/')
      return `${asker.id} ${kind.verb} ${what} ${[...names.keys(), unnamed > 0 ? '-' : ''].join(' ').trim()}`
    }),
  )
  return { used, counts, readings }
}

const event = (namespace: string) => auditEvent({ namespace })
const lines = (...namespaces: string[]): string => namespaces.map(one => `${JSON.stringify(event(one))}\n`).join('')
const seen = (...namespaces: string[]): string[] => namespaces.map(one => `user:alice list ${one}//pods/ -`)

describe('files', () => {
  test('one event on each line, plain, compressed whatever the name, from standard input, and of a folder', async () => {
    expect((await read([write('audit.log', lines('a', 'b'))])).used).toEqual(seen('a', 'b'))
    expect((await read([write('audit-2026.bin', gzipSync(lines('c')))])).used).toEqual(seen('c'))
    expect((await read(['-'], lines('d'))).used).toEqual(seen('d'))
    write('notes.txt', 'no log')
    const { used, readings } = await read([directory])
    expect(used).toEqual(seen('a', 'b'))
    expect(readings.map(({ events }) => events)).toEqual([2])
  })

  test('with a mark at the beginning, as UTF-16, and in parts of one byte', async () => {
    const marked = `\uFEFF${lines('é', 'b')}`
    const wide = Buffer.from(marked, 'utf16le')
    for (const [name, bytes] of [
      ['marked', Buffer.from(marked)],
      ['wide', wide],
      ['other', Buffer.from(wide).swap16()],
      ['wide.gz', gzipSync(wide)],
    ] as const) {
      const { used, counts } = await read([write(name, bytes)])
      expect([used, counts.unreadable]).toEqual([seen('é', 'b'), {}])
      const values = []
      const single = (async function* () {
        for (const byte of bytes) yield Uint8Array.of(byte)
      })()
      if (!name.endsWith('.gz')) for await (const found of valuesOf(single)) values.push(found)
      expect(values.length).toBe(name.endsWith('.gz') ? 0 : 2)
    }
    // A list, and one file behind another.
    const list = `\uFEFF${JSON.stringify({ kind: 'EventList', items: [event('a'), event('b')] }, null, 2)}`
    expect((await read([write('list', list)])).used).toEqual(seen('a', 'b'))
    expect((await read(['-'], marked + marked)).counts.unreadable).toEqual({})
  })

  test('cut off at either end it swallows nothing of the rest, and says what was lost', async () => {
    const whole = lines('a', 'b', 'c')
    const { used, counts } = await read([write('rotated', whole.slice(40, -60))])
    expect(used).toEqual(seen('b'))
    expect(counts.unreadable).toEqual({ 'a line is no JSON': 2 })
    const head = await read([write('rotated-2', `{"kind":"Event","auditID":\n${lines('b')}`)])
    expect(head.used).toEqual(seen('b'))
    expect(head.counts.unreadable).toEqual({ 'a line is no JSON': 1 })
  })

  test('a compressed file that is cut off counts as far as it goes', async () => {
    const zipped = gzipSync(lines(...Array.from({ length: 3000 }, (_, at) => `n${at % 7}`)))
    const { readings, counts } = await read([write('half.gz', zipped.subarray(0, zipped.length / 2))])
    expect(counts.calls).toBeGreaterThan(100)
    expect(readings[0]?.brokenOff).toBe('unexpected end of file')
  })

  test('compressed from standard input as well; what is compressed by something else is said', async () => {
    const collector = createUsageCollector()
    const zipped = gzipSync(lines('a', 'b'))
    const parts = [zipped.subarray(0, 1), zipped.subarray(1, 3), zipped.subarray(3)]
    await readLogs(['-'], collector, { stdin: Readable.from(parts), onProgress: () => undefined })
    expect(collector.usage().counts).toMatchObject({ calls: 2, unreadable: {} })
    for (const [bytes, name] of [
      ['28b52ffd', 'zstd'],
      ['fd377a585a00', 'xz'],
      ['425a6839', 'bzip2'],
      ['04224d18', 'lz4'],
      ['504b0304', 'zip'],
    ] as const) {
      const { readings, used } = await read([write('other', Buffer.from(`${bytes}0001`, 'hex'))])
      expect([used, readings[0]?.brokenOff]).toEqual([[], `it is ${name}, which is not read: gzip is, and plain text`])
    }
  })

  test('a path that is not there is an error', async () => {
    await expect(read([join(directory, 'nowhere.log')])).rejects.toThrow('ENOENT')
  })
})

describe('documents', () => {
  const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

  test('an EventList, a list of events, several values with nothing between them', async () => {
    const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: [event('a'), event('b')] }
    expect((await read(['-'], pretty(list))).used).toEqual(seen('a', 'b'))
    expect((await read(['-'], JSON.stringify(list))).used).toEqual(seen('a', 'b'))
    expect((await read(['-'], pretty([event('a'), event('b')]))).used).toEqual(seen('a', 'b'))
    expect((await read(['-'], JSON.stringify(event('a')) + JSON.stringify(event('b')))).used).toEqual(seen('a', 'b'))
    const cut = await read(['-'], pretty([event('a'), event('b')]).slice(0, -40))
    expect(cut.used).toEqual(seen('a'))
    expect(cut.counts.unreadable).toEqual({ 'a document is cut off': 1 })
  })

  test('values come out the same wherever the bytes are cut', async () => {
    const texts = fc.array(
      fc.jsonValue().map(value => ({ value })),
      { minLength: 1, maxLength: 4 },
    )
    const size = fc.integer({ min: 1, max: 9 })
    await fc.assert(
      fc.asyncProperty(texts, size, fc.constantFrom(0, 1), async (values, step, indent) => {
        const text = JSON.stringify(values, null, indent)
        const bytes = Buffer.from(indent === 0 ? values.map(one => `${JSON.stringify(one)}\n`).join('') : text)
        async function* cut() {
          for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
        }
        const found: unknown[] = []
        for await (const one of valuesOf(cut())) found.push('value' in one ? one.value : one)
        expect(found).toEqual(values.map(one => JSON.parse(JSON.stringify(one)) as unknown))
      }),
      { numRuns: 300 },
    )
  })

  test('a value without end takes a bounded amount of memory, and what follows is read', async () => {
    async function* parts() {
      for (let at = 0; at < 40; at += 1) yield `{"a":"${'x'.repeat(1000)}`
      yield `\n{"b":1}\n`
    }
    const found: unknown[] = []
    for await (const one of valuesOf(parts(), 10_000)) found.push(one)
    expect(found).toEqual([{ unreadable: 'a line is too long' }, { value: { b: 1 } }])
  })
})

describe('clouds', () => {
  const message = () => JSON.stringify(event('shop'))
  const shapes: [string, () => unknown][] = [
    [
      'EKS, filter-log-events',
      () => ({ events: [{ logStreamName: 'kube-apiserver-audit-1', timestamp: 1, message: message() }] }),
    ],
    ['EKS, a subscription', () => ({ messageType: 'DATA_MESSAGE', logEvents: [{ id: '1', message: message() }] })],
    ['EKS, Insights', () => [{ '@timestamp': '2026-03-01', '@message': message() }]],
    [
      'AKS, diagnostic settings',
      () => ({ records: [{ category: 'kube-audit', properties: { log: message(), stream: 'stdout' } }] }),
    ],
    ['AKS, Log Analytics', () => [{ Category: 'kube-audit', log_s: message() }]],
    ['a collector of the node', () => ({ stream: 'stdout', log: message() })],
  ]
  test.each(shapes)('%s', async (_, shape) => {
    const { used, counts } = await read(['-'], JSON.stringify(shape()))
    expect(used).toEqual(seen('shop'))
    expect(counts.unreadable).toEqual({})
  })

  test('EKS, exported to S3: the time stands before each line', async () => {
    expect((await read(['-'], `2026-03-01T12:00:00.125Z ${lines('shop')}`)).used).toEqual(seen('shop'))
  })

  test('AKS, the table AKSAudit: columns, of which some are JSON texts', async () => {
    const { auditID, stage, verb, requestURI, user, objectRef, responseStatus, annotations, stageTimestamp } =
      event('shop')
    const row = {
      AuditId: auditID,
      Stage: stage,
      Verb: verb,
      RequestUri: requestURI,
      User: JSON.stringify(user),
      ObjectRef: objectRef,
      ImpersonatedUser: '',
      ResponseStatus: JSON.stringify(responseStatus),
      Annotations: JSON.stringify(annotations),
      RequestReceivedTime: stageTimestamp,
    }
    expect((await read(['-'], JSON.stringify([row]))).used).toEqual(seen('shop'))
  })

  const google = (methodName: string, resourceName: string, more: object = {}) => ({
    insertId: `g-${methodName}-${resourceName}`,
    timestamp: '2026-03-01T12:00:00.5Z',
    labels: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    protoPayload: {
      '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
      serviceName: 'k8s.io',
      methodName,
      resourceName,
      authenticationInfo: { principalEmail: 'system:serviceaccount:shop:web' },
      authorizationInfo: [{ permission: 'x', granted: true }],
      ...more,
    },
  })

  test('GKE: methods and names of resources become what the authorizer was asked', async () => {
    const refused = { authorizationInfo: [{ granted: false }], status: { code: 7 } }
    const entries = [
      google('io.k8s.core.v1.pods.list', 'core/v1/namespaces/shop/pods'),
      google('io.k8s.core.v1.pods.create', 'core/v1/namespaces/shop/pods/web-0'),
      google('io.k8s.core.v1.pods.exec.create', 'core/v1/namespaces/shop/pods/web-0/exec'),
      google('io.k8s.authorization.rbac.v1.clusterroles.update', 'rbac.authorization.k8s.io/v1/clusterroles/ops'),
      google('io.k8s.core.v1.namespaces.get', 'core/v1/namespaces/shop'),
      { ...google('io.k8s.core.v1.secrets.get', 'core/v1/namespaces/shop/secrets/db', refused), labels: {} },
      { protoPayload: { serviceName: 'container.googleapis.com', methodName: 'CreateCluster' } },
    ]
    const { used, counts } = await read(['-'], JSON.stringify(entries, null, 1))
    expect(used).toEqual([
      'service-account:shop/web list shop//pods/ -',
      'service-account:shop/web create shop//pods/ -',
      'service-account:shop/web create shop//pods/exec web-0',
      'service-account:shop/web update -/rbac.authorization.k8s.io/clusterroles/ ops',
      'service-account:shop/web get -//namespaces/ shop',
    ])
    expect(counts).toMatchObject({ calls: 6, denied: 1, unreadable: { 'it has no known stage': 1 } })
  })
})

test('anything at all is opened to an end', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), value => [...eventsIn(value)].length >= 0))
})
