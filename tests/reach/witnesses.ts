/** Grants in one line, as witnesses.yaml writes them, and the objects of a cluster that they make. */
import type { Rule } from '../../rbac/kubernetes/rule.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { type DirectMove, directMoves } from '../../rbac/reach/moves/direct.ts'
import { factsOf } from '../../rbac/reach/moves/facts.ts'
import type { Move } from '../../rbac/reach/moves/move.ts'
import type { BindingObject, ClusterObjects, RoleObject } from '../../rbac/reach/objects.ts'

const place = { source: 'witness' }
const plain = { labels: {}, annotations: {}, place }
const subject = { kind: 'User', name: 'alice' } as const

/** `|` is each in turn: `get|list pods|secrets` is four. */
export function expanded(text: string): string[] {
  const words = text.split(' ')
  return words.reduce<string[]>(
    (lines, word) => {
      const choices = word.startsWith('[')
        ? word
            .slice(1, -1)
            .split('|')
            .map(name => `[${name}]`)
        : word.split('|')
      return lines.flatMap(line => choices.map(choice => (line === '' ? choice : `${line} ${choice}`)))
    },
    [''],
  )
}

interface Written {
  readonly rule: Rule
  readonly namespace?: string
}

function parse(text: string): Written {
  const [, verb = '', resource = '', names, namespace] = /^(\S+) (\S+)(?: \[(.*?)\])?(?: @(\S+))?$/.exec(text) ?? []
  if (verb === '') throw new Error(`not a grant: ${text}`)
  const resourceNames =
    names === undefined ? {} : { resourceNames: names.split(' ').map(name => name.replaceAll('"', '')) }
  const isUrl = resource.startsWith('/') || text === 'get *'
  const rule =
    isUrl && !text.includes('@')
      ? { verbs: verb.split(','), nonResourceURLs: [resource] }
      : { ...resourceRule(verb, resource), ...resourceNames }
  return { rule, ...(namespace !== undefined && { namespace }) }
}

function resourceRule(verb: string, resource: string): Rule {
  const [whole = '', sub] = resource.split('/', 2)
  const dot = whole.indexOf('.')
  const [kind, group] = dot === -1 ? [whole, ''] : [whole.slice(0, dot), whole.slice(dot + 1)]
  return { verbs: verb.split(','), apiGroups: [group], resources: [sub === undefined ? kind : `${kind}/${sub}`] }
}

/** Each grant by a role and a binding of its own, for one user; and a binding to an account that is gone. */
export function clusterWith(text: string): ClusterObjects {
  const roles: RoleObject[] = []
  const bindings: BindingObject[] = []
  for (const [at, one] of text.split(' + ').entries()) {
    const { rule, namespace } = parse(one)
    const name = `role-${at}`
    const rules =
      rule.nonResourceURLs?.[0] === '*' ? [rule, { verbs: rule.verbs, apiGroups: [''], resources: ['*'] }] : [rule]
    const inside = namespace === undefined ? {} : { namespace }
    const kind = namespace === undefined ? 'ClusterRole' : 'Role'
    roles.push({ ...plain, ...inside, kind, name, rules })
    bindings.push({
      ...plain,
      ...inside,
      kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
      name,
      roleRef: { kind, name },
      subjects: [subject],
    })
  }
  roles.push({ ...plain, namespace: 'lost', kind: 'Role', name: 'nothing', rules: [] })
  bindings.push({
    ...plain,
    namespace: 'lost',
    kind: 'RoleBinding',
    name: 'waits',
    roleRef: { kind: 'Role', name: 'nothing' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'lost', name: 'gone' }],
  })
  const account = { ...plain, namespace: 'payments', name: 'deployer', secrets: [] }
  return {
    roles,
    bindings,
    serviceAccounts: [account],
    workloads: [],
    secrets: [],
    namespaces: ['payments', 'shop', 'kube-system', 'lost'].map(name => ({ ...plain, name })),
    nodes: [],
    others: [],
    problems: [],
    objectsSeen: 0,
    kindsRead: new Set(['ServiceAccount']),
  }
}

/** Moves of Alice, by these rows. */
export function movesBy(text: string, moves: readonly Move[], serverVersion?: string): readonly DirectMove[] {
  const objects = clusterWith(text)
  const options = serverVersion === undefined ? {} : { serverVersion }
  return directMoves(factsOf(objects, grantsOf(objects), options), moves).filter(one => one.subject === 'user:alice')
}
