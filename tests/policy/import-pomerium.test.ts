/** Routes of Pomerium as rows: never wider than a small evaluator of the original. */

import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { createOutcomes } from './import-outcomes.ts'

type Criterion = Readonly<Record<string, unknown>>
type Block = Readonly<Record<string, readonly Criterion[]>>
interface Route {
  readonly from: string
  readonly prefix?: string
  readonly path?: string
  readonly cors_allow_preflight?: boolean
  readonly policy: readonly Readonly<Record<string, Block>>[]
}

interface Attempt {
  readonly who:
    | { readonly email: string; readonly isVerified: boolean; readonly groups: string[]; readonly department?: string }
    | undefined
  readonly host: string
  readonly path: string
  readonly method: string
  readonly address: string
  readonly isPreflight: boolean
}

const holdsThere = (criterion: Criterion, { who, method, path, address }: Attempt): boolean => {
  const [[name = '', data] = []] = Object.entries(criterion)
  const value = (key: string): unknown => (data as Record<string, unknown>)[key]
  switch (name) {
    case 'accept':
      return true
    case 'authenticated_user':
      return who !== undefined
    case 'email':
      return who?.email === value('is')
    case 'domain':
      return who?.email.split('@')[1] === value('is')
    case 'groups':
      return who?.groups.includes(String(value('has'))) === true
    case 'claim/department':
      return who?.department === data
    case 'http_method':
      return method === value('is')
    case 'http_path':
      return path.startsWith(String(value('starts_with')))
    case 'source_ip':
      return address.startsWith('10.')
    default:
      return false
  }
}

const operators: Readonly<Record<string, (truths: readonly boolean[]) => boolean>> = {
  and: truths => truths.every(Boolean),
  or: truths => truths.some(Boolean),
  not: truths => !truths.some(Boolean),
  nor: truths => !truths.every(Boolean),
}

function isAllowedThere(routes: readonly Route[], attempt: Attempt): boolean {
  const route = routes.find(
    ({ from, prefix = '/', path }) =>
      (from === `https://${attempt.host}` || from === 'https://*.example.com') &&
      (path === undefined ? attempt.path.startsWith(prefix) : attempt.path === path),
  )
  const fits = (effect: string): boolean =>
    (route?.policy ?? []).some(blocks =>
      Object.entries(blocks[effect] ?? {}).some(
        ([operator, criteria]) =>
          criteria.length > 0 && operators[operator]?.(criteria.map(criterion => holdsThere(criterion, attempt))),
      ),
    )
  const isPreflight = route?.cors_allow_preflight === true && attempt.isPreflight && attempt.method === 'OPTIONS'
  return (fits('allow') || isPreflight) && !fits('deny')
}

const criterion = fc.constantFrom<Criterion>(
  { accept: true },
  { authenticated_user: true },
  { email: { is: 'alice@example.com' } },
  { domain: { is: 'example.com' } },
  { groups: { has: 'ops' } },
  { groups: { has: 'dev' } },
  { 'claim/department': 'sales' },
  { http_method: { is: 'GET' } },
  { http_path: { starts_with: '/a/' } },
  { source_ip: '10.1.0.0/8' },
  { day_of_week: 'mon' },
)
const block: fc.Arbitrary<Block> = fc
  .tuple(fc.constantFrom('and', 'or', 'and', 'or', 'not', 'nor'), fc.array(criterion, { minLength: 1, maxLength: 3 }))
  .map(([operator, criteria]) => ({ [operator]: criteria }))
const route: fc.Arbitrary<Route> = fc
  .record({
    host: fc.constantFrom('app.example.com', 'app.example.com', 'other.example.com', '*.example.com'),
    paths: fc.constantFrom(
      {},
      {},
      { prefix: '/a' },
      { prefix: '/a/' },
      { prefix: '/ab' },
      { path: '/a' },
      { path: '/' },
    ),
    allow: block,
    deny: fc.option(block, { nil: undefined, freq: 1 }),
    preflight: fc.constantFrom({}, {}, { cors_allow_preflight: true }),
  })
  .map(({ host, paths, allow, deny, preflight }) => ({
    from: `https://${host}`,
    to: 'http://127.0.0.1',
    ...paths,
    ...preflight,
    policy: [{ allow }, ...(deny === undefined ? [] : [{ deny }])],
  }))
const attempt: fc.Arbitrary<Attempt> = fc.record({
  who: fc.option(
    fc.record(
      {
        email: fc.constantFrom('alice@example.com', 'bob@other.example'),
        isVerified: fc.boolean(),
        groups: fc.subarray(['ops', 'dev']),
        department: fc.constantFrom('sales', 'external'),
      },
      { requiredKeys: ['email', 'isVerified', 'groups'] },
    ),
    { nil: undefined, freq: 3 },
  ),
  host: fc.constantFrom('app.example.com', 'app.example.com', 'other.example.com'),
  path: fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/b'),
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS'),
  address: fc.constantFrom('10.0.0.1', '192.0.2.1'),
  isPreflight: fc.boolean(),
})
const preflightHeaders: Readonly<Record<string, string>> = {
  origin: 'https://a.example',
  'access-control-request-method': 'PUT',
}

const identityOf = (who: Attempt['who']): Identity =>
  who === undefined
    ? anonymous
    : {
        kind: 'user',
        subject: 'https://idp.example#x',
        provider: 'idp',
        groups: who.groups,
        ...(who.isVerified ? { email: who.email } : {}),
        claims: {
          email: who.email,
          groups: who.groups,
          ...(who.department === undefined ? {} : { department: who.department }),
        },
      }

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)

test(`an import never allows what the routes refused (SEED=${seed})`, async () => {
  const { count, seen } = createOutcomes()
  const property = fc.asyncProperty(
    fc.array(route, { minLength: 1, maxLength: 4 }),
    fc.array(attempt, { minLength: 40, maxLength: 40 }),
    async (routes, attempts) => {
      const { policy } = await convert({ format: 'pomerium' }, { name: 'config.yaml', text: stringify({ routes }) })
      const snapshot = await policyOf(policy.csv, policy.conditions || undefined)
      for (const one of attempts) {
        const request = { domain: one.host, resource: one.path, action: one.method, url: '' }
        const header = (name: string): string | undefined => (one.isPreflight ? preflightHeaders[name] : undefined)
        const context = { now: 0, clientAddress: one.address, header }
        const is = decide({ request, identity: identityOf(one.who), context }, snapshot).effect === 'allow'
        count({ was: isAllowedThere(routes, one), is }, () => `${JSON.stringify(one)}\n${policy.csv}`)
      }
    },
  )
  await fc.assert(property, { numRuns: 500, seed })
  expect(seen.kept).toBeGreaterThan(500)
  expect(seen.refused).toBeGreaterThan(2000)
})

test('a route whose place is not understood ends the conversion: it comes before those below', async () => {
  const text = stringify([
    { from: 'https://app-*.example.com', policy: [{ deny: { and: [{ accept: true }] } }] },
    { from: 'https://app.example.com', allow_public_unauthenticated_access: true },
  ])
  const { rows, findings } = await convert({ format: 'pomerium' }, { name: 'config.yaml', text })
  expect(rows).toEqual([])
  expect(findings.map(({ line, what }) => `${line} ${what}`)).toContain('1 every route below')
})

test('an address that a route denies stays out also when nobody verified it', async () => {
  const policy = [
    { allow: { and: [{ authenticated_user: true }] } },
    { deny: { or: [{ email: { is: 'a@example.com' } }] } },
  ]
  const text = stringify({ routes: [{ from: 'https://app.example.com', policy }] })
  const { policy: imported } = await convert({ format: 'pomerium' }, { name: 'config.yaml', text })
  const snapshot = await policyOf(imported.csv, imported.conditions)
  const effect = (email: string) => {
    const who = identityOf({ email, isVerified: false, groups: [] })
    return decide(
      {
        request: { domain: 'app.example.com', resource: '/', action: 'GET', url: '' },
        identity: who,
        context: { now: 0 },
      },
      snapshot,
    ).effect
  }
  expect([effect('a@example.com'), effect('b@example.com')]).toEqual(['deny', 'allow'])
})

const rowsOf = async (config: unknown) => {
  const { rows, findings } = await convert({ format: 'pomerium' }, { name: 'config.yaml', text: stringify(config) })
  const left = findings.filter(({ kind }) => kind === 'left-out').map(({ line, what }) => `${line} ${what}`)
  return { rows: rows.map(({ subject, domain, resource }) => `${subject} ${domain} ${resource}`), left }
}

test('routes of old versions stand under policy, and name groups', async () => {
  const policy = [{ from: 'https://app.example.com', allowed_groups: ['ops', 'dev'], cors_allow_preflight: true }]
  expect(await rowsOf({ policy })).toEqual({
    rows: ['group:ops app.example.com /**', 'group:dev app.example.com /**', 'anyone app.example.com /**'],
    left: [],
  })
  expect((await rowsOf({ policy, routes: policy })).rows).toEqual([])
})

test('a tunnel decides no request, and a route at a port of its own takes its paths from those below', async () => {
  const open = (from: string, more = {}) => ({ from, allow_public_unauthenticated_access: true, ...more })
  const routes = [
    open('tcp+https://ssh.example.com:22'),
    open('https://app.example.com:8443', { prefix: '/a' }),
    open('https://app.example.com:443'),
    open('https://other.example.com'),
  ]
  const { rows, left } = await rowsOf({ routes })
  expect(rows).toEqual([
    expect.stringMatching(/^anyone app\.example\.com re:.*\[\^a\]/),
    'anyone other.example.com /**',
  ])
  expect(left).toEqual(['2 from tcp+https://ssh.example.com:22', '4 from https://app.example.com:8443'])
})

test('who is not in a group, or has not an address, is said by the claim', async () => {
  const policy = [{ allow: { not: [{ groups: { has: 'contractors' } }, { email: { is: 'bob@example.com' } }] } }]
  const text = stringify({ routes: [{ from: 'https://app.example.com', policy }] })
  const { policy: imported } = await convert({ format: 'pomerium' }, { name: 'config.yaml', text })
  const snapshot = await policyOf(imported.csv, imported.conditions)
  const effect = (identity: Identity) =>
    decide(
      { request: { domain: 'app.example.com', resource: '/', action: 'GET', url: '' }, identity, context: { now: 0 } },
      snapshot,
    ).effect
  const who = (email: string, groups: string[]) => identityOf({ email, isVerified: true, groups })
  const { claims: _none, ...unknown } = who('carol@example.com', []) as Extract<Identity, { kind: 'user' }>
  expect(
    [who('carol@example.com', ['ops']), who('bob@example.com', []), who('carol@example.com', ['contractors'])].map(
      effect,
    ),
  ).toEqual(['allow', 'deny', 'deny'])
  expect([anonymous, { ...unknown, claims: {} }].map(effect)).not.toContain('allow')
})
