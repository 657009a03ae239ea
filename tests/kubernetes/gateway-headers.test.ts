/** What of a client's headers reaches an API server, and what is said in their place: golden lines, and properties. */

import { describe, expect, test } from 'vitest'
import { readImpersonation } from '../../app/kubernetes/gateway/arriving/asked-impersonation.ts'
import { readCall } from '../../app/kubernetes/gateway/arriving/read-call.ts'
import { readTarget } from '../../app/kubernetes/gateway/arriving/target.ts'
import type { Subject } from '../../app/kubernetes/gateway/gateway-call.ts'
import { encodeKey, impersonationHeaders } from '../../app/kubernetes/gateway/passing/impersonation.ts'
import { requestHeaders, type Told } from '../../app/kubernetes/gateway/passing/request-headers.ts'
import { byName, forStream, responseHeaders } from '../../app/kubernetes/gateway/passing/response-headers.ts'
import { fc } from '../properties.ts'

const alice: Subject = {
  user: 'alice@example.com',
  groups: ['ops', 'on, call'],
  uid: 'u-1',
  extra: { 'sallyport.dev/session': ['s_1'] },
}
const told: Told = {
  host: 'api.cluster:6443',
  impersonate: alice,
  requestId: 'r1',
  clientAddress: '203.0.113.9',
  authorization: 'Bearer ours',
}
const ours = [
  ['Authorization', 'Bearer ours'],
  ['Impersonate-User', 'alice@example.com'],
  ['Impersonate-Group', 'ops'],
  ['Impersonate-Group', 'on, call'],
  ['Impersonate-Uid', 'u-1'],
  ['Impersonate-Extra-sallyport.dev%2fsession', 's_1'],
  ['Audit-ID', 'r1'],
  ['X-Forwarded-For', '203.0.113.9'],
]

const pairsOf = (flat: readonly string[]) =>
  Array.from({ length: flat.length / 2 }, (_, index) => flat.slice(2 * index, 2 * index + 2))
const sent = (...client: [string, string][]) => pairsOf(requestHeaders(client.flat(), told) as string[])

describe('the headers that the API server gets', () => {
  test('are the client’s, without those that say who or from where, and ours behind', () => {
    expect(
      sent(
        ['Accept', 'application/json'],
        ['Authorization', 'Bearer hers'],
        ['Cookie', 'a=b'],
        ['Impersonate-User', 'system:admin'],
        ['Warning', 'one'],
        ['Warning', 'two'],
      ),
    ).toEqual([
      ['Host', 'api.cluster:6443'],
      ['Accept', 'application/json'],
      ['Warning', 'one'],
      ['Warning', 'two'],
      ...ours,
    ])
  })

  test.each([
    ['impersonate-user'],
    ['IMPERSONATE-GROUP'],
    ['Impersonate_User'],
    ['Impersonate-Anything'],
    ['Impersonate-Extra-scopes'],
    ['x-remote-user'],
    ['X_Remote_Group'],
    ['X-Remote-Extra-Scopes'],
    ['authorization'],
    ['Proxy-Authorization'],
    ['cookie'],
    ['audit-id'],
    ['Audit_ID'],
    ['X-Forwarded-For'],
    ['x-forwarded-uri'],
    ['Forwarded'],
    ['X-Real-IP'],
    ['Host'],
    ['Connection'],
    ['TE'],
    ['Upgrade'],
    ['Transfer-Encoding'],
    ['Keep-Alive'],
    ['Expect'],
    [':authority'],
  ])('%s of a client does not pass', name => {
    expect(sent([name, 'x'])).toEqual([['Host', 'api.cluster:6443'], ...ours])
  })

  test('what Connection names is the client’s alone: ours are not removed by it, nor is the length of a body', () => {
    const client = [
      'Connection',
      'X-Own, Impersonate-User, Authorization, content-length',
      'X-Own',
      '1',
      'Content-Length',
      '9',
    ]
    expect(pairsOf(requestHeaders(client, { ...told, body: '9' }) as string[])).toEqual([
      ['Host', 'api.cluster:6443'],
      ...ours,
      ['Content-Length', '9'],
    ])
  })

  test('a token among the WebSocket protocols does not pass, the protocols do', () => {
    const token = 'base64url.bearer.authorization.k8s.io.dG9rZW4'
    expect(sent(['Sec-WebSocket-Protocol', `v5.channel.k8s.io, ${token}`])[1]).toEqual([
      'Sec-WebSocket-Protocol',
      'v5.channel.k8s.io',
    ])
    expect(sent(['Sec-WebSocket-Protocol', token])).toEqual([['Host', 'api.cluster:6443'], ...ours])
  })

  test('repeated lines stay lines, in their order', () => {
    const protocols: [string, string][] = [
      ['X-Stream-Protocol-Version', 'v4.channel.k8s.io'],
      ['X-Stream-Protocol-Version', 'channel.k8s.io'],
    ]
    expect(sent(...protocols).slice(1, 3)).toEqual(protocols)
  })

  test('L01 L02 property: whatever a client sends, who is asking is said once, and by us', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'Impersonate-User',
        'impersonate_group',
        'X-Remote-User',
        'AUTHORIZATION',
        'Connection',
        'audit-id',
      ),
      fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/),
    )
    const value = fc.oneof(
      fc.constantFrom('Impersonate-User', 'close', 'system:masters'),
      fc.string({ unit: 'binary-ascii' }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), client => {
        const headers = sent(...client)
        const about = headers.filter(([header]) =>
          /^(impersonate|x.remote|authorization|audit.id|x.forwarded|cookie|host$|connection)/i.test(header ?? ''),
        )
        expect(about).toEqual([['Host', 'api.cluster:6443'], ...ours])
      }),
    )
  })
})

describe('who cannot be told to the API server', () => {
  const refusedFor = (change: Partial<Subject>) => impersonationHeaders({ ...alice, ...change })
  test.each<[string, Partial<Subject>]>([
    ['an empty name', { user: '' }],
    ['a line break', { user: 'alice\r\nImpersonate-Group: system:masters' }],
    ['a line feed in a group', { groups: ['ops\nx'] }],
    ['a name that is not ASCII', { groups: ['Zürich'] }],
    ['a space at the end, which would be trimmed', { groups: ['ops '] }],
    ['a tab', { user: 'a\tb' }],
    ['an empty group', { groups: [''] }],
    ['an empty uid', { uid: '' }],
    ['system:masters', { groups: ['ops', 'system:masters'] }],
    ['System:Masters', { groups: ['System:Masters'] }],
    ['a component of the cluster', { user: 'system:kube-controller-manager' }],
    ['a service account', { user: 'system:serviceaccount:kube-system:default' }],
    ['an extra that is Kubernetes’ own', { extra: { 'authentication.kubernetes.io/node-name': ['n1'] } }],
    ['an extra that would be read in lower case', { extra: { Scopes: ['x'] } }],
    ['an extra without a name', { extra: { '': ['x'] } }],
    ['a line break in an extra', { extra: { a: ['x\ny'] } }],
  ])('%s', (_what, change) => {
    expect(refusedFor(change)).toMatchObject({ status: 403, reason: 'Forbidden' })
  })

  test('L05 property: what is sent is read as it was, by the rules of the API server', () => {
    const text = fc
      .stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,10}[\x21-\x7e])?$/)
      .filter(value => !/^system:/i.test(value))
    const key = fc.stringMatching(/^[a-z0-9/.%_é-]{1,12}$/).filter(value => !/kubernetes|k8s/.test(value))
    const subject = fc.record(
      { user: text, groups: fc.array(text), uid: text, extra: fc.dictionary(key, fc.array(text, { minLength: 1 })) },
      { requiredKeys: ['user', 'groups', 'extra'] },
    )
    fc.assert(
      fc.property(subject, one => {
        const headers = impersonationHeaders(one as Subject) as string[]
        expect(readImpersonation(headers)).toEqual({ ...one, extra: { ...one.extra } })
      }),
    )
  })

  test('keys of extras are written as client-go writes them', () => {
    expect(encodeKey('sallyport.dev/session')).toBe('sallyport.dev%2fsession')
    expect(encodeKey('a%b')).toBe('a%25b')
  })
})

describe('lines that are remembered', () => {
  const frozenDeeply = (groups: readonly string[], session: string): Subject =>
    Object.freeze({
      ...alice,
      groups: Object.freeze([...groups]),
      extra: Object.freeze({ 'sallyport.dev/session': Object.freeze([session]) }),
    })
  const groupsIn = (one: Subject) =>
    pairsOf(impersonationHeaders(one) as string[]).filter(([name]) => name === 'Impersonate-Group')

  test('are those of somebody whom nobody can change, each for themselves', () => {
    const [one, other] = [frozenDeeply(['ops'], 's_1'), frozenDeeply(['staff'], 's_2')]
    for (const who of [one, other, one, other])
      expect(impersonationHeaders(who)).toEqual(impersonationHeaders({ ...who }))
    expect(impersonationHeaders(one)).toBe(impersonationHeaders(one))
    expect(Object.isFrozen(impersonationHeaders(one))).toBe(true)
  })

  test.each<[string, (groups: string[], extra: string[]) => Subject]>([
    ['themselves', (groups, extra) => ({ ...alice, groups, extra: { a: extra } })],
    [
      'in their groups',
      (groups, extra) => Object.freeze({ ...alice, groups, extra: Object.freeze({ a: Object.freeze(extra) }) }),
    ],
    [
      'in an extra',
      (groups, extra) => Object.freeze({ ...alice, groups: Object.freeze(groups), extra: Object.freeze({ a: extra }) }),
    ],
  ])('are made anew for somebody who can be changed: %s', (_what, make) => {
    const [groups, extra] = [['ops'], ['x']]
    const who = make(groups, extra)
    const before = [...(impersonationHeaders(who) as string[])]
    if (!Object.isFrozen(groups)) groups[0] = 'staff'
    if (!Object.isFrozen(extra)) extra[0] = 'y'
    expect(impersonationHeaders(who)).not.toEqual(before)
    expect(impersonationHeaders(who)).toEqual(impersonationHeaders({ ...who }))
    expect(groupsIn(who)).toEqual([['Impersonate-Group', groups[0]]])
  })
})

describe('whom a client asks to be', () => {
  test('kubectl --as, --as-group, --as-uid, --as-user-extra', () => {
    const headers = [
      'Impersonate-User',
      'bob',
      'Impersonate-Group',
      'a',
      'Impersonate-Group',
      'b, c',
      'Impersonate-Uid',
      '7',
    ]
    expect(readImpersonation([...headers, 'Impersonate-Extra-Example.com%2fWhy', 'x'])).toEqual({
      user: 'bob',
      groups: ['a', 'b, c'],
      uid: '7',
      extra: { 'example.com/why': ['x'] },
    })
    expect(readImpersonation(['Accept', '*/*'])).toBeUndefined()
  })
  test.each([
    [['Impersonate-Group', 'a']],
    [['Impersonate-User', '']],
    [['Impersonate-User', 'a', 'impersonate-user', 'b']],
    [['Impersonate-User', 'a', 'Impersonate-Uid', '1', 'Impersonate-Uid', '2']],
    [['Impersonate_User', 'a']],
    [['Impersonate-User', 'a', 'Impersonate-Everything', '1']],
    [['Impersonate-User', 'a', 'Impersonate-Extra-%zz', '1']],
    [['Impersonate-User', 'a', 'Impersonate-Extra-', '1']],
  ])('L18 %j is refused, never dropped', headers => {
    expect(readImpersonation(headers)).toMatchObject({ status: 400 })
  })
})

describe('a call', () => {
  const read = (url: string, rawHeaders: readonly string[], more = {}) =>
    readCall(
      { method: 'GET', url, rawHeaders, isUpgrade: false, ...more },
      { requestId: 'r', peerAddress: 'peer', clientAddress: list => list || 'peer' },
    )
  const host = ['Host', 'k8s.example.com']

  test('is read from HTTP/1.1 and HTTP/2 alike', () => {
    const call = {
      cluster: 'prod',
      target: '/api?watch=1',
      host: 'k8s.example.com',
      credentials: { cookie: 'a=1; b=2' },
    }
    const cookies = ['cookie', 'a=1', 'cookie', 'b=2']
    expect(read('/clusters/prod/api?watch=1', [...host, ...cookies])).toMatchObject(call)
    const pseudo = [':method', 'GET', ':authority', 'k8s.example.com', ':path', '/x']
    const two = read('/clusters/prod/api?watch=1', [...pseudo, ...cookies])
    expect(two).toMatchObject({ ...call, rawHeaders: cookies })
  })

  test.each<[string, string, string[], object, number]>([
    ['no host', '/clusters/prod/', [], {}, 400],
    ['two hosts', '/clusters/prod/', [...host, ...host], {}, 400],
    ['two names of one host', '/clusters/prod/', [':authority', 'a', 'host', 'b'], {}, 400],
    ['a host in disguise', '/clusters/prod/', [...host, 'host', 'b'], {}, 400],
    ['two credentials', '/clusters/prod/', [...host, 'Authorization', 'a', 'authorization', 'b'], {}, 400],
    [
      'a token in two places',
      '/clusters/prod/',
      [...host, 'Authorization', 'a', 'Sec-WebSocket-Protocol', 'base64url.bearer.authorization.k8s.io.eA'],
      {},
      400,
    ],
    ['trailers', '/clusters/prod/', [...host, 'Trailer', 'X-Sum'], {}, 400],
    ['TRACE', '/clusters/prod/', host, { method: 'TRACE' }, 405],
    ['CONNECT', '/clusters/prod/', host, { method: 'CONNECT' }, 405],
    ['too many lines', '/clusters/prod/', [...host, ...Array.from({ length: 2000 }, () => 'a')], {}, 431],
    ['too many bytes', '/clusters/prod/', [...host, 'a', 'b'.repeat(33_000)], {}, 431],
    ['another protocol', '/clusters/prod/', [...host, 'Upgrade', 'h2c'], { isUpgrade: true }, 400],
    ['two protocols', '/clusters/prod/', [...host, 'Upgrade', 'websocket, h2c'], { isUpgrade: true }, 400],
    ['two lines', '/clusters/prod/', [...host, 'Upgrade', 'websocket', 'Upgrade', 'h2c'], { isUpgrade: true }, 400],
    [
      'WebSocket by POST',
      '/clusters/prod/',
      [...host, 'Upgrade', 'websocket'],
      { isUpgrade: true, method: 'POST' },
      405,
    ],
    ['a body', '/clusters/prod/', [...host, 'Upgrade', 'SPDY/3.1', 'Content-Length', '5'], { isUpgrade: true }, 400],
    [
      'chunks',
      '/clusters/prod/',
      [...host, 'Upgrade', 'SPDY/3.1', 'Transfer-Encoding', 'chunked'],
      { isUpgrade: true },
      400,
    ],
  ])('with %s is refused', (_what, url, headers, more, status) => {
    expect(read(url, headers, more)).toMatchObject({ status })
  })

  test.each([
    ['/clusters/prod', { cluster: 'prod', target: '/' }],
    ['/clusters/prod?x', { cluster: 'prod', target: '/?x' }],
    ['/clusters/prod//api/%2e%2e/x', { cluster: 'prod', target: '//api/%2e%2e/x' }],
    ['/', { status: 404 }],
    ['/clusters/', { status: 400 }],
    ['/clusters/Prod/api', { status: 400 }],
    ['/clusters/../api', { status: 400 }],
    ['/clusters/pr%6fd/api', { status: 400 }],
    ['/clusters/prod;x/api', { status: 400 }],
    ['/Clusters/prod/api', { status: 404 }],
    ['https://k8s.example.com/clusters/prod/api', { status: 400 }],
    ['*', { status: 400 }],
    ['/clusters/prod/a#b', { status: 400 }],
    ['/clusters/prod/a b', { status: 400 }],
    ['/clusters/prod/\u00e9', { status: 400 }],
    [`/clusters/prod/${'a'.repeat(20_000)}`, { status: 414 }],
  ])('for %s', (url, expected) => {
    expect(readTarget(url)).toMatchObject(expected)
  })
})

test('an answer keeps its lines, without those of the hop and without cookies for our host', () => {
  const raw = [
    'Warning',
    'a',
    'warning',
    'b',
    'Connection',
    'close, X-Hop',
    'X-Hop',
    '1',
    'Set-Cookie',
    'c',
    'Alt-Svc',
    'd',
  ]
  const headers = responseHeaders([...raw, 'Transfer-Encoding', 'chunked', 'Audit-Id', 'r'])
  expect(headers).toEqual(['Warning', 'a', 'warning', 'b', 'Audit-Id', 'r'])
  expect(Object.entries(byName(headers))).toEqual([
    ['warning', ['a', 'b']],
    ['audit-id', 'r'],
  ])
})

test.each([':status', 'x y', ''])('an answer with a header called "%s" is none that is sent', name => {
  expect(forStream(200, ['Warning', 'a'])).toEqual({ ':status': '200', warning: 'a' })
  expect(() => forStream(200, ['Warning', 'a', name, '204'])).toThrow(TypeError)
})

test('addresses of the API server are told as those of its cluster here; others stay', () => {
  const there = { prefix: '/clusters/prod', host: 'api.cluster:6443', base: '/k8s' }
  const told = (address: string) => responseHeaders(['Location', address], there)[1]
  expect([
    told('/k8s/api/v1/x?a#b'),
    told('/other'),
    told('https://api.cluster:6443/k8s/api'),
    told('//API.cluster:6443/k8s/'),
  ]).toEqual(['/clusters/prod/api/v1/x?a#b', '/clusters/prod/other', '/clusters/prod/api', '/clusters/prod/'])
  for (const address of [
    'x',
    '',
    '?a',
    '#b',
    'https://api.cluster/api',
    'mailto:a@b',
    '//[',
    'https://other:6443/k8s/',
  ])
    expect(told(address)).toBe(address)
  expect(responseHeaders(['Location', '/k8s/api'])).toEqual(['Location', '/k8s/api'])
})
