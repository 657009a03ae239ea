/**
 * Access tokens of OpenID providers: of clients (RFC 6749 section 4.4) and of people.
 *
 * Threat: an ID token in the place of an access token. It is signed with the same key, and many have seen it. RFC 9068 has a
 * type for access tokens; of older shapes only those count that have what no ID token has.
 *
 * Threat: a person who logs in by way of a client taken for that client. So a token is a client's only where its provider
 * clearly says so; every other one is a person's.
 */
import type { Machine, User } from '../../../rbac/identity.ts'
import { textIn } from './check-claims.ts'
import type { Claims, ReadToken } from './read-token.ts'
import { TokenRefused } from './refusal.ts'
import { clientOf } from './workload.ts'

/** OpenID Connect Core 1.0 sections 2, 3.1.3.6 and 3.3.2.11: about a login, or about what came with it. */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash']
/** Access tokens that are called `JWT`: scope (Keycloak, Auth0), `scp` (Entra ID, Okta), how the client proved itself (Entra ID), `cid` (Okta). */
const accessTokenClaims = ['scope', 'scp', 'azpacr', 'appidacr', 'cid', 'gty']

/** Throws `TokenRefused`. */
export function checkAccessTokenType({ type, claims }: ReadToken): void {
  if (idTokenClaims.some(name => Object.hasOwn(claims, name))) throw new TokenRefused('identity-token')
  // Back-channel and security events (RFC 8417).
  if (Object.hasOwn(claims, 'events')) throw new TokenRefused('type')
  // Keycloak says within what kind of token it is.
  const { typ: ownType } = claims
  if (ownType === 'ID') throw new TokenRefused('identity-token')
  if (ownType !== undefined && ownType !== 'Bearer') throw new TokenRefused('type')
  if (type === 'at+jwt' || type === 'okta-internal-at+jwt') return
  if (type !== undefined && type !== 'jwt') throw new TokenRefused('type')
  const isAccessToken = ownType === 'Bearer' || accessTokenClaims.some(name => Object.hasOwn(claims, name))
  if (!isAccessToken) throw new TokenRefused('identity-token')
}

export interface AccessTokenIssuer {
  readonly name: string
  /** Throws `TokenRefused`. Absent: its people may not come by token. */
  readonly personOf?: (claims: Claims) => User
}

/** Throws `TokenRefused`. */
export function bearerOf(token: ReadToken, { name, personOf }: AccessTokenIssuer): Machine | User {
  const { claims, type } = token
  const client = clientIdOf(claims, type === 'at+jwt')
  if (isClients(claims, client)) return clientOf(claims, name, client)
  if (personOf === undefined) throw new TokenRefused('person')
  return personOf(claims)
}

/** `client_id` (RFC 9068), `azp` (Keycloak, Auth0, Entra ID 2.0), `appid` (Entra ID 1.0) or `cid` (Okta): where several, they have to agree. */
function clientIdOf(claims: Claims, isOfStandard: boolean): string {
  const names = ['client_id', 'azp', 'appid', 'cid'].filter(name => Object.hasOwn(claims, name))
  const [first, ...others] = names.map(name => textIn(claims, name))
  if (first === undefined || others.some(other => other !== first)) throw new TokenRefused('client')
  if (isOfStandard && claims.client_id !== first) throw new TokenRefused('client')
  return first
}

/** RFC 9068 section 2.2.1: there where a person authenticated, who may have a name like a client's. */
const loginClaims = ['auth_time', 'amr', 'sid']

function isClients(claims: Claims, client: string): boolean {
  // RFC 9068 section 2.2, and Okta: where nobody logged in the client itself is the subject.
  if (claims.sub === client) return !loginClaims.some(name => Object.hasOwn(claims, name))
  return isOfAuth0(claims, client) || isOfEntra(claims) || isOfKeycloak(claims, client)
}

const isOfAuth0 = ({ sub, gty }: Claims, client: string): boolean =>
  gty === 'client-credentials' && sub === `${client}@clients`

/** A person's token always has `scp`, and a `sub` of its own for each client. */
const isOfEntra = ({ sub, oid, scp, idtyp }: Claims): boolean =>
  scp === undefined && typeof oid === 'string' && sub === oid && (idtyp === undefined || idtyp === 'app')

/** The account behind a client has a name that is made of the client's, and no session. */
const isOfKeycloak = (claims: Claims, client: string): boolean =>
  claims.preferred_username === `service-account-${client.toLowerCase()}` &&
  (claims.client_id === client || claims.clientId === client) &&
  claims.sid === undefined &&
  claims.session_state === undefined
