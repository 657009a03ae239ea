/** The `identity` of a test case: `anonymous`, a person, a service account, a client or a certificate. */
import { parseMapping, parseText } from '../conditions/arguments.ts'
import { parseInstant } from '../conditions/times.ts'
import { anonymous, type Identity, type Machine, type User } from '../identity.ts'
import { ValueError } from '../policy-error.ts'

export interface IdentityDefaults {
  /** Issuer of people whose case names none. Default `https://idp.example`. */
  readonly issuer?: string
  /** Provider of identities whose case names none. Default `idp`. */
  readonly provider?: string
}

const common = ['issuer', 'provider', 'groups', 'claims']
const userKeys = ['user', ...common, 'email', 'emailVerified', 'name', 'authTime', 'amr', 'acr']

/** Throws `ValueError`. */
export function parseTestIdentity(value: unknown, defaults: IdentityDefaults): Identity {
  if (value === 'anonymous') return anonymous
  const isMapping = typeof value === 'object' && value !== null
  if (isMapping && 'service-account' in value) return parseServiceAccount(value, defaults)
  if (isMapping && 'client' in value) return parseClient(value, defaults)
  if (isMapping && 'certificate' in value) return parseCertified(value, defaults)
  if (isMapping && 'user' in value) return parseUser(value, defaults)
  throw new ValueError('expected anonymous, or a mapping with user, service-account, client or certificate')
}

function parseUser(value: unknown, defaults: IdentityDefaults): User {
  const fields = parseMapping(value, userKeys)
  const { email, emailVerified, name, authTime, amr, acr } = fields
  const isVerified = email !== undefined && emailVerified !== false
  return {
    kind: 'user',
    ...parseCommon(fields, parseText(fields.user, 'the subject as text'), defaults),
    ...(isVerified ? { email: lowerDomain(parseText(email, 'an e-mail address')) } : {}),
    ...(name === undefined ? {} : { name: parseText(name, 'a name') }),
    ...(authTime === undefined ? {} : { authTime: parseTime(authTime) }),
    ...(amr === undefined ? {} : { amr: parseList(amr) }),
    ...(acr === undefined ? {} : { acr: parseText(acr, 'an authentication context class') }),
  }
}

const lowerDomain = (address: string): string => address.replace(/@[^@]*$/, domain => domain.toLowerCase())

function parseServiceAccount(value: unknown, defaults: IdentityDefaults): Machine {
  const fields = parseMapping(value, ['service-account', ...common])
  const serviceAccount = parseName(fields['service-account'], 'service-account: <cluster>/<namespace>/<name>', 3)
  return { kind: 'machine', ...parseCommon(fields, serviceAccount, defaults), serviceAccount }
}

function parseClient(value: unknown, defaults: IdentityDefaults): Machine {
  const fields = parseMapping(value, ['client', ...common])
  const client = parseName(fields.client, 'client: <provider>/<client id>', 2)
  const provider = client.slice(0, client.indexOf('/'))
  return { kind: 'machine', ...parseCommon(fields, client, { ...defaults, provider }), client }
}

function parseCertified(value: unknown, defaults: IdentityDefaults): Machine {
  const fields = parseMapping(value, ['certificate', ...common])
  const certificate = parseName(fields.certificate, 'certificate: <authority>/<name>', 2)
  const provider = certificate.slice(0, certificate.indexOf('/'))
  return { kind: 'machine', ...parseCommon(fields, certificate, { ...defaults, provider }), certificate }
}

/** `parts`: how many there are at least, none of which but the last may be empty; the last may hold a slash. */
function parseName(value: unknown, form: string, parts: number): string {
  const name = parseText(value, form)
  const pieces = name.split('/')
  if (pieces.length < parts || pieces.slice(0, parts - 1).includes('')) throw new ValueError(`expected ${form}`)
  return name
}

function parseCommon(fields: Readonly<Record<string, unknown>>, sub: string, defaults: IdentityDefaults) {
  const issuer = fields.issuer ?? defaults.issuer ?? 'https://idp.example'
  const provider = fields.provider ?? defaults.provider ?? 'idp'
  const claims = fields.claims ?? {}
  if (typeof claims !== 'object' || Array.isArray(claims)) throw new ValueError('claims: expected a mapping', 'claims')
  return {
    subject: `${parseText(issuer, 'an issuer')}#${sub}`,
    provider: parseText(provider, 'a provider'),
    groups: parseList(fields.groups ?? []),
    claims: claims as Readonly<Record<string, unknown>>,
  }
}

/** A list of texts, perhaps empty. */
export function parseList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every(item => typeof item === 'string'))
    throw new ValueError('expected a list of texts')
  return value
}

/** Seconds since the epoch, given so or as an RFC 3339 time with its offset. */
export function parseTime(value: unknown): number {
  const time = typeof value === 'number' ? value : parseInstant(String(value))
  if (time === undefined || !Number.isFinite(time)) throw new ValueError('expected a time such as 2026-01-01T10:00:00Z')
  return time
}
