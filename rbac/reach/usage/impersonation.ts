/**
 * Which rights it took to ask as somebody else (k8s.io/apiserver 1.37, pkg/endpoints/filters/impersonation): one check for each name,
 * of the requester. An event names the impersonated only after all of them have passed, so that they were used is certain.
 */
import type { AccessQuestion } from '../grant.ts'
import { builtInGroups, userSubject } from '../subject.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * @param user `impersonatedUser` of the event
 * @param constraint `authenticationMetadata.impersonationConstraint`: the verb of constrained impersonation (KEP-5284), or empty
 * @param question what was asked as that person
 */
export function impersonationOf(user: Fields, constraint: string, question: AccessQuestion): readonly AccessQuestion[] {
  const name = text(user.username)
  const isConstrained = constraint.startsWith('impersonate:')
  const verb = isConstrained ? constraint : 'impersonate'
  const identities = identityQuestions(user, name).map(one => ({
    verb,
    ...one,
    ...(isConstrained && { group: 'authentication.k8s.io' }),
  }))
  if (!isConstrained) return identities
  const mode = constraint.slice('impersonate:'.length)
  const node = name.startsWith('system:node:') ? name.slice('system:node:'.length) : undefined
  // Of a node there is one check, and of the node that the requester runs on it is one for any name.
  if (node !== undefined && mode.endsWith('-node')) {
    const nodeName = mode === 'associated-node' ? '*' : node
    const one = { verb, group: 'authentication.k8s.io', resource: 'nodes', name: nodeName }
    return [one, { ...question, verb: `impersonate-on:${mode}:${question.verb}` }]
  }
  return [...identities, { ...question, verb: `impersonate-on:${mode}:${question.verb}` }]
}

type Identity = Omit<Exclude<AccessQuestion, { readonly path: string }>, 'verb'>

function identityQuestions(user: Fields, name: string): readonly Identity[] {
  const subject = userSubject(name)
  const own: Identity =
    subject.kind === 'service-account'
      ? { group: '', resource: 'serviceaccounts', namespace: subject.namespace, name: subject.name }
      : { group: '', resource: 'users', name }
  // These come by themselves, so nobody was asked whether he may be in them.
  const free = new Set([...builtInGroups(subject), 'system:authenticated', 'system:unauthenticated'])
  const groups = texts(user.groups).filter(group => !free.has(group))
  const extra = typeof user.extra === 'object' && user.extra !== null ? Object.entries(user.extra) : []
  const authentication = 'authentication.k8s.io'
  return [
    own,
    ...groups.map(group => ({ group: '', resource: 'groups', name: group })),
    ...(text(user.uid) === '' ? [] : [{ group: authentication, resource: 'uids', name: text(user.uid) }]),
    ...extra.flatMap(([key, values]) =>
      texts(values).map(value => ({ group: authentication, resource: 'userextras', subresource: key, name: value })),
    ),
  ]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const texts = (values: unknown): readonly string[] =>
  Array.isArray(values) ? values.filter(value => typeof value === 'string') : []
