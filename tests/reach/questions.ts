/**
 * Questions about who may do what, by a seed: half of them near a rule that somebody holds, so that many are allowed, and each
 * of those with a part exchanged now and then.
 */
import type { AccessQuestion, Given, Grants } from '../../rbac/reach/grant.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { type Asker, askerOf, type SubjectId, subjectOf, userSubject } from '../../rbac/reach/subject.ts'

export interface Asked {
  readonly asker: Asker
  readonly question: AccessQuestion
}

/** mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const otherVerbs = [
  'get',
  'list',
  'create',
  'delete',
  'deletecollection',
  'impersonate',
  'bind',
  'escalate',
  '*',
  'nothing',
]
const otherPaths = [
  '/',
  '/metrics',
  '/healthz',
  '/healthz/etcd',
  '/logs',
  '/logs/',
  '/logs/a',
  '/api',
  '/api/v1',
  '/apis/x',
]

/** What rules and bindings speak of, and a little of what they do not. */
function poolOf(grants: Grants, { roles }: ClusterObjects) {
  const given = grants.subjects.flatMap(subject => grants.rolesOf(subject))
  // Bindings to nothing: as if they gave a role of the same name, of another kind or in another namespace.
  const ghosts = grants.dead.flatMap(({ binding, reason }): Given[] => {
    const role = reason === 'no-such-role' ? roles.find(({ name }) => name === binding.roleRef.name) : undefined
    const subject = binding.subjects.find(({ kind }) => kind !== 'ServiceAccount')
    if (role === undefined || subject === undefined) return []
    const { namespace } = binding
    const id = `${subject.kind === 'Group' ? 'group' : 'user'}:${subject.name}`
    return [{ subject: id, role, binding, ...(namespace !== undefined && { namespace }) }]
  })
  const odd = [...given.filter(({ binding }) => binding.name.startsWith('odd-')), ...ghosts, ...ghosts, ...ghosts]
  const rules = [...new Set(given.map(({ role }) => role))].flatMap(({ rules }) => rules)
  const all = (pick: (rule: (typeof rules)[number]) => readonly string[] | undefined, ...more: string[]): string[] => [
    ...new Set([...rules.flatMap(rule => pick(rule) ?? []), ...more]),
  ]
  const groups = grants.subjects.filter(id => id.startsWith('group:')).map(id => id.slice('group:'.length))
  return {
    given,
    odd,
    verbs: all(({ verbs }) => verbs, ...otherVerbs),
    apiGroups: all(({ apiGroups }) => apiGroups, '', 'example.com'),
    resources: all(({ resources }) => resources, 'secrets', 'pods/exec', 'things', 'things/scale', 'nodes/proxy'),
    names: all(({ resourceNames }) => resourceNames, 'core', '*'),
    paths: all(({ nonResourceURLs }) => nonResourceURLs, ...otherPaths),
    namespaces: [...new Set([...given.flatMap(({ namespace }) => namespace ?? []), 'nowhere'])],
    groups: [...groups, 'system:masters'],
  }
}

export interface QuestionsOptions {
  readonly grants: Grants
  readonly objects: ClusterObjects
  readonly seed: number
  readonly count: number
}

export function* questionsNear({ grants, objects, seed, count }: QuestionsOptions): Generator<Asked> {
  const random = createRandom(seed)
  const pool = poolOf(grants, objects)
  const chance = (part: number): boolean => random() < part
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const subjects: readonly SubjectId[] = [
    ...grants.subjects,
    ...['user:alice', 'user:mallory', 'user:system:anonymous', 'service-account:nowhere/nobody'],
    ...['user:system:masters', 'group:system:masters'],
  ]
  for (let at = 0; at < count; at++)
    yield at % 2 === 0
      ? near(one(chance(0.2) && pool.odd.length > 0 ? pool.odd : pool.given))
      : { asker: somebody(), question: anything() }

  function somebody(): Asker {
    const more = chance(0.2) ? [one(pool.groups.filter(group => group !== 'system:masters' || chance(0.05)))] : []
    return askerOf(subjectOf(one(subjects)), more)
  }

  /** Whoever holds it: a member of the group, or the group itself. */
  function holderOf(id: SubjectId): Asker {
    const subject = subjectOf(id)
    if (subject.kind !== 'group' || chance(0.3)) return askerOf(subject)
    return askerOf(userSubject('alice'), [subject.name])
  }

  function anything(): AccessQuestion {
    if (chance(0.1)) return { verb: one(pool.verbs), path: one(pool.paths) }
    return resource({ verb: one(pool.verbs), group: one(pool.apiGroups), resources: one(pool.resources) })
  }

  interface Parts {
    readonly verb: string
    readonly group: string
    /** As a rule writes it. */
    readonly resources: string
    readonly namespace?: string | undefined
    readonly name?: string | undefined
  }

  function resource({ verb, group, resources, ...scope }: Parts): AccessQuestion {
    const [plain = '', subresource] = resources.split('/')
    const namespace = 'namespace' in scope ? scope.namespace : chance(0.6) ? one(pool.namespaces) : undefined
    const name = 'name' in scope ? scope.name : chance(0.4) ? one(pool.names) : undefined
    return {
      ...{ verb, group, resource: plain === '*' && chance(0.9) ? (one(pool.resources).split('/')[0] ?? '') : plain },
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
    }
  }

  function unstarred(value: string | undefined, others: readonly string[]): string {
    return value === undefined || (value === '*' && chance(0.9)) || chance(0.08) ? one(others) : value
  }

  /** What seems to be a pattern is taken for one now and then. */
  function resourceNear(resource: string): string {
    if (chance(0.05)) return one(pool.resources)
    return resource.endsWith('/*') && chance(0.5) ? resource.replace('*', one(['exec', 'log'])) : resource
  }

  function pathNear(path: string): string {
    return chance(0.7) ? path.replace(/\*+(?=$|\/)/, one(['', 'x', '/y', '*'])) : path
  }

  function near({ subject, namespace, role }: Given): Asked {
    const rule = one(role.rules)
    const asker = chance(0.1) ? somebody() : holderOf(subject)
    if (rule === undefined) return { asker, question: anything() }
    const verb = unstarred(one(rule.verbs), pool.verbs)
    const { nonResourceURLs = [] } = rule
    if (nonResourceURLs.length > 0)
      return { asker, question: { verb, path: pathNear(unstarred(one(nonResourceURLs), pool.paths)) } }
    const { apiGroups = [], resources = [], resourceNames = [] } = rule
    const isNamed = resourceNames.length > 0
    const question = resource({
      verb,
      group: unstarred(one(apiGroups), pool.apiGroups),
      resources: resourceNear(unstarred(one(resources), pool.resources)),
      namespace: chance(0.15)
        ? one([undefined, ...pool.namespaces])
        : (namespace ?? one([undefined, one(pool.namespaces)])),
      name: chance(isNamed ? 0.8 : 0.3) ? unstarred(one(isNamed ? resourceNames : pool.names), pool.names) : undefined,
    })
    return { asker, question }
  }
}
