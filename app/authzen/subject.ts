/**
 * Whom a question is about, as rows know them.
 *
 * Threat: an application says of somebody that they are in a group, and is believed. So it is only where a row lets it say so; a
 * session of the person is believed before it. Threat: what nobody has told is taken as "is not": of an unknown group no row that
 * denies would apply. So it is said that it was not told (`User.untold`).
 *
 * Whoever is not known is nobody: they may do what anybody may, as at every front, and nothing tells them apart.
 */
import { anonymous, type Identity, type Machine, type Untold, type User } from '../../rbac/identity.ts'
import type { KnownPerson, QuestionDependencies } from './dependencies.ts'
import { type Entity, type Fields, own } from './message.ts'

/** Types of subjects, and how rows call their kind. `identity` is what API gateways of the working group say for a person. */
export const subjectKinds: Readonly<
  Record<string, 'user' | 'email' | 'service-account' | 'client' | 'certificate' | undefined>
> = Object.assign(Object.create(null), {
  user: 'user',
  identity: 'user',
  email: 'email',
  'service-account': 'service-account',
  client: 'client',
  certificate: 'certificate',
})

type Known = Pick<QuestionDependencies, 'people' | 'machines' | 'newestSession'>

/** `said`: properties that are believed. Rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell. */
export async function identityOf(subject: Entity, said: Fields, known: Known): Promise<Identity> {
  switch (subjectKinds[subject.type]) {
    case 'user':
      return personOf(subject, said, known)
    case 'email':
      return personByAddress(subject.id, said)
    case undefined:
      return anonymous
    default:
      return machineOf(subject, known)
  }
}

async function personOf({ id, properties }: Entity, said: Fields, { people, newestSession }: Known): Promise<Identity> {
  const provider = providerOf(id, own(properties, 'provider'), people)
  if (provider === undefined) return anonymous
  const subject = id.includes('#') ? id : `${provider.issuer}#${id}`
  const base = { kind: 'user', subject, provider: provider.name, claims: claimsIn(said) } as const
  const session = await newestSession?.(subject)
  return session === undefined ? withSaid(base, said) : ofSession(base, session)
}

/** By the issuer in the id, by what the question says beside it, or the usual one. */
function providerOf(id: string, named: unknown, { providers, usual }: Known['people']) {
  const issuer = id.includes('#') ? id.slice(0, id.indexOf('#')) : undefined
  // Nobody has an empty name.
  if (issuer !== undefined && id.length === issuer.length + 1) return undefined
  const found = providers.filter(provider => issuer === undefined || provider.issuer === issuer)
  if (named !== undefined) return found.find(({ name }) => name === named)
  // Threat: of two providers with one issuer, the groups of the other.
  if (issuer !== undefined && found.length > 1) return found.find(({ name }) => name === usual)
  return issuer === undefined ? found.find(({ name }) => name === usual) : found[0]
}

type PersonBase = Pick<User, 'kind' | 'subject' | 'provider' | 'claims'>

const ofSession = (base: PersonBase, { email, groups, authTime, amr, acr }: KnownPerson): User => ({
  ...base,
  groups,
  ...(email !== undefined && { email }),
  ...(authTime !== undefined && { authTime }),
  ...(amr !== undefined && { amr }),
  ...(acr !== undefined && { acr }),
})

function withSaid(base: PersonBase, said: Fields): User {
  const groups = textsIn(said, 'groups')
  const email = own(said, 'email_verified') === true ? addressIn(own(said, 'email')) : undefined
  const untold = [
    ...(email === undefined ? ['email' as const] : []),
    ...(groups === undefined ? ['groups' as const] : []),
  ]
  return { ...base, groups: groups ?? [], ...(email !== undefined && { email }), ...loginIn(said), ...untoldOf(untold) }
}

/** Of whom the address is all that is known: which person it is nobody can tell. */
function personByAddress(id: string, said: Fields): Identity {
  const email = addressIn(id)
  if (email === undefined) return anonymous
  const groups = textsIn(said, 'groups')
  const untold: readonly Untold[] = groups === undefined ? ['user', 'groups'] : ['user']
  const base = { kind: 'user', subject: '', provider: '', claims: claimsIn(said) } as const
  return { ...base, email, groups: groups ?? [], ...loginIn(said), ...untoldOf(untold) }
}

const untoldOf = (untold: readonly Untold[]): Pick<User, 'untold'> => (untold.length === 0 ? {} : { untold })

/** The domain of an address has no case. */
function addressIn(value: unknown): string | undefined {
  const [, local, domain] = typeof value === 'string' ? (/^([^@\s]{1,64})@([^@\s]{1,253})$/.exec(value) ?? []) : []
  return local === undefined || domain === undefined ? undefined : `${local}@${domain.toLowerCase()}`
}

function loginIn(said: Fields): Pick<User, 'authTime' | 'amr' | 'acr'> {
  const [authTime, acr, amr] = [own(said, 'auth_time'), own(said, 'acr'), textsIn(said, 'amr')]
  return {
    ...(typeof authTime === 'number' && Number.isFinite(authTime) && { authTime }),
    ...(typeof acr === 'string' && { acr }),
    ...(amr !== undefined && { amr }),
  }
}

const notClaims: ReadonlySet<string> = new Set(['groups', 'email', 'email_verified', 'auth_time', 'amr', 'acr'])

const claimsIn = (said: Fields): Fields =>
  Object.fromEntries(Object.entries(said).filter(([name]) => !notClaims.has(name)))

function textsIn(fields: Fields, name: string): readonly string[] | undefined {
  const value = own(fields, name)
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}

function machineOf({ type, id }: Entity, { machines }: Known): Identity {
  const slash = id.indexOf('/')
  const [issuer, name] = [id.slice(0, Math.max(slash, 0)), id.slice(slash + 1)]
  if (issuer === '' || name === '') return anonymous
  const base = { kind: 'machine', subject: `#${id}`, provider: issuer, groups: [], claims: {} } as const
  return namedMachine(type, { issuer, name, id }, machines, base) ?? anonymous
}

interface MachineName {
  readonly issuer: string
  readonly name: string
  readonly id: string
}

function namedMachine(
  type: string,
  { issuer, name, id }: MachineName,
  { clusters, issuers, certificates }: Known['machines'],
  base: Omit<Machine, 'serviceAccount' | 'client' | 'certificate'>,
): Machine | undefined {
  if (type === 'service-account')
    return clusters.includes(issuer) && /^[^/]+\/[^/]+$/.test(name) ? { ...base, serviceAccount: id } : undefined
  if (type === 'client') return issuers.includes(issuer) ? { ...base, client: id } : undefined
  // As rows have it: only addresses (`spiffe://…`) have a case.
  const canonical = name.includes(':') ? id : `${issuer}/${name.toLowerCase()}`
  return certificates.includes(issuer) ? { ...base, certificate: canonical } : undefined
}
