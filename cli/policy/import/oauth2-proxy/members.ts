/**
 * Groups and Keycloak's roles that oauth2-proxy asks for. Its providers `keycloak` and `keycloak-oidc` read them from claims
 * that Keycloak can send here as well; those of other providers come from interfaces of their own.
 */

import { isPlainName } from '../subjects.ts'
import { isSet, type Settings } from './settings-file.ts'

type Criterion = Readonly<Record<string, unknown>>

export interface Membership {
  /** What a condition of it may be called. */
  readonly name: string
  readonly criterion: Criterion
  /** Where membership of any of these, from the claim `groups`, is all there is to it. */
  readonly groups?: readonly string[]
}

const keycloakGroups = ['keycloak_groups', 'keycloak_group']
const keycloakRoles = ['allowed_roles', 'allowed_role']

/** Does a setting that keeps people out do so by claims that rows can ask for? */
export function isMembership(key: string, settings: Settings): boolean {
  const provider = settings.get('provider')?.values[0]
  return (
    (provider === 'keycloak' && keycloakGroups.includes(key)) ||
    (provider === 'keycloak-oidc' && keycloakRoles.includes(key))
  )
}

/** Each of them has to hold. The setting of a provider that is not in use asks for nothing here; it is refused before. */
export function membershipsIn(settings: Settings): readonly Membership[] {
  const listed = (keys: readonly string[]): readonly string[] =>
    keys.flatMap(key => {
      const setting = settings.get(key)
      return setting !== undefined && isSet(setting) ? setting.values : []
    })
  const known = (keys: readonly string[]): readonly string[] => listed(keys.filter(key => isMembership(key, settings)))
  const claim = settings.get('oidc_groups_claim')?.values[0] ?? 'groups'
  // Groups and roles together are one list there, any of which is enough.
  const allowed = memberOf(listed(['allowed_groups', 'allowed_group']), known(keycloakRoles), claim)
  // Some versions read Keycloak's groups instead of those, some beside them: both have to fit.
  return [...allowed, ...memberOf(known(keycloakGroups), [], 'groups')]
}

function memberOf(groups: readonly string[], roles: readonly string[], claim: string): readonly Membership[] {
  const ofGroups = groups.length === 0 ? [] : [claimHas(claim, groups)]
  const criteria = [...ofGroups, ...roles.flatMap(roleCriteria)]
  const [first] = criteria
  if (first === undefined) return []
  const name = `${groups.length > 0 ? claim : 'role'}-${groups[0] ?? roles[0] ?? ''}`
  const criterion = criteria.length === 1 ? first : { any: criteria }
  const isPlain = claim === 'groups' && roles.length === 0 && groups.every(isPlainName)
  return [{ name, criterion, ...(isPlain ? { groups } : {}) }]
}

/** A role of the realm, or `client:role`; which of the two a name with a colon is, nobody says. */
function roleCriteria(role: string): readonly Criterion[] {
  const ofClients = [...role.matchAll(/:/g)].map(({ index }) => [role.slice(0, index), role.slice(index + 1)] as const)
  return [
    claimHas('realm_access/roles', [role]),
    ...ofClients
      .filter(([client, name]) => client !== '' && name !== '' && !client.includes('/'))
      .map(([client, name]) => claimHas(`resource_access/${client}/roles`, [name])),
  ]
}

const claimHas = (name: string, values: readonly string[]): Criterion => ({ claim: { name, in: [...values] } })

/** Groups any of which is enough, where nothing else is asked for. */
export function groupsAlone(members: readonly Membership[]): readonly string[] | undefined {
  const [only, ...more] = members
  return more.length === 0 ? only?.groups : undefined
}
