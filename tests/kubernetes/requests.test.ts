/** Calls to an API server, each as a line that people can read, and what holds for all of them. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type ImpersonatedSubject, impersonationQuestions, questionsOf } from '../../rbac/kubernetes/questions.ts'
import { kubernetesRefusals } from '../../rbac/kubernetes/refusal.ts'
import { type KubernetesRequest, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import { matchablePath, readingsOf } from '../../rbac/matchable-path.ts'
import { parseResource } from '../../rbac/resources.ts'
import { fc } from '../properties.ts'
import { oddCalls, ordinaryCalls, type TestCall } from './calls.ts'
import { answerTo } from './request-table.ts'

const table = readFileSync(new URL('requests.md', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => /^\| (?!call )/.test(line))
  .map(line =>
    line
      .slice(1, -1)
      .split(' | ')
      .map(cell => cell.trim()),
  )
  .map(([call = '', header = '', ...wanted]) => ({ call, header, wanted }))

describe('the table of requests.md', () => {
  test.each(table)('$call $header', ({ call, header, wanted }) => {
    expect(answerTo(call, header)).toEqual(wanted)
  })

  test('is long, and has every reason for a refusal', () => {
    const reasons = table.filter(({ wanted }) => wanted[0] === 'refused').map(({ wanted }) => wanted[1])
    // Too long for a table, and twice a content type.
    expect(new Set([...reasons, 'length', 'content-type'])).toEqual(new Set(Object.keys(kubernetesRefusals)))
    expect(table.length).toBeGreaterThan(180)
  })

  test('what is too long is refused, also where only its canonical form is', () => {
    const target = `/api/v1/namespaces/a/pods/${'x'.repeat(16_384)}`
    expect(readKubernetesRequest({ method: 'GET', target })).toMatchObject({ kind: 'refused', reason: 'length' })
    const grows = `/apis/a.b/v1/x/${'"'.repeat(16_000)}`
    expect(readKubernetesRequest({ method: 'GET', target: grows })).toMatchObject({ kind: 'refused', reason: 'length' })
  })

  test('two content types are refused: the server takes the first', () => {
    const contentTypes = ['application/merge-patch+json', 'application/apply-patch+yaml']
    const call = { method: 'PATCH', target: '/api/v1/nodes/n1', contentTypes }
    expect(readKubernetesRequest(call)).toMatchObject({ kind: 'refused', reason: 'content-type' })
  })
})

const read = ({ method, target }: TestCall): KubernetesRequest | undefined => {
  const request = readKubernetesRequest({ method, target })
  return request.kind === 'refused' ? undefined : request
}

/** What a policy can tell apart, in words: all but the version, as in RBAC. */
const meaningOf = (request: KubernetesRequest): string =>
  request.kind === 'non-resource'
    ? JSON.stringify([request.path.length > 1 ? request.path.replace(/\/$/, '') : '/'])
    : JSON.stringify([request.namespace, request.apiGroup, request.resource, request.name, request.subresource])

const names = fc.oneof(
  fc.constantFrom(
    'a',
    'core',
    '-',
    '*',
    '**',
    'a:b',
    '100%',
    'a%2Fb',
    'a%252Fb',
    'proxy',
    'café',
    'a b',
    '~',
    'nonResourceURLs',
    'x+y',
    "it's",
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const anyCalls = fc.oneof(
  ordinaryCalls,
  oddCalls,
  fc.record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS'),
    target: fc.string({ unit: 'binary' }).map(text => `/${text}`),
  }),
  fc
    .record({
      prefix: fc.constantFrom('/api/v1', '/apis/core.io/v1', '/apis/v3/v1', ''),
      parts: fc.array(names, { maxLength: 7 }),
    })
    .map(({ prefix, parts }) => ({ method: 'GET', target: `${prefix}/${parts.map(encodeAnything).join('/')}` })),
)
function encodeAnything(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return '%ED%A0%80'
  }
}

describe('properties', () => {
  test('never throws, whatever comes', () => {
    const texts = fc.string({ unit: 'binary' })
    const lines = fc.array(texts, { maxLength: 2 })
    const anything = fc.record({ method: texts, target: texts })
    fc.assert(
      fc.property(
        fc.oneof(anything, anyCalls),
        lines,
        lines,
        fc.option(texts),
        (call, upgrades, contentTypes, protocol) => {
          const extended = protocol === null ? {} : { protocol }
          const request = readKubernetesRequest({ ...call, upgrades, contentTypes, ...extended })
          expect(['refused', 'resource', 'non-resource']).toContain(request.kind)
          if (request.kind !== 'refused') questionsOf(request)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  test('what is sent on reads the same, and is sent on as it is', () => {
    fc.assert(
      fc.property(anyCalls, call => {
        const request = read(call)
        if (request !== undefined) expect(read({ method: request.method, target: request.target })).toEqual(request)
      }),
      { numRuns: 5_000 },
    )
  })

  test('what is sent on holds no escape of a slash, a dot or a letter before the subresource, and no empty segment', () => {
    fc.assert(
      fc.property(anyCalls, call => {
        const request = read(call)
        if (request === undefined) return
        const rest = request.kind === 'resource' ? (request.rest ?? '') : ''
        const path = request.target.split('?')[0] ?? ''
        expect(path.endsWith(rest)).toBe(true)
        const judged = path.slice(0, path.length - rest.length)
        expect(judged).toMatch(/^\/(?:[^/]+\/)*[^/]*$/)
        expect(judged).not.toMatch(/%(?:2[dDeEfF]|5[cCfF]|7[eE]|[46][1-9a-fA-F]|[57][0-9aA]|3[0-9bBfF]|25|23|00)/)
        expect(judged.split('/')).not.toContain('..')
      }),
      { numRuns: 5_000 },
    )
  })

  test('no two calls share a path of the policy', () => {
    const seen = new Map<string, string>()
    const shared = (call: TestCall): void => {
      const request = read(call)
      if (request === undefined) return
      for (const { resource, action } of questionsOf(request).slice(0, 1)) {
        const path = matchablePath(resource)
        expect(readingsOf(resource), resource).toEqual([path])
        const key = `${action} ${path}`
        const meaning = meaningOf(request)
        expect(seen.get(key) ?? meaning, `${call.method} ${call.target}`).toBe(meaning)
        seen.set(key, meaning)
      }
    }
    fc.assert(fc.property(anyCalls, shared), { numRuns: 8_000 })
    expect(seen.size).toBeGreaterThan(1_000)
  })

  test('every path can be written as a row, which fits it and no other', () => {
    const paths = new Set<string>()
    fc.assert(
      fc.property(anyCalls, call => {
        const request = read(call)
        if (request !== undefined) paths.add(questionsOf(request)[0].resource)
      }),
      { numRuns: 3_000 },
    )
    const some = [...paths].slice(0, 300)
    for (const written of some) {
      const row = parseResource(written.replaceAll('*', '%2A'))
      const fitting = some.filter(path => row.fits(matchablePath(path)))
      expect(fitting.map(matchablePath)).toEqual(fitting.map(() => matchablePath(written)))
      expect(fitting).toContain(written)
    }
  })
})

describe('impersonation', () => {
  const asked = (subject: ImpersonatedSubject) =>
    impersonationQuestions(subject)?.map(({ action, resource, need }) => `${need} ${action} ${resource}`)

  test('asks for each name, as the API server does', () => {
    expect(
      asked({
        user: 'bob@example.com',
        groups: ['dev', 'corp/ops'],
        uid: '7',
        extra: { 'example.com/scope': ['read', 'a%b'] },
      }),
    ).toEqual([
      'allow impersonate /-/core/users/bob@example.com',
      'allow impersonate /-/core/groups/dev',
      'allow impersonate /-/core/groups/corp%252Fops',
      'allow impersonate /-/authentication.k8s.io/uids/7',
      'allow impersonate /-/authentication.k8s.io/userextras/read/example.com%252Fscope',
      'allow impersonate /-/authentication.k8s.io/userextras/a%2525b/example.com%252Fscope',
    ])
  })

  test.each([
    ['system:serviceaccount:payments:robot', '/payments/core/serviceaccounts/robot'],
    ['system:serviceaccount:-:robot', '/-/core/users/system:serviceaccount:-:robot'],
    ['system:serviceaccount:a:b:c', '/-/core/users/system:serviceaccount:a:b:c'],
    ['system:serviceaccount:payments:', '/-/core/users/system:serviceaccount:payments:'],
    ['*', '/-/core/users/*'],
    ['a;b?c#d\\e', '/-/core/users/a%253Bb%253Fc%2523d%255Ce'],
  ])('%s is %s', (user, path) => {
    expect(asked({ user })).toEqual([`allow impersonate ${path}`])
  })

  test.each(['', '.', '..', 'a\u0000b', 'a\nb', '\ud800'])('%j has no path', name => {
    expect(impersonationQuestions({ user: name })).toBeUndefined()
    expect(impersonationQuestions({ user: 'alice', groups: [name] })).toBeUndefined()
  })

  test('no two names share a path, and each is one segment with one reading', () => {
    const seen = new Map<string, string>()
    const share = (user: string): void => {
      const [question] = impersonationQuestions({ user }) ?? []
      if (question === undefined) return
      const path = matchablePath(question.resource)
      expect(readingsOf(question.resource)).toEqual([path])
      expect(path.split('/').length).toBe(5)
      expect(seen.get(path) ?? user).toBe(user)
      seen.set(path, user)
    }
    fc.assert(fc.property(names, share), { numRuns: 5_000 })
  })
})

const data = new URL(
  'web/',
  process.env.SALLYPORT_TEST_DATA
    ? `file://${process.env.SALLYPORT_TEST_DATA}/`
    : new URL('../../../shared/data/', import.meta.url),
)
const lists = [
  'path-traversal-directory_traversal.txt',
  'path-traversal-deep.txt',
  'crlfinjection.txt',
  'openredirects.txt',
]
const isPresent = lists.every(list => existsSync(new URL(list, data)))
if (!isPresent) process.stdout.write(`payload lists skipped: none below ${data.pathname} (set SALLYPORT_TEST_DATA)\n`)

test.skipIf(!isPresent)('L07 no line of the payload lists leaves its namespace', () => {
  const payloads = lists.flatMap(list => readFileSync(new URL(list, data), 'latin1').split(/\r?\n/)).filter(Boolean)
  const prefix = '/api/v1/namespaces/payments'
  const counts = { refused: 0, read: 0 }
  for (const line of payloads.flatMap(text => [text, text.replaceAll('{FILE}', 'secrets'), encodeURI(text)])) {
    for (const folder of [`${prefix}/`, `${prefix}/services/web/proxy/`, `${prefix}/pods/`]) {
      const request = read({ method: 'GET', target: folder + line })
      counts[request === undefined ? 'refused' : 'read'] += 1
      if (request === undefined) continue
      expect(request, line).toMatchObject({ kind: 'resource', namespace: 'payments' })
      expect(new URL(request.target, 'https://example.com').pathname, line).toMatch(new RegExp(`^${prefix}/`))
    }
  }
  expect(counts.refused).toBeGreaterThan(2_000)
})
