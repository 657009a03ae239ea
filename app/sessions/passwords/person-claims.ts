/**
 * Which claims of a login are about the person, and hold as well while nobody has logged in.
 *
 * Threat: a claim that says how somebody logged in (`acrs` of Entra ID, `auth/amr`, one that a rule of the provider makes),
 * and a second factor that is fulfilled by a password. Providers invent such claims, so there is no list of all of them:
 * only known ones stay, and those that the operator names. One that is not there is unknown to a condition: an allow
 * does not apply, a deny does.
 */
type Claims = Readonly<Record<string, unknown>>

/** OpenID Connect Core 1.0 sections 2 and 5.1, RFC 9068 section 2.2.3.1, and identifiers of Entra ID and Google. */
const standardClaims = [
  ...['iss', 'sub', 'name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
  ...['picture', 'website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at', 'groups', 'roles', 'entitlements', 'oid', 'tid', 'upn', 'hd'],
]

/** Never about a person, whoever names them; wherever they stand. Claims about the token itself go the same way. */
const loginClaims = new Set([
  ...['auth_time', 'amr', 'acr', 'acrs', 'authnmethodsreferences', 'authmethod', 'vot', 'vtm', 'sid', 'session_state'],
  ...['nonce', 'at_hash', 'c_hash', 's_hash', 'azp', 'aud', 'jti', 'iat', 'exp', 'nbf'],
])

/**
 * @param named further ones, nested ones joined by `/`; what is nested stands then under its whole name, which is where
 * conditions look first
 */
export function personClaims(claims: Claims, named: readonly string[]): Claims {
  const kept = [...new Set([...standardClaims, ...named])].flatMap(name => {
    const value = isOfLogin(name) ? undefined : withoutLogin(valueAt(claims, name))
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(kept)
}

/** Also what a claim that is named holds of a login. */
function withoutLogin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLogin)
  if (!isObject(value)) return value
  const entries = Object.entries(value).filter(([name]) => !loginClaims.has(name))
  return Object.fromEntries(entries.map(([name, inner]) => [name, withoutLogin(inner)]))
}

const isOfLogin = (name: string): boolean => name.split('/').some(step => loginClaims.has(step))

/** The claim of exactly this name, else the one at this path: as conditions find it. */
function valueAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  return name
    .split('/')
    .reduce<unknown>((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), claims)
}

const isObject = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
