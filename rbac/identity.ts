/**
 * Who is asking, as the decision sees it: principal, groups and claims, never a credential.
 *
 * The kinds are disjoint on purpose: a group called `role:admin` is still a group, because every name that a policy
 * row can speak of is built from one typed field with that field's own prefix.
 */

/** Nobody is logged in. */
export interface Anonymous {
  readonly kind: 'anonymous'
}

interface Authenticated {
  /** `<issuer>#<sub>` (OpenID Connect Core 1.0 section 5.7: only the pair is unique and never reassigned). */
  readonly subject: string
  /** Name of the provider in the configuration; `group:<provider>/<name>` rows compare with it. */
  readonly provider: string
  /** Names asserted by the issuer, as they are; never trusted as roles. */
  readonly groups: readonly string[]
  /** Claims of the ID token and userinfo that conditions and assertions may read. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A person who logged in with an OpenID provider. */
export interface User extends Authenticated {
  readonly kind: 'user'
  /** Address whose ownership the provider has verified, domain in lower case; absent when it has not. */
  readonly email?: string
  /** Name to show; never used for a decision. */
  readonly name?: string
  /** When the person last authenticated, seconds since the epoch (OpenID Connect Core 1.0 section 2, `auth_time`). */
  readonly authTime?: number
  /** How the person authenticated (RFC 8176). */
  readonly amr?: readonly string[]
  /** Authentication context class (OpenID Connect Core 1.0 section 2, `acr`). */
  readonly acr?: string
  /**
   * Names by which rows may mean this person although nobody can tell: of somebody whom another person asks to be judged
   * as, only some are told, and an access token need not tell the address. Rows that deny by such a name apply, rows that
   * allow do not. Absent for who logged in.
   */
  readonly untold?: readonly Untold[]
}

/**
 * `user`: no `<issuer>#<sub>`; `email`: no address; `groups`: none of them. Where `provider` is empty, that of the groups is not told
 * either.
 */
export type Untold = 'user' | 'email' | 'groups'

/** A workload. Exactly one of `serviceAccount`, `client` and `certificate` names it. */
export interface Machine extends Authenticated {
  readonly kind: 'machine'
  /** `<cluster>/<namespace>/<name>` of a Kubernetes service account. */
  readonly serviceAccount?: string
  /** `<provider>/<client id>` of a client-credentials client. */
  readonly client?: string
  /** `<authority>/<name>` of a client certificate: its one subject alternative name. */
  readonly certificate?: string
}

export type Identity = Anonymous | User | Machine

export const anonymous: Anonymous = Object.freeze({ kind: 'anonymous' })
