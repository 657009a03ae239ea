/** Groups, headers and preflights as conditions: what is refused, who is unknown, and what every answer about rows makes of them. */
import { describe, expect, it } from 'vitest'
import { edgesOf } from '../../rbac/asking/condition-edges.ts'
import { explain } from '../../rbac/asking/explain.ts'
import { replayQuestion } from '../../rbac/asking/replay.ts'
import { criteriaOf } from '../../rbac/conditions/condition.ts'
import { decide } from '../../rbac/decide.ts'
import { headerNamesOf } from '../../rbac/header-names.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { model, policyOf, problemsOf } from './policies.ts'

const conditions = `
dev: { group: [dev, corp/build] }
zone: { header: { name: x-zone, prefix: [corp-] } }
agent: { header: { name: x-agent, prefix: ['corp-browser (like Gecko, ', 'corp-cli'] } }
waf: { header: { name: x-waf, in: [block, 'a,b'] } }
device: { header: { name: x-device, present: true } }
bare: { header: { name: x-device, present: false } }
preflight: { preflight: [PUT, DELETE] }
any: { preflight: any }
`
const user = (more: Partial<User> = {}): User => ({
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'idp',
  groups: ['ops'],
  claims: {},
  ...more,
})
const p = (subject: string, condition: string, effect = 'allow') =>
  `p, ${subject}, api.example.com, /**, *, ${condition}, ${effect}\n`

interface Asked {
  readonly identity?: Identity
  readonly method?: string
  /** Absent: nobody vouches for any. */
  readonly headers?: Readonly<Record<string, string | null>>
}
const situationOf = ({ identity = user(), method = 'GET', headers }: Asked) => ({
  request: canonicaliseUrl(method, 'https://api.example.com/a'),
  identity,
  context: { now: 0, ...(headers !== undefined && { header: (name: string) => headers[name] }) },
})
const effectOf = async (csv: string, asked: Asked) => decide(situationOf(asked), await policyOf(csv, conditions)).effect

describe('a group as a condition', () => {
  it('asks for two groups at once', async () => {
    const csv = p('group:ops', 'dev')
    expect(await effectOf(csv, { identity: user({ groups: ['ops', 'dev'] }) })).toBe('allow')
    expect(await effectOf(csv, { identity: user({ groups: ['ops'] }) })).toBe('deny')
    expect(await effectOf(csv, { identity: user({ groups: ['dev'] }) })).toBe('deny')
  })

  it('H35 is unknown for nobody and for whose groups are not told', async () => {
    const untold = user({ groups: [], untold: ['groups'] })
    for (const identity of [anonymous, untold]) {
      expect(await effectOf(p('anyone', '!dev'), { identity })).not.toBe('allow')
      expect(await effectOf(p('anyone', '-') + p('anyone', 'dev', 'deny'), { identity })).toBe('deny')
    }
  })

  it('H35 names a provider that there is, or the row does not load', async () => {
    const files = [{ name: 'policy.csv', text: p('anyone', '!dev', 'deny') }]
    const named = { name: 'conditions.yaml', text: conditions }
    const problems = await problemsOf(compilePolicy({ model, files, conditions: named, providers: ['crop'] }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('policy.csv:1:37: unknown provider "corp"; did you mean "crop"?')
  })

  it('is what explain proposes, and uncertain where a line does not hold the groups', async () => {
    const policy = await policyOf(p('group:ops', 'dev'), conditions)
    const { nearest } = explain(situationOf({}), policy)
    expect(nearest.found.map(({ text }) => text)).toEqual(['with group "dev"', 'with group "corp/build"'])
    expect(replayQuestion(policy, { ...situationOf({}), missing: new Set(['groups']) })).toMatchObject({
      kind: 'uncertain',
      facts: ['groups'],
    })
    const denied = explain(
      situationOf({ identity: user({ groups: ['dev'] }) }),
      await policyOf(p('anyone', '-') + p('anyone', 'dev', 'deny'), conditions),
    )
    expect(denied.nearest.found.map(({ text }) => text)).toContain('without group "dev", "build"')
  })
})

describe('a header', () => {
  it.each([
    ['{ name: x-a }', 'expected exactly one of in, prefix, present'],
    ['{ name: x-a, in: [a], present: true }', 'expected exactly one of in, prefix, present'],
    ['{ name: x-a, present: yes please }', 'present: expected true or false'],
    ['{ name: x-a, prefix: [] }', 'expected a list of values'],
    ['{ name: x-a, prefix: [""] }', 'expected a list of values'],
  ])('%s is refused', async (argument, message) => {
    expect(await problemsOf(policyOf(p('anyone', '-'), `x: { header: ${argument} }`))).toEqual([
      `conditions.yaml:1:14: header: ${message}`,
    ])
  })

  it.each(['zone', 'device', 'bare', 'preflight'])('J159 %s is unknown where a header comes twice', async name => {
    const twice = { 'x-zone': null, 'x-device': null, origin: null, 'access-control-request-method': 'PUT' }
    const asked = { method: 'OPTIONS', headers: twice }
    expect(await effectOf(p('authenticated', name), asked)).toBe('deny')
    expect(await effectOf(p('authenticated', `!${name}`), asked)).toBe('deny')
    expect(await effectOf(p('anyone', '-') + p('anyone', name, 'deny'), asked)).toBe('deny')
    expect(await effectOf(p('anyone', '-') + p('anyone', `!${name}`, 'deny'), asked)).toBe('deny')
  })

  it.each([
    ['waf', 'meant', ['block', 'a,b']],
    [
      'waf',
      'unknown',
      [
        'ok, block',
        'block,ok',
        'x;q=1 ,  block',
        'block, block',
        ',block',
        'ok, a,b',
        'a,b ,ok',
        'a,b,',
        ','.repeat(65),
      ],
    ],
    ['waf', 'not', ['', 'ok', 'Block', 'blocked, unblock', 'ok,', 'a, b', 'a,bc', 'xa,b', ','.repeat(64)]],
    ['zone', 'meant', ['corp-a', 'corp-a, corp-b', 'corp-a,corp-b']],
    ['zone', 'unknown', ['b, corp-a', 'b,corp-a', 'corp-a, b', 'corp-a,', 'corp-a,b', `corp-a${',corp-a'.repeat(65)}`]],
    ['agent', 'meant', ['corp-browser (like Gecko, or not) 1']],
    ['agent', 'unknown', ['x, corp-browser (like Gecko, 1', 'corp-cli, x']],
    ['agent', 'not', ['corp-browser (like Trident, or not)', 'x, y']],
    ['zone', 'not', ['b, not-corp-a', 'CORP-a']],
  ] as const)('H49 of several values in a line %s is %s: %j', async (name, is, values) => {
    for (const value of values) {
      const asked = { headers: { 'x-waf': value, 'x-zone': value, 'x-agent': value } }
      const effects = await Promise.all([
        effectOf(p('anyone', name), asked),
        effectOf(p('anyone', `!${name}`), asked),
        effectOf(p('anyone', '-') + p('anyone', name, 'deny'), asked),
      ])
      const wanted = {
        meant: ['allow', 'deny', 'deny'],
        not: ['deny', 'allow', 'allow'],
        unknown: ['deny', 'deny', 'deny'],
      }[is]
      expect([value, effects]).toEqual([value, wanted])
    }
  })

  it.each(['zone', 'device', 'bare'])('H35 %s is unknown where nobody vouches for headers', async name => {
    expect(await effectOf(p('anyone', name), {})).toBe('deny')
    expect(await effectOf(p('anyone', `!${name}`), {})).toBe('deny')
    expect(await effectOf(p('anyone', '-') + p('anyone', name, 'deny'), {})).toBe('deny')
  })

  it.each([
    ['zone', 'with header x-zone: corp-'],
    ['device', 'with header x-device: 1'],
    ['!zone', undefined],
  ])('explain proposes what makes %s true', async (name, text) => {
    const { decision, nearest } = explain(situationOf({ headers: {} }), await policyOf(p('anyone', name), conditions))
    expect(decision.effect).toBe(text === undefined ? 'allow' : 'deny')
    expect(nearest.found.map(found => found.text)).toEqual(text === undefined ? [] : [text])
  })

  it('a sample of a diff asks with it and without', async () => {
    const { rows } = await policyOf(p('anyone', 'device & dev'), conditions)
    const criteria = [...criteriaOf(rows[0]?.when ?? { kind: 'all', of: [] })]
    const asked = criteria.map(criterion => edgesOf(criterion, situationOf({ headers: {} })).map(({ text }) => text))
    expect(asked).toEqual([
      ['with header x-device: 1', ''],
      ['with group "dev"', 'with group "corp/build"', 'with group "dev"', 'with group "corp/build"', ''],
    ])
  })
})

describe('a preflight', () => {
  const asks = (method: string) => ({ origin: 'https://app.example.com', 'access-control-request-method': method })
  it('is OPTIONS with an origin and a method of the list', async () => {
    const csv = p('anyone', 'preflight')
    const ask = (asked: Asked) => effectOf(csv, { identity: anonymous, ...asked })
    expect(await ask({ method: 'OPTIONS', headers: asks('PUT') })).toBe('allow')
    expect(await ask({ method: 'OPTIONS', headers: asks('POST') })).toBe('challenge')
    expect(await ask({ method: 'OPTIONS', headers: asks('put') })).toBe('challenge')
    expect(await ask({ method: 'PUT', headers: asks('PUT') })).toBe('challenge')
    expect(await ask({ method: 'OPTIONS', headers: { origin: 'https://app.example.com' } })).toBe('challenge')
    expect(await ask({ method: 'OPTIONS', headers: { 'access-control-request-method': 'PUT' } })).toBe('challenge')
    expect(await ask({ method: 'OPTIONS' })).toBe('challenge')
  })

  it('H49 is unknown of several methods or origins in a line', async () => {
    for (const headers of [
      asks('PUT, DELETE'),
      asks('PUT,POST'),
      { ...asks('PUT'), origin: 'https://a.example, null' },
    ]) {
      const asked = { method: 'OPTIONS', headers }
      expect(await effectOf(p('anyone', 'preflight'), asked)).toBe('deny')
      expect(await effectOf(p('anyone', '-') + p('anyone', 'preflight', 'deny'), asked)).toBe('deny')
      expect(await effectOf(p('anyone', '-') + p('anyone', 'any', 'deny'), { ...asked, method: 'PUT' })).toBe('allow')
    }
  })

  it('any is any method, and nothing that is none', async () => {
    const csv = p('anyone', 'any')
    expect(await effectOf(csv, { method: 'OPTIONS', headers: asks('BREW') })).toBe('allow')
    expect(await effectOf(csv, { method: 'OPTIONS', headers: asks('a b') })).toBe('deny')
  })

  it.each([['[any, GET]'], ['[get]'], ['[]']])('%s is refused', async methods => {
    expect(await problemsOf(policyOf(p('anyone', '-'), `x: { preflight: ${methods} }`))).toHaveLength(1)
  })

  it('has its headers passed on and kept, and is what explain proposes', async () => {
    const policy = await policyOf(p('anyone', 'preflight'), conditions)
    expect(headerNamesOf(policy)).toEqual(['origin', 'access-control-request-method'])
    const { nearest } = explain(situationOf({ method: 'OPTIONS', headers: {} }), policy)
    expect(nearest.found.map(({ text }) => text)).toEqual(['as a preflight of PUT'])
    expect(replayQuestion(policy, { ...situationOf({}), missing: new Set(['headers']) })).toMatchObject({
      kind: 'uncertain',
      facts: ['headers'],
    })
  })
})
