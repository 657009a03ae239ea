/** Keys of Pomerium's routes, one by one: preflights, wildcards, paths within paths, and certificates. */
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'

const app = { from: 'https://app.example.com' }
const imported = (config: unknown, more = {}) =>
  convert({ format: 'pomerium', ...more }, { name: 'config.yaml', text: stringify(config) })

const rowsOf = async (config: unknown, more = {}) =>
  (await imported(config, more)).rows.map(
    ({ subject, domain, resource, effect }) => `${effect} ${subject} ${domain} ${resource}`,
  )

test('a preflight passes without a login; no other OPTIONS does, and what is denied stays so', async () => {
  const groups = { allow: { or: [{ groups: { has: 'ops' } }] } }
  const route = { ...app, prefix: '/api', cors_allow_preflight: true }
  const effect = async (
    policy: unknown,
    action: string,
    headers: Readonly<Record<string, string>>,
    resource = '/api/x',
  ) => {
    const { policy: text } = await imported({ routes: [{ ...route, policy }] })
    const snapshot = await policyOf(text.csv, text.conditions || undefined)
    const context = { now: 0, header: (name: string) => headers[name] }
    return decide(
      { request: { domain: 'app.example.com', resource, action, url: '' }, identity: anonymous, context },
      snapshot,
    ).effect
  }
  const preflight = { origin: 'https://other.example.com', 'access-control-request-method': 'PUT' }
  expect(await effect([groups], 'OPTIONS', preflight)).toBe('allow')
  expect(await effect([groups], 'OPTIONS', {})).not.toBe('allow')
  expect(await effect([groups], 'OPTIONS', { origin: 'https://other.example.com' })).not.toBe('allow')
  expect(await effect([groups], 'GET', preflight)).not.toBe('allow')
  expect(await effect([groups], 'OPTIONS', preflight, '/other')).not.toBe('allow')
  const deny = { deny: { or: [{ source_ip: '10.0.0.0/8' }, { http_method: { is: 'OPTIONS' } }] } }
  expect(await effect([groups, deny], 'OPTIONS', preflight)).not.toBe('allow')
  const criterion = [{ allow: { or: [{ cors_preflight: true }] } }]
  expect(await effect(criterion, 'OPTIONS', preflight)).toBe('allow')
  expect(await effect(criterion, 'OPTIONS', {})).not.toBe('allow')
  expect(await rowsOf({ routes: [{ ...app, cors_allow_preflight: false, allowed_users: ['a@example.com'] }] })).toEqual(
    ['allow email:a@example.com app.example.com /**'],
  )
})

test('a wildcard takes from the hosts below it that come later, and from no other', async () => {
  const open = (from: string) => ({ from, allow_public_unauthenticated_access: true })
  const below = [open('https://app.example.com'), open('https://other.example')]
  expect(await rowsOf({ routes: [open('https://*.example.com'), ...below] })).toEqual([
    'allow anyone other.example /**',
  ])
  expect(await rowsOf({ routes: [...below, open('https://*.example.com')] })).toEqual([
    'allow anyone app.example.com /**',
    'allow anyone other.example /**',
  ])
})

test('a path within the paths of the route is kept, and one beside them allows nothing', async () => {
  const policy = (path: unknown) => [{ allow: { and: [{ accept: true }, { http_path: path }] } }]
  const rows = (paths: object, path: unknown, more = {}) =>
    rowsOf({ routes: [{ ...app, ...paths, policy: policy(path) }] }, more)
  expect(await rows({ prefix: '/api' }, { starts_with: '/api/v1' })).toEqual([
    'allow anyone app.example.com re:/api/v1.*',
  ])
  expect(await rows({ prefix: '/api/v1' }, { starts_with: '/api' })).toEqual([
    'allow anyone app.example.com re:/api/v1.*',
  ])
  expect(await rows({ prefix: '/api/' }, { starts_with: '/api' })).toEqual(['allow anyone app.example.com re:/api/.+'])
  expect(await rows({ prefix: '/api' }, { starts_with: '/other' })).toEqual([])
  expect(await rows({ prefix: '/api' }, { is: '/api/x' })).toEqual([])
  expect(await rows({ prefix: '/api' }, { is: '/api/x' }, { withSlashAndQuery: true })).toEqual([
    'allow anyone app.example.com /api/x',
  ])
  expect(await rows({ path: '/api' }, { starts_with: '/api/x' }, { withSlashAndQuery: true })).toEqual([])
})

test('an exact path is kept by choice', async () => {
  const routes = [{ ...app, path: '/health', allow_public_unauthenticated_access: true }]
  expect(await rowsOf({ routes })).toEqual([])
  expect(await rowsOf({ routes }, { withSlashAndQuery: true })).toEqual(['allow anyone app.example.com /health'])
})

test('H41 what asks for certificates, or is no text where one is meant, allows nothing', async () => {
  const open = { ...app, allow_public_unauthenticated_access: true }
  const all = [
    { routes: [{ ...open, tls_downstream_client_ca_file: 'ca.pem' }] },
    { routes: [{ ...open, prefix: ['/a'] }] },
    { routes: [{ ...open, path: 7 }] },
    { routes: [open], downstream_mtls: { ca_file: 'ca.pem' } },
    { routes: [open], downstream_mtls: { ca_file: 'ca.pem', enforcement: 'reject_connection' } },
    { routes: [open], client_ca: 'AAAA' },
  ]
  for (const config of all) expect([config, await rowsOf(config)]).toEqual([config, []])
  const asked = { routes: [open], downstream_mtls: { ca_file: 'ca.pem', enforcement: 'policy' } }
  expect(await rowsOf(asked)).toEqual(['allow anyone app.example.com /**'])
  expect(await rowsOf({ routes: [{ ...open, tls_skip_verify: true }] })).toEqual(['allow anyone app.example.com /**'])
})

test('an address that ends with a domain is one of that domain', async () => {
  const rows = (matcher: unknown) => rowsOf({ routes: [{ ...app, policy: [{ allow: { or: [{ email: matcher }] } }] }] })
  expect(await rows({ ends_with: '@example.com' })).toEqual(['allow email-domain:example.com app.example.com /**'])
  expect(await rows({ ends_with: 'example.com' })).toEqual([])
  expect(await rows({ ends_with: '@example.com', starts_with: 'a' })).toEqual([])
})
