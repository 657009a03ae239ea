/** The realm that tests import into Keycloak: three people, two groups, and one client, as docs would set it up. */
import type { Person } from './provider.ts'

export const keycloakClient = { clientId: 'sallyport', clientSecret: 'the client secret of a test' }

const groupsOf: Readonly<Record<Person, readonly string[]>> = { alice: ['ops'], bob: ['contractors'], carol: [] }

export function realmOf() {
  return {
    realm: 'corp',
    enabled: true,
    // Loopback only.
    sslRequired: 'none',
    accessTokenLifespan: 600,
    groups: [{ name: 'ops' }, { name: 'contractors' }],
    users: (Object.keys(groupsOf) as Person[]).map(userOf),
    clients: [client()],
  }
}

function userOf(person: Person) {
  const name = `${person[0]?.toUpperCase()}${person.slice(1)}`
  return {
    username: person,
    enabled: true,
    firstName: name,
    lastName: 'Example',
    email: `${person}@example.com`,
    emailVerified: true,
    attributes: { department: ['sales'] },
    groups: groupsOf[person].map(group => `/${group}`),
    credentials: [{ type: 'password', value: `the password of ${person}`, temporary: false }],
  }
}

/** Redirect URIs follow when the service knows its port. */
function client() {
  return {
    clientId: keycloakClient.clientId,
    secret: keycloakClient.clientSecret,
    protocol: 'openid-connect',
    publicClient: false,
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    redirectUris: [],
    attributes: { 'pkce.code.challenge.method': 'S256' },
    protocolMappers: [
      {
        name: 'groups',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-group-membership-mapper',
        config: {
          'claim.name': 'groups',
          'full.path': 'false',
          'id.token.claim': 'true',
          'access.token.claim': 'false',
          'userinfo.token.claim': 'true',
        },
      },
    ],
  }
}
