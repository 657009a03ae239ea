/** One further claim of an assertion, as an operator writes it: `name=path`. */

export interface AssertionClaim {
  /** Name in the assertion. */
  readonly name: string
  /** Where the provider's claims hold it; nested names joined by `/`. A name that is a web address is one name. */
  readonly path: string
}

// The upstream acts on these as ours: an attribute that people may edit at the provider must not pass for one of them.
const reservedNames = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'cnf'],
  ...['sid', 'email', 'email_verified', 'name', 'groups', 'groups_omitted', 'auth_time', 'amr', 'acr'],
  ...['client', 'service_account', 'certificate', 'claims_omitted'],
])

/** `team=org/team`. Throws a `RangeError` for another form and for a name that has a meaning of its own. */
export function parseAssertionClaim(text: string): AssertionClaim {
  const [, name, path] = /^([^=]*)=((?:https?:\/\/)?[^/]+(?:\/[^/]+)*)$/.exec(text) ?? []
  if (name === undefined || path === undefined) throw new RangeError('it has to be a name, = and a path')
  // A letter first: `__proto__` would be no claim but the prototype of the others.
  if (!/^[A-Za-z][\x21-\x7e]{0,127}$/.test(name)) {
    throw new RangeError('the name has to start with a letter and may hold visible ASCII characters, at most 128')
  }
  if (reservedNames.has(name)) throw new RangeError('this name already has a meaning of its own in an assertion')
  return { name, path }
}
