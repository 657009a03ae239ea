/**
 * Whom a row speaks of, and the names that an identity answers to (docs/policy.md, "Rows").
 *
 * Threat: an issuer lets people choose group names. Each name here is a prefix that we write plus a value that the
 * issuer wrote, so a group called `role:admin` is `group:role:admin` and nothing else; and a name with a slash answers
 * only to its qualified form, so that no provider can speak in another one's name.
 *
 * Threat: a row denies `Bob@corp.example`, and the provider says `bob@corp.example`. Rows that deny look up another name
 * than rows that allow, one that takes all spellings of an address for the same (docs/adr/0030-a-deny-meets-any-case.md).
 */
import type { Identity, Machine, User } from './identity.ts'
import { ValueError } from './policy-error.ts'
import { unknownName } from './unknown-name.ts'

/** Whose machines there can be. */
export interface MachineNames {
  /** Names of the issuers whose clients come with bearer tokens. */
  readonly issuers: readonly string[]
  /** Names of the clusters whose service accounts do. */
  readonly clusters: readonly string[]
  /** Names of the authorities whose client certificates count. */
  readonly certificates: readonly string[]
}

/** What an application asks about, beside hosts (docs/authzen.md). */
export interface ApplicationNames {
  /** Its domain in rows is `app:<name>`. */
  readonly name: string
  /** Types of its objects. */
  readonly types: readonly string[]
  /** Words for what is done with them. */
  readonly actions: readonly string[]
}

/** What is known of the application of a domain, if it is one's. */
export const applicationOf = (domain: string, { applications }: KnownNames): ApplicationNames | undefined =>
  applications?.find(({ name }) => domain === `app:${name}`)

/** What is known of the configuration; of what is absent any name is accepted. */
export interface KnownNames {
  readonly applications?: readonly ApplicationNames[] | undefined
  readonly providers?: readonly string[] | undefined
  readonly machines?: MachineNames | undefined
  /** Who else may be asked, by the configuration. */
  readonly deciders?: readonly string[] | undefined
  /** Lower-case names of headers that applications are told, and that are taken from nobody. */
  readonly writtenHeaders?: readonly string[] | undefined
}

type Checked = (value: string, known: KnownNames) => string

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
    demand(/^[^@*\s]+$/.test(value), canonicalDomain(value), 'email-domain:<domain>, without "@" or "*"'),
  group: (value, { providers }) => checkIssuer(value, providers, groupForm),
  role: value => demand(value !== '', value, 'role:<name>'),
  'service-account': (value, { machines }) => {
    demand(/^[^/]+\/[^/]+\/[^/]+$/.test(value), value, 'service-account:<cluster>/<namespace>/<name>')
    const cluster = value.slice(0, value.indexOf('/'))
    if (machines !== undefined && !machines.clusters.includes(cluster)) {
      throw new ValueError(unknownName('cluster of service accounts', cluster, machines.clusters))
    }
    return refuseStar(value)
  },
  client: (value, { providers, machines }) => {
    const issuers = machines === undefined ? providers : machines.issuers
    return refuseStar(demand(value.includes('/'), checkIssuer(value, issuers, clientForm), clientForm.form))
  },
  certificate: (value, { machines }) => {
    const { form } = certificateForm
    const checked = demand(value.includes('/'), checkIssuer(value, machines?.certificates, certificateForm), form)
    return refuseStar(canonicalCertificate(checked))
  },
}

interface Form {
  /** What stands before the slash. */
  readonly what: string
  readonly form: string
  readonly note: string
}

const groupForm: Form = {
  what: 'provider',
  form: 'group:<name> or group:<provider>/<name>',
  note: ' (a group with a slash is written group:<name> or group:<provider>/<name>)',
}
const clientForm: Form = {
  what: 'issuer',
  form: 'client:<issuer>/<client id>',
  note: ', among those of machines.issuers',
}

const certificateForm: Form = {
  what: 'authority',
  form: 'certificate:<authority>/<name>',
  note: ', among those of machines.certificates',
}

/** Threat: a deny for `Build.example.com`, and a certificate for `build.example.com`. Only addresses (`spiffe://…`) have a case. */
function canonicalCertificate(value: string): string {
  const slash = value.indexOf('/')
  const name = value.slice(slash + 1)
  return name.includes(':') ? value : `${value.slice(0, slash)}/${name.toLowerCase()}`
}

/** Threat: `repo:octo-org/wiki:*` looks like every job of a repository and is the name of none; a deny for it would deny nobody. */
function refuseStar(value: string): string {
  if (!value.includes('*')) return value
  throw new ValueError(
    'names of machines are compared whole, and "*" stands for nothing: name each, or give each a role',
  )
}

const kindNames = ['anyone', 'authenticated', ...Object.keys(kinds)]

function demand(isValid: boolean, value: string, form: string): string {
  if (!isValid) throw new ValueError(`expected ${form}`)
  return value
}

function checkIssuer(value: string, issuers: readonly string[] | undefined, { what, form, note }: Form): string {
  const slash = value.indexOf('/')
  demand(value !== '' && slash !== 0 && slash !== value.length - 1, value, form)
  const issuer = value.slice(0, Math.max(slash, 0))
  if (slash !== -1 && issuers !== undefined && !issuers.includes(issuer)) {
    throw new ValueError(`${unknownName(what, issuer, issuers)}${note}`)
  }
  return value
}

/** Canonical form of a row's subject field. Throws `ValueError`. */
export function parseSubject(text: string, known: KnownNames = {}): string {
  if (text === 'anyone' || text === 'authenticated') return text
  const colon = text.indexOf(':')
  const kind = colon === -1 ? text : text.slice(0, colon)
  const check = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (check === undefined) throw new ValueError(unknownName('subject', kind, kindNames))
  if (colon === -1) throw new ValueError(`the subject "${kind}" needs a value: ${kind}:<…>`)
  const value = text.slice(colon + 1)
  // Threat: `group: contractors` in a row that denies is a group that nobody is in.
  if (value !== value.trim()) throw new ValueError(`the name after "${kind}:" starts or ends with a space`)
  return `${kind}:${check(value, known)}`
}

/** Local part as it is, domain in its canonical form; `undefined` for what is not one plain address (RFC 5321 section 4.1.2). */
function canonicalEmail(address: string): string | undefined {
  const parts = address.split('@')
  const [local, domain] = parts
  if (parts.length !== 2 || !local || !domain || /\s/.test(address)) return undefined
  return `${local}@${canonicalDomain(domain)}`
}

/** In lower case, and as DNS has it: `münchen.example` and `xn--mnchen-3ya.example` are one domain (RFC 5891). */
function canonicalDomain(domain: string): string {
  if (ascii.test(domain)) return domain.toLowerCase()
  const isPlain = !/[/\\?#:%[\]]/.test(domain) && URL.canParse(`http://${domain}`)
  return isPlain ? new URL(`http://${domain}`).hostname : domain.toLowerCase()
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

/** The one name by which rows mean somebody and nobody else. */
export function subjectNameOf(identity: Machine | User): string {
  const [name = 'client:'] = identity.kind === 'user' ? [`user:${identity.subject}`] : machineNames(identity)
  return name
}

function emailNames({ email }: User): string[] {
  const address = email === undefined ? undefined : canonicalEmail(email)
  if (address === undefined) return []
  const domain = address.slice(address.indexOf('@') + 1)
  return [`email:${address}`, `${anySpelling}email:${foldSpelling(address)}`, `email-domain:${domain}`]
}

/** No kind of subject starts with it, so that no row and no issuer can write such a name. */
const anySpelling = '~'

/**
 * What a row that denies looks up: for an address and for a role, which may have addresses among its members, a name
 * that every spelling of the address answers to; the subject itself for all others. It takes in whoever answers to the
 * subject as it is.
 */
export function nameForDeny(subject: string): string {
  if (subject.startsWith('email:')) return `${anySpelling}${foldSpelling(subject)}`
  return subject.startsWith('role:') ? anySpelling + subject : subject
}

const ascii = /^[\x21-\x7e]*$/

/**
 * One text for all spellings of a text: without case, and in one Unicode form. Wider than Unicode's own folding (`ß` is
 * `ss`, dotless `ı` is `i`, the Kelvin sign is `k`): a deny that meets one name too many is the smaller fault.
 */
export function foldSpelling(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  return text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

/** By which rows mean the groups of an identity. */
export function groupNames({ provider, groups }: User | Machine): string[] {
  const names: string[] = []
  for (const group of groups) {
    if (!group.includes('/')) names.push(`group:${group}`)
    if (!provider.includes('/')) names.push(`group:${provider}/${group}`)
  }
  return names
}

function machineNames({ serviceAccount, client, certificate }: Machine): string[] {
  const names: string[] = []
  if (serviceAccount !== undefined) names.push(`service-account:${serviceAccount}`)
  if (client !== undefined) names.push(`client:${client}`)
  if (certificate !== undefined) names.push(`certificate:${certificate}`)
  return names
}
