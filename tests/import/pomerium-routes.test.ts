/** Keys of Pomerium's routes, one by one: preflights, wildcards, paths within paths, and certificates. */
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'

/** Without a value. */
const template = '$' + '{HOST}'
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

test('a wildcard about whose hosts nothing else decides is kept for all of them', async () => {
  const staff = { from: 'https://*.preview.example.com', allowed_domains: ['example.com'] }
  const paths = { from: staff.from, prefix: '/open/', allow_public_unauthenticated_access: true }
  const beside = { from: 'https://preview.example.com', allowed_groups: ['ops'] }
  const tunnel = { from: 'tcp+https://db.preview.example.com:22', allowed_groups: ['ops'] }
  expect(await rowsOf({ routes: [paths, tunnel, staff, beside] })).toEqual([
    'allow anyone *.preview.example.com re:/open/.+',
    expect.stringMatching(/^allow email-domain:example\.com \*\.preview\.example\.com re:/),
    'allow group:ops preview.example.com /**',
  ])
})

test('a wildcard is not kept where something else may decide about a host of it, whatever the order (J158)', async () => {
  const wild = { from: 'https://*.preview.example.com', allow_public_unauthenticated_access: true }
  const rivals = ['a.preview.example.com', 'a.preview.example.com:8443', '*.a.preview.example.com', '*.example.com']
  for (const name of [...rivals, template, 'a.*.example.com']) {
    const rival = { from: `https://${name}`, allowed_groups: ['ops'] }
    for (const routes of [
      [wild, rival],
      [rival, wild],
    ])
      expect(
        (await rowsOf({ routes })).filter(row => row.includes('*.preview')),
        name,
      ).toEqual([])
  }
})

test('at hosts of its own Pomerium let nobody through, and nor does a wildcard above them (J158)', async () => {
  const routes = [{ from: 'https://*.example.com', allow_public_unauthenticated_access: true }]
  const open = 'allow anyone *.example.com /**'
  const own = 'https://auth.example.com:8443/x'
  expect(await rowsOf({ authenticate_service_url: own, routes })).toEqual([open, 'deny anyone auth.example.com /**'])
  expect(await rowsOf({ forward_auth_url: 'http://auth.other.example', routes })).toEqual([open])
  expect(await rowsOf({ authenticate_service_url: `https://${template}`, routes })).toEqual([])
  expect(await rowsOf({ authorize_service_urls: [own, 5], routes })).toEqual([])
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
