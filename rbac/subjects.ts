/**
 * Whom a row speaks of, and the names that an identity answers to (docs/policy.md, "Rows").
 *
 * Threat: an issuer lets people choose group names. Each name here is a prefix that we write plus a value that the
 * issuer wrote, so a group called `role:admin` is `group:role:admin` and nothing else; and a name with a slash answers
 * only to its qualified form, so that no provider can speak in another one's name.
 */
import type { Identity, Machine, User } from './identity.ts'
import { unknownName } from './nearest.ts'
import { ValueError } from './policy-error.ts'

type Checked = (value: string, providers: readonly string[] | undefined) => string

const kinds: Readonly<Record<string, Checked>> = {
  user: value => {
    const hash = value.indexOf('#')
    return demand(hash > 0 && hash < value.length - 1, value, 'user:<issuer>#<sub>')
  },
  email: value => {
    const address = canonicalEmail(value)
    return demand(address !== undefined, address ?? '', 'email:<local>@<domain>')
  },
  'email-domain': value =>
    demand(/^[^@*\s]+$/.test(value), value.toLowerCase(), 'email-domain:<domain>, without "@" or "*"'),
  group: (value, providers) => checkProvider(value, providers, 'group:<name> or group:<provider>/<name>'),
  role: value => demand(value !== '', value, 'role:<name>'),
  'service-account': value =>
    demand(/^[^/]+\/[^/]+\/[^/]+$/.test(value), value, 'service-account:<cluster>/<namespace>/<name>'),
  client: (value, providers) =>
    demand(
      value.includes('/'),
      checkProvider(value, providers, 'client:<provider>/<client id>'),
      'client:<provider>/<client id>',
    ),
}

const kindNames = ['anyone', 'authenticated', ...Object.keys(kinds)]

function demand(isValid: boolean, value: string, form: string): string {
  if (!isValid) throw new ValueError(`expected ${form}`)
  return value
}

function checkProvider(value: string, providers: readonly string[] | undefined, form: string): string {
  const slash = value.indexOf('/')
  demand(value !== '' && slash !== 0 && slash !== value.length - 1, value, form)
  const provider = value.slice(0, Math.max(slash, 0))
  if (slash !== -1 && providers !== undefined && !providers.includes(provider)) {
    throw new ValueError(`${unknownName('provider', provider, providers)} (a group with a slash is written ${form})`)
  }
  return value
}

/**
 * Canonical form of a row's subject field. Throws `ValueError`.
 * @param providers names of the configured providers; absent when they are not known, and then any is accepted
 */
export function parseSubject(text: string, providers?: readonly string[]): string {
  if (text === 'anyone' || text === 'authenticated') return text
  const colon = text.indexOf(':')
  const kind = colon === -1 ? text : text.slice(0, colon)
  const check = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (check === undefined) throw new ValueError(unknownName('subject', kind, kindNames))
  if (colon === -1) throw new ValueError(`the subject "${kind}" needs a value: ${kind}:<…>`)
  return `${kind}:${check(text.slice(colon + 1), providers)}`
}

/** Local part as it is, domain in lower case; `undefined` for what is not one plain address (RFC 5321 section 4.1.2). */
function canonicalEmail(address: string): string | undefined {
  const parts = address.split('@')
  const [local, domain] = parts
  if (parts.length !== 2 || !local || !domain || /\s/.test(address)) return undefined
  return `${local}@${domain.toLowerCase()}`
}

/** Every name without roles that an identity answers to. Throws for an identity of no known kind. */
export function namesOf(identity: Identity): string[] {
  switch (identity.kind) {
    case 'anonymous':
      return ['anyone']
    case 'user':
      return ['anyone', 'authenticated', `user:${identity.subject}`, ...emailNames(identity), ...groupNames(identity)]
    case 'machine':
      return ['anyone', 'authenticated', ...machineNames(identity), ...groupNames(identity)]
    default:
      throw new TypeError(`an identity of an unknown kind: ${String((identity satisfies never as Identity).kind)}`)
  }
}

function emailNames(identity: User): string[] {
  const address = identity.email === undefined ? undefined : canonicalEmail(identity.email)
  return address === undefined ? [] : [`email:${address}`, `email-domain:${address.slice(address.indexOf('@') + 1)}`]
}

function groupNames({ provider, groups }: User | Machine): string[] {
  const names: string[] = []
  for (const group of groups) {
    if (!group.includes('/')) names.push(`group:${group}`)
    if (!provider.includes('/')) names.push(`group:${provider}/${group}`)
  }
  return names
}

function machineNames({ serviceAccount, client }: Machine): string[] {
  const names: string[] = []
  if (serviceAccount !== undefined) names.push(`service-account:${serviceAccount}`)
  if (client !== undefined) names.push(`client:${client}`)
  return names
}
