/**
 * What could be different about a request: who asks, with which method, from where, when.
 *
 * A change is a proposal and never an answer: whoever collects some has to ask `decide()` what they are worth.
 */

import { namesIn, questionActions, tokenActions } from '../actions.ts'
import type { Context } from '../context.ts'
import type { RuleId } from '../decision.ts'
import { isApplicationDomain, isKubernetesDomain, questionsDomain, tokensDomain } from '../domains.ts'
import type { Identity, Machine, User } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { membersOf } from './role-members.ts'

/** From what a person can change at once to what makes it another request. */
export const changeKinds = [
  'login',
  'address',
  'time',
  'header',
  'claim',
  'certificate',
  'answer',
  'group',
  'method',
  'identity',
] as const

export interface Change {
  readonly kind: (typeof changeKinds)[number]
  /** What is changed. Of two changes to one thing the later replaces the earlier. */
  readonly slot: string
  /** Continues the sentence "would be allowed …". */
  readonly text: string
  /** The row that asks for it. */
  readonly rule: RuleId
  readonly apply: (situation: Situation) => Situation
}

/** Something about the identity; nobody has nothing that could be changed, also where an earlier change made it nobody. */
export const withIdentity =
  <I extends User | Machine>(change: (identity: I, context: Context) => Identity) =>
  (situation: Situation): Situation =>
    situation.identity.kind === 'anonymous'
      ? situation
      : { ...situation, identity: change(situation.identity as I, situation.context) }

/** Another identity, whoever asked before. */
const asIdentity =
  (make: (context: Context) => Identity) =>
  (situation: Situation): Situation => ({ ...situation, identity: make(situation.context) })

/** A person of whom nothing is known but the login. No row can name this subject or the groups of this provider. */
const somebody = (now: number): User => ({
  kind: 'user',
  subject: '#somebody',
  provider: '/',
  groups: [],
  claims: {},
  authTime: now,
})

/** The change that comes before any other one about an identity. */
export function loginChange(rule: RuleId): Change {
  const apply = asIdentity(({ now }) => somebody(now))
  return { kind: 'login', slot: 'identity', text: 'after a login', rule, apply }
}

/** What would give an identity the subject of a row: one change for each member where it is a role. */
export function changesToGain(row: Row, situation: Situation, { roles }: PolicySnapshot): Change[] {
  if (situation.identity.kind === 'anonymous') return [loginChange(row.id)]
  return membersOf(row, situation.request.domain, roles).flatMap(name => {
    const change = gain(name, situation.identity)
    const through = name === row.subject ? '' : ` (${row.subject})`
    return change === undefined ? [] : [{ ...change, text: `${change.text}${through}`, rule: row.id }]
  })
}

type Gain = Omit<Change, 'rule'>

function gain(name: string, identity: Identity): Gain | undefined {
  const colon = name.indexOf(':')
  const value = name.slice(colon + 1)
  switch (name.slice(0, Math.max(colon, 0))) {
    case 'group':
      return gainGroup(value)
    case 'email':
    case 'email-domain':
      return identity.kind === 'user'
        ? gainEmail(name.startsWith('email:') ? value : `somebody@${value}`, name)
        : other(name)
    case 'user':
    case 'service-account':
    case 'client':
    case 'certificate':
      return other(name)
    default:
      return undefined
  }
}

/** Being in a group, named as in a row. */
export function gainGroup(value: string): Gain {
  const slash = value.indexOf('/')
  const group = value.slice(slash + 1)
  const provider = slash === -1 ? {} : { provider: value.slice(0, slash) }
  return {
    kind: 'group',
    slot: `group ${group}`,
    text: `with group "${value}"`,
    apply: withIdentity((identity: User | Machine) => ({
      ...identity,
      ...provider,
      groups: [...identity.groups, group],
    })),
  }
}

function gainEmail(email: string, name: string): Gain {
  const text = name.startsWith('email:') ? `with the address ${email}` : `with an address at ${name.slice(13)}`
  return { kind: 'identity', slot: 'email', text, apply: withIdentity((identity: User) => ({ ...identity, email })) }
}

/** Somebody else, of whom only the name is known. */
function other(name: string): Gain | undefined {
  const identity = identityNamed(name, 0)
  if (identity === undefined) return undefined
  const apply = asIdentity(({ now }) => identityNamed(name, now) ?? identity)
  return { kind: 'identity', slot: 'identity', text: `as ${name}`, apply }
}

/**
 * The identity that answers to a subject and otherwise only to what comes with it: an address belongs to its domain, a
 * provider's group is also a group. `undefined` for a role, which is nobody by itself.
 */
export function identityNamed(subject: string, authTime: number): Identity | undefined {
  const colon = subject.indexOf(':')
  const value = subject.slice(colon + 1)
  const slash = value.indexOf('/')
  const user = somebody(authTime)
  const machine = { kind: 'machine', subject: `#${value}`, groups: [], claims: {} } as const
  switch (colon === -1 ? subject : subject.slice(0, colon)) {
    case 'anyone':
      return { kind: 'anonymous' }
    case 'authenticated':
      return user
    case 'user':
      return { ...user, subject: value }
    case 'email':
      return { ...user, email: value }
    case 'email-domain':
      return { ...user, email: `somebody@${value}` }
    case 'group':
      return { ...user, ...(slash === -1 ? {} : { provider: value.slice(0, slash) }), groups: [value.slice(slash + 1)] }
    case 'service-account':
      return { ...machine, provider: '/', serviceAccount: value }
    case 'client':
      return { ...machine, provider: value.slice(0, slash), client: value }
    case 'certificate':
      return { ...machine, provider: value.slice(0, slash), certificate: value }
    default:
      return undefined
  }
}

/** What would take the subject of a row from an identity. Nobody can stop being who they are. */
export function changesToLose(row: Row, { identity, request }: Situation, { addRoles }: PolicySnapshot): Change[] {
  if (identity.kind === 'anonymous') return []
  const leadsThere = (...names: string[]): boolean => {
    const all = new Set(names)
    addRoles(all, request.domain)
    return all.has(row.whom)
  }
  const groups = identity.groups.filter(
    group =>
      (!group.includes('/') && leadsThere(`group:${group}`)) || leadsThere(`group:${identity.provider}/${group}`),
  )
  return [...new Set(groups)].map(group => ({
    kind: 'group',
    slot: `group ${group}`,
    text: `without group "${group}"`,
    rule: row.id,
    apply: withIdentity((before: User | Machine) => ({
      ...before,
      groups: before.groups.filter(own => own !== group),
    })),
  }))
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']

function usualActions(domain: string): readonly string[] {
  if (domain === tokensDomain) return tokenActions
  if (domain === questionsDomain) return questionActions
  if (isApplicationDomain(domain)) return []
  return isKubernetesDomain(domain) ? verbs : methods
}

/** The usual methods, and those that the row names, that do or do not fit it. */
export function changesOfMethod(row: Row, { request }: Situation, wanted: boolean): Change[] {
  const { domain } = request
  const isVerb = isKubernetesDomain(domain)
  return [...new Set([...usualActions(domain), ...namesIn(row.action, domain)])]
    .filter(action => action !== request.action && row.fitsAction(action) === wanted)
    .map(action => ({
      kind: 'method',
      slot: 'method',
      text: `with ${isVerb ? 'verb' : isApplicationDomain(domain) ? 'action' : 'method'} ${action}`,
      rule: row.id,
      apply: situation => ({ ...situation, request: { ...situation.request, action } }),
    }))
}
