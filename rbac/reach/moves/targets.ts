/**
 * Whom a move reaches. "Any service account of a namespace" is one node, not one edge for each of them: a cluster of five
 * thousand accounts stays small, and the accounts that come later are meant as well.
 */
import type { NodeId } from '../finding.ts'
import type { WorkloadObject } from '../objects.ts'
import { accountSubject, idOf, type SubjectId } from '../subject.ts'
import { type Facts, namespaceOfAccount, workloadId } from './facts.ts'
import type { At, Reach, Told } from './move.ts'
import type { Use } from './need.ts'

/** `any`, or the names that the rules list. */
export function namesOf(uses: readonly Use[]): 'any' | readonly string[] {
  if (uses.some(({ names }) => names === undefined)) return 'any'
  return [...new Set(uses.flatMap(({ names = [] }) => names))].sort()
}

export const usesOn = ({ uses }: At, resource: string, subresource?: string): readonly Use[] =>
  uses.filter(({ right }) => right.resource === resource && right.subresource === subresource)

export const accountsId = (namespace = '*'): NodeId => `service-accounts:${namespace}`
export const podsId = (namespace = '*'): NodeId => `pods:${namespace}`
export const secretsId = (namespace?: string): NodeId =>
  namespace === undefined ? 'sink:all-secrets' : `secrets:${namespace}`
export const namespaceId = (namespace = '*'): NodeId => `namespace:${namespace}`

const scopeOf = (namespace: string | undefined): string => namespace ?? '*'

/** @param mustExist a token is minted for an account that is there; impersonated is whoever a binding names */
export function accounts(at: At, uses: readonly Use[], mustExist: boolean): Reach {
  const names = namesOf(uses)
  const { namespace, facts } = at
  if (names === 'any') return { to: mustExist ? [accountsId(scopeOf(namespace))] : whoever(at) }
  const places = namespace === undefined ? facts.namespaces : [namespace]
  const named = places.flatMap(place => names.map(name => idOf(accountSubject(place, name))))
  const bound = new Set(facts.grants.subjects)
  const isThere = (id: string) => facts.isAccount(id) || (!mustExist && bound.has(id))
  // Of the whole cluster a name stands for one account in each namespace: most of them will never be there.
  return { to: named.filter(isThere), maybe: namespace === undefined ? [] : named.filter(id => !isThere(id)) }
}

/** Every account there, and each that a binding names and that is not there: to be judged by its name it need not be. */
export const whoever = ({ namespace, facts }: At): NodeId[] => [
  accountsId(scopeOf(namespace)),
  ...missingAccounts(facts, namespace),
]

export const missingAccounts = (facts: Facts, namespace: string | undefined): SubjectId[] => [
  ...new Set(
    facts.missingAccounts
      .map(({ subject }) => subject)
      .filter(id => namespace === undefined || namespaceOfAccount(id) === namespace),
  ),
]

export function secrets(at: At, uses: readonly Use[]): Reach {
  const names = namesOf(uses)
  if (names === 'any') return { to: [secretsId(at.namespace)] }
  const places =
    at.namespace === undefined ? [...new Set(at.facts.objects.secrets.map(one => one.namespace))] : [at.namespace]
  const known = new Set(at.facts.objects.secrets.map(({ namespace, name }) => `${namespace}/${name}`))
  const named = places.flatMap(place => names.map(name => `${place}/${name}`))
  const kept = at.namespace === undefined ? named.filter(one => known.has(one)) : named
  return { to: kept.map((one): NodeId => `secret:${one}`) }
}

export function pods(at: At, uses: readonly Use[]): Reach {
  const names = namesOf(uses)
  if (names === 'any') return { to: [podsId(scopeOf(at.namespace))] }
  const places = at.namespace === undefined ? at.facts.namespaces : [at.namespace]
  const running = places.flatMap(place => at.facts.workloadsIn(place))
  return { to: running.filter(one => names.some(name => isPodOf(one, name))).map(workloadId) }
}

/** Pods are called after what made them: `web-0` of a StatefulSet, `web-5d4f-x7` of a Deployment. */
const isPodOf = ({ kind, name }: WorkloadObject, pod: string): boolean =>
  kind === 'Pod' ? pod === name : pod.startsWith(`${name}-`)

/** Whoever writes a pod's template runs as any account of its namespace, and reads any Secret there. */
export function newPods(at: At): Reach {
  const { namespace, facts } = at
  const inside = [accountsId(scopeOf(namespace)), secretsId(namespace)]
  // With the label, admission refuses what leaves the container; the whole cluster always has a namespace without it.
  const canLeave = namespace === undefined || facts.letsPodsEscape(namespace)
  return { to: canLeave ? [...inside, 'sink:node'] : inside }
}

export const told = (text: string, of: (at: At) => Reach): Told<Reach> => ({ text, of })

/** Said, and never walked. */
export const perhaps = (text: string, ...maybe: readonly NodeId[]): Told<Reach> => ({
  text,
  of: () => ({ to: [], maybe }),
})
