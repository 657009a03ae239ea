/** A parameter that is sent with every authorization request of a provider, as `name=value`. */

export interface AuthorizationParameter {
  readonly name: string
  readonly value: string
}

/** Each login makes these itself: one from a file would take away what protects it, or where it ends. */
const reserved = new Set([
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'code_challenge',
  'code_challenge_method',
  'code_verifier',
  'dpop_jkt',
  'id_token_hint',
  'iss',
  'login_hint',
  'max_age',
  'nonce',
  'redirect_uri',
  'registration',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
])

export function parseAuthorizationParameter(text: string): AuthorizationParameter {
  const [, name, value] = /^([A-Za-z][\w.-]{0,63})=([\x20-\x7e]{1,512})$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new RangeError('it has to be a name, = and a value')
  if (reserved.has(name.toLowerCase())) throw new RangeError('the login sets this parameter itself')
  if (name === 'prompt' && value.split(' ').includes('none')) {
    throw new RangeError('nobody could log in: none keeps the provider from asking')
  }
  return { name, value }
}
