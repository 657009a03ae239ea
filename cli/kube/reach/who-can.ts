/** Who can do one thing, by which grant. */
import { isClusterResource } from '../../../rbac/reach/cluster-resources.ts'
import type { AccessQuestion, Grant } from '../../../rbac/reach/grant.ts'
import { grantsOf } from '../../../rbac/reach/grants.ts'
import type { Reached } from '../../../rbac/reach/graph/ahead.ts'
import type { ReviewOptions } from '../../../rbac/reach/moves/facts.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { membersOfGroup } from '../../../rbac/reach/people/read-users.ts'
import { askerOf, idOf, type Subject, type SubjectId } from '../../../rbac/reach/subject.ts'
import { printable } from '../../../spelling/printable.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { eventualJson, eventualText, whoEventually } from './eventual.ts'
import { versionOf } from './filters.ts'
import { byText, membersText, questionText } from './grant-text.ts'
import { type InputChoice, readObjects } from './input.ts'
import { jsonText } from './json-text.ts'
import { type PeopleChoice, peopleOptions, readPeople } from './people-input.ts'
import { problemsText } from './problems-text.ts'
import { type AskedResource, resourceOf } from './resource-names.ts'
import { readSubject } from './subject-argument.ts'
import { wrapped } from './wrapped.ts'

export interface WhoCanChoice extends InputChoice, PeopleChoice {
  /** Whose alone is shown, by what binds it or a group that it is in. */
  readonly subject?: string
  readonly serverVersion?: string
  readonly namespace?: string
  readonly allNamespaces?: boolean
  readonly name?: string
  readonly eventual?: boolean
  readonly json?: boolean
}

interface Scope {
  readonly question: AccessQuestion
  /** In the whole cluster, and wherever somebody holds it in one namespace. */
  readonly isAnywhere: boolean
  readonly words: string
  readonly remark?: string
}

export async function runWhoCan(verb: string, what: string, choice: WhoCanChoice, terminal: Terminal): Promise<number> {
  const scope = scopeOf(verb, what, choice)
  const only = choice.subject === undefined ? undefined : readSubject(choice.subject)
  const people = await readPeople(choice, terminal)
  const objects = await readObjects(choice, terminal)
  const options = { ...peopleOptions(people, objects), ...versionOf(choice) }
  const { question } = scope
  const all = grantsOf(objects)
    .allowingAnybody(question, scope.isAnywhere ? 'anywhere' : 'as-asked')
    .toSorted((one, other) => orderOf(one).localeCompare(orderOf(other)))
  const holders = new Set(all.map(({ subject }) => subject))
  const isShown = shownOf(only, options)
  const found = all.filter(({ subject }) => isShown(subject))
  const eventually = choice.eventual
    ? whoEventually(objects, holders, options).filter(({ node }) => only === undefined || node === idOf(only))
    : undefined
  const around = { objects, terminal, options, ...(eventually !== undefined && { eventually }) }
  terminal.write(choice.json ? json(scope, found, around) : text(scope, found, around))
  return exitCodes.ok
}

/** Of a subject what its groups hold is its own. */
function shownOf(only: Subject | undefined, { memberships }: ReviewOptions): (holder: SubjectId) => boolean {
  if (only === undefined) return () => true
  const { id, groups } = askerOf(only, memberships?.get(idOf(only)) ?? [])
  const spellings = new Set<SubjectId>([id, ...groups.map((group): SubjectId => `group:${group}`)])
  return holder => spellings.has(holder)
}

const orderOf = ({ subject, namespace = '' }: Grant): string => `${namespace === '' ? 0 : 1} ${subject} ${namespace}`

function scopeOf(verb: string, what: string, { namespace, allNamespaces = false, name }: WhoCanChoice): Scope {
  if (namespace !== undefined && allNamespaces)
    throw new Error('--namespace asks for one, --all-namespaces for all at once: give one')
  if (what.startsWith('/')) return { question: { verb, path: what }, isAnywhere: false, words: '' }
  const { isGuess, ...resource } = resourceOf(what)
  const remark = isGuess
    ? `Nobody here knows ${what}: asked as one of the core; write ${what}.<group> for another.`
    : undefined
  const question = { verb, ...resource, ...(name !== undefined && { name }) }
  const base = { question, ...(remark !== undefined && { remark }) }
  if (isOfCluster(resource)) {
    const ofAll = `${resource.resource} belong to no namespace: asked of the whole cluster.`
    return { ...base, isAnywhere: false, words: '', ...(namespace !== undefined && { remark: ofAll }) }
  }
  if (namespace !== undefined)
    return { ...base, question: { ...question, namespace }, isAnywhere: false, words: ` in ${namespace}` }
  if (allNamespaces) return { ...base, isAnywhere: false, words: ' in all namespaces at once' }
  return { ...base, isAnywhere: true, words: ', in the whole cluster or in a namespace' }
}

const isOfCluster = ({ group, resource }: Pick<AskedResource, 'group' | 'resource'>): boolean =>
  isClusterResource(group, resource)

interface Around {
  readonly objects: ClusterObjects
  readonly terminal: Terminal
  readonly options: ReviewOptions
  readonly eventually?: readonly Reached[]
}

function text(
  { question, words, remark }: Scope,
  found: readonly Grant[],
  { objects, terminal, options, eventually }: Around,
): string {
  const { colors } = terminal
  const masters = 'group:system:masters may do everything, and no binding says so.'
  const subjects = new Set(found.map(({ subject }) => subject)).size
  const lines = found.map(grant => {
    const { subject, namespace } = grant
    const members = membersText(subject, objects, options.memberships)
    const who = wrapped(`${colors.bold(printable(subject))}${members === '' ? '' : ` (${members})`}`, {
      first: '',
      rest: '  ',
    })
    const where = namespace === undefined ? 'in the whole cluster' : `in ${namespace}`
    return `${who}${wrapped(printable(`${where}, ${byText(grant)}`), { first: '    ', rest: '    ' })}`
  })
  return [
    wrapped(
      `Who can ${printable(questionText(question))}${printable(words)}: ${subjects === 0 ? 'nobody' : subjects}, by bindings`,
      { first: '', rest: '  ' },
    ),
    ...lines,
    ...[masters, ...(remark === undefined ? [] : [remark])].map(line =>
      wrapped(printable(line), { first: '', rest: '' }),
    ),
    ...(eventually === undefined ? [] : [eventualText('Who can become one of them, or everything', eventually)]),
    problemsText(objects),
  ].join('')
}

function json(
  { question, isAnywhere }: Scope,
  found: readonly Grant[],
  { objects, options, eventually }: Around,
): string {
  const { problems, objectsSeen } = objects
  const { memberships = new Map() } = options
  const groups = [...new Set(found.map(({ subject }) => subject))].filter(id => id.startsWith('group:'))
  const members = Object.fromEntries(
    groups.flatMap(id => {
      const people = membersOfGroup(memberships, id.slice('group:'.length))
      return people.length === 0 ? [] : [[id, people] as const]
    }),
  )
  const grants = found.map(({ subject, namespace, binding, role, rule, ruleIndex }) => ({
    subject,
    ...(namespace !== undefined && { namespace }),
    binding: reference(binding),
    role: reference(role),
    ruleIndex,
    rule,
  }))
  const masters = 'group:system:masters'
  const later = eventually === undefined ? {} : { eventually: eventualJson(eventually) }
  const answer = { question, isAnywhere, withoutGrant: [masters], grants, members, ...later }
  return jsonText({ ...answer, objectsSeen, problems })
}

export const reference = ({ kind, namespace, name, place }: Grant['binding'] | Grant['role']) => ({
  kind,
  ...(namespace !== undefined && { namespace }),
  name,
  place,
})
