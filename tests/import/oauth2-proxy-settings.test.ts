/** What each setting of oauth2-proxy does to an import, one by one. */
import { expect, test } from 'vitest'
import { effectOf } from '../../cli/policy/import/oauth2-proxy/settings.ts'
import type { ImportedRow } from '../../cli/policy/import/rows.ts'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import type { Identity } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'
import { documentedOptions, restrictingOptions } from './oauth2-proxy-options.ts'

const host = 'app.example.com'
const imported = (text: string) =>
  convert({ format: 'oauth2-proxy', host: [host] }, { name: 'proxy.cfg', text: `email_domains = ["*"]\n${text}\n` })

/** Said of everybody who logs in, whatever else they are. */
const isForEverybody = ({ subject, conditions }: ImportedRow): boolean =>
  subject === 'authenticated' && conditions.length === 1
const letsEverybodyIn = async (text: string): Promise<boolean> => (await imported(text)).rows.some(isForEverybody)

test('every documented setting is known, each by one name', () => {
  expect(documentedOptions.filter(name => effectOf(name) === undefined)).toEqual([])
  expect(new Set(documentedOptions).size).toBe(documentedOptions.length)
})

test('H41 a setting that restricts nobody is accepted and listed; one that restricts lets nobody in, and is said', async () => {
  const ownMeaning = ['email_domains', 'allowed_groups', 'oidc_groups_claim', 'oidc_email_claim', 'user_id_claim']
  for (const name of documentedOptions.filter(option => !ownMeaning.includes(option))) {
    const { rows, findings } = await imported(`${name} = "x"`)
    const isRestricting = restrictingOptions.includes(name)
    expect([name, rows.some(isForEverybody)]).toEqual([name, !isRestricting])
    if (isRestricting)
      expect(findings).toContainEqual(expect.objectContaining({ kind: 'left-out', line: 2, what: name }))
    if (effectOf(name) === 'none')
      expect(findings).toContainEqual(expect.objectContaining({ kind: 'passed-over', line: 2, what: name }))
  }
})

test('H41 a name that nobody documents lets nobody in', async () => {
  for (const name of ['cookie_restrict', 'redis_acl', 'allowed_people', 'constructor', 'github'])
    expect([name, (await imported(`${name} = "x"`)).rows]).toEqual([name, []])
})

test('what is empty, or says what is so without it, keeps nobody out', async () => {
  for (const text of ['github_org = ""', 'gitlab_groups = []', 'google_groups = [""]', 'azure_tenant = "common"'])
    expect([text, await letsEverybodyIn(text)]).toEqual([text, true])
  expect(await letsEverybodyIn('azure_tenant = "organizations"')).toBe(false)
  const said = async (text: string) => (await imported(text)).findings.some(({ what }) => what === 'htpasswd_file')
  expect([await said('htpasswd_file = ""'), await said('htpasswd_file = "people"')]).toEqual([false, true])
  expect(await letsEverybodyIn('oidc_email_claim = "email"')).toBe(true)
  expect(await letsEverybodyIn('user_id_claim = "upn"')).toBe(false)
})

test('what a login asked the provider for has to be looked at', async () => {
  const { findings } = await imported('acr_values = "urn:gold"')
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'check', line: 2, what: 'acr_values' }))
})

const person = (claims: Readonly<Record<string, unknown>>): Identity => ({
  kind: 'user',
  subject: 'https://idp.example#x',
  provider: 'idp',
  groups: (claims.groups as string[] | undefined) ?? [],
  email: 'alice@example.com',
  claims: { email: 'alice@example.com', email_verified: true, ...claims },
})

const letsIn = async (text: string, claims: Readonly<Record<string, unknown>>): Promise<boolean> => {
  const { policy } = await imported(text)
  const snapshot = await policyOf(policy.csv, policy.conditions || undefined)
  const request = { domain: host, resource: '/', action: 'GET', url: '' }
  return decide({ request, identity: person(claims), context: { now: 0 } }, snapshot).effect === 'allow'
}

test("Keycloak's groups are groups, beside allowed groups if there are any", async () => {
  const one = 'provider = "keycloak"\nkeycloak_groups = ["/ops", "/dev"]'
  expect(await letsIn(one, { groups: ['/dev'] })).toBe(true)
  expect(await letsIn(one, { groups: ['/sales'] })).toBe(false)
  expect(await letsIn(one, {})).toBe(false)
  const both = `${one}\nallowed_groups = ["staff"]`
  expect(await letsIn(both, { groups: ['/dev'] })).toBe(false)
  expect(await letsIn(both, { groups: ['staff'] })).toBe(false)
  expect(await letsIn(both, { groups: ['/dev', 'staff'] })).toBe(true)
  expect((await imported('provider = "keycloak-oidc"\nkeycloak_groups = ["ops"]')).rows).toEqual([])
})

test("Keycloak's roles are read from its claims, and any of them or of the groups is enough", async () => {
  const roles = 'provider = "keycloak-oidc"\nallowed_roles = ["admin", "wiki:editor"]'
  expect(await letsIn(roles, { realm_access: { roles: ['admin'] } })).toBe(true)
  expect(await letsIn(roles, { realm_access: { roles: ['wiki:editor'] } })).toBe(true)
  expect(await letsIn(roles, { resource_access: { wiki: { roles: ['editor'] } } })).toBe(true)
  expect(await letsIn(roles, { resource_access: { blog: { roles: ['editor', 'admin'] } } })).toBe(false)
  expect(await letsIn(roles, { groups: ['admin'], realm_access: { roles: ['editor'] } })).toBe(false)
  const either = `${roles}\nallowed_groups = ["/ops"]`
  expect(await letsIn(either, { groups: ['/ops'] })).toBe(true)
  expect(await letsIn(either, { realm_access: { roles: ['admin'] } })).toBe(true)
  expect(await letsIn(either, { groups: ['/sales'] })).toBe(false)
  expect((await imported('provider = "oidc"\nallowed_roles = ["admin"]')).rows).toEqual([])
})
