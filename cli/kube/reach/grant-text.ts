/** Grants and rules in words. */
import type { Rule } from '../../../rbac/kubernetes/rule.ts'
import type { AccessQuestion, Given, Grant } from '../../../rbac/reach/grant.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { type Memberships, membersOfGroup } from '../../../rbac/reach/people/read-users.ts'
import type { SubjectId } from '../../../rbac/reach/subject.ts'
import { placeText } from './problems-text.ts'

export const bindingText = ({ binding }: Pick<Given, 'binding'>): string =>
  `${binding.kind} ${binding.namespace === undefined ? '' : `${binding.namespace}/`}${binding.name}`

export const roleText = ({ role }: Pick<Given, 'role'>): string =>
  `${role.kind} ${role.namespace === undefined ? '' : `${role.namespace}/`}${role.name}`

/** By which binding, of which role, by which rule of it, and where that one stands. */
export const byText = (grant: Grant): string =>
  `by ${bindingText(grant)} of ${roleText(grant)}, rule ${grant.ruleIndex + 1} (${placeText(grant.role.place)})`

/** `get, list on pods, pods/log`. */
export function ruleText({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: Rule): string {
  const groups = apiGroups.filter(group => group !== '').join(', ')
  const what = [
    ...(resources.length > 0
      ? [
          `${resources.join(', ')}${groups === '' ? '' : ` of ${groups}${apiGroups.includes('') ? ' and the core' : ''}`}`,
        ]
      : []),
    ...(nonResourceURLs.length > 0 ? [nonResourceURLs.join(', ')] : []),
  ]
  const names = resourceNames.length === 0 ? '' : `, only ${resourceNames.join(', ')}`
  return `${verbs.length === 0 ? 'nothing' : verbs.join(', ')} on ${what.join(' and ') || 'nothing'}${names}`
}

export function questionText(question: AccessQuestion): string {
  if ('path' in question) return `${question.verb} ${question.path}`
  const { verb, group, resource, subresource, name } = question
  const whole = `${resource}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
  return `${verb} ${whole}${name === undefined ? '' : ` ${name}`}`
}

const mostNamed = 10

/** `alice, bob and 3 more`. */
export function fewOf(people: readonly SubjectId[]): string {
  const names = people.map(id => id.slice(id.indexOf(':') + 1))
  if (names.length <= mostNamed) return names.join(', ')
  return `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more`
}

/** Who is in a group: as somebody said, or what it means that nobody has to be put into; empty for any other. */
export function membersText(
  subject: SubjectId,
  { serviceAccounts }: ClusterObjects,
  memberships: Memberships = new Map(),
): string {
  const people = subject.startsWith('group:') ? membersOfGroup(memberships, subject.slice('group:'.length)) : []
  if (people.length > 0) return fewOf(people)

  const count = (accounts: readonly unknown[]): string =>
    accounts.length === 1 ? 'the one service account' : `${accounts.length} service accounts`
  if (subject === 'group:system:authenticated') return `everybody who is logged in, and ${count(serviceAccounts)}`
  if (subject === 'group:system:unauthenticated') return 'everybody who is not logged in'
  if (subject === 'group:system:serviceaccounts') return count(serviceAccounts)
  const [, namespace] = /^group:system:serviceaccounts:(.+)$/.exec(subject) ?? []
  return namespace === undefined ? '' : count(serviceAccounts.filter(account => account.namespace === namespace))
}
