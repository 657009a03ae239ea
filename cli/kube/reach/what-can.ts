/** What somebody can do, by which bindings. */
import type { DeadGrant, Given, Grants } from '../../../rbac/reach/grant.ts'
import { grantsOf, subjectsOf } from '../../../rbac/reach/grants.ts'
import type { Reached } from '../../../rbac/reach/graph/ahead.ts'
import type { BindingObject, ClusterObjects } from '../../../rbac/reach/objects.ts'
import { type Asker, askerOf, idOf, type Subject } from '../../../rbac/reach/subject.ts'
import { printable } from '../../../spelling/printable.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { eventualJson, eventualText, whatEventually } from './eventual.ts'
import { versionOf } from './filters.ts'
import { bindingText, roleText, ruleText } from './grant-text.ts'
import { type InputChoice, readObjects } from './input.ts'
import { jsonText } from './json-text.ts'
import { type PeopleChoice, peopleOptions, readPeople } from './people-input.ts'
import { placeText, problemsText } from './problems-text.ts'
import { reference } from './who-can.ts'
import { wrapped } from './wrapped.ts'

export interface WhatCanChoice extends InputChoice, PeopleChoice {
  /** That an identity provider or a certificate vouches for. */
  readonly group?: readonly string[]
  readonly eventual?: boolean
  /** Where alone: what holds in the whole cluster holds there as well. */
  readonly namespace?: string
  readonly serverVersion?: string
  readonly json?: boolean
}

export async function runWhatCan(subject: Subject, choice: WhatCanChoice, terminal: Terminal): Promise<number> {
  const people = await readPeople(choice, terminal)
  const objects = await readObjects(choice, terminal)
  const options = { ...peopleOptions(people, objects), ...versionOf(choice) }
  const said = options.memberships?.get(idOf(subject)) ?? []
  const asker = askerOf(subject, [...(choice.group ?? []), ...said])
  const grants = grantsOf(objects)
  const spellings = [...new Set([asker.id, ...asker.groups.map(group => `group:${group}`)])]
  const isThere = ({ kind, namespace }: Given['binding']): boolean =>
    choice.namespace === undefined || kind === 'ClusterRoleBinding' || namespace === choice.namespace
  const all = spellings.flatMap(grants.rolesOf).filter(({ binding }) => isThere(binding))
  const given = all.toSorted((one, other) => orderOf(one).localeCompare(orderOf(other)))
  const found = {
    asker,
    given,
    dead: deadOf(grants, spellings).filter(({ binding }) => isThere(binding)),
    unknown: namedBy(grants.unknown, spellings).filter(isThere),
    ...(choice.namespace !== undefined && { namespace: choice.namespace }),
    isKnown: grants.subjects.includes(asker.id) || options.memberships?.has(asker.id) === true,
    ...(choice.eventual && { eventually: whatEventually(objects, spellings, options) }),
  }
  terminal.write(choice.json ? json(found, objects) : text(found, objects, terminal))
  return exitCodes.ok
}

const orderOf = ({ namespace = '', binding }: Given): string =>
  `${namespace === '' ? 0 : 1} ${namespace} ${binding.name}`

interface Found {
  readonly asker: Asker
  readonly given: readonly Given[]
  readonly dead: readonly DeadGrant[]
  /** Of roles that could not be read. */
  readonly unknown: readonly BindingObject[]
  /** A binding names it, or it exists. */
  readonly isKnown: boolean
  readonly eventually?: readonly Reached[]
  /** Where alone was asked for. */
  readonly namespace?: string
}

/** What bindings seem to give, and do not. */
const deadOf = ({ dead }: Grants, spellings: readonly string[]): readonly DeadGrant[] =>
  dead.filter(({ binding, rule, reason }) => {
    if (rule === undefined && reason !== 'no-such-role') return false
    return namedBy([binding], spellings).length > 0
  })

function namedBy(bindings: readonly BindingObject[], spellings: readonly string[]): readonly BindingObject[] {
  return bindings.filter(binding => {
    const named = subjectsOf(binding)
    return spellings.some(spelling => named.has(spelling))
  })
}

function text(
  { asker, given, dead, unknown, isKnown, eventually, namespace: place }: Found,
  objects: ClusterObjects,
  { colors }: Terminal,
): string {
  const indent = { first: '    ', rest: '      ' }
  const isMaster = asker.groups.includes('system:masters')
  const bindings = given.map(one => {
    const { namespace, role, binding, subject } = one
    const where = namespace === undefined ? 'In the whole cluster' : `In ${namespace}`
    const through = subject === asker.id ? '' : `, through ${subject}`
    const head = `${where}, by ${bindingText(one)} of ${roleText(one)}${through} (${placeText(binding.place)})`
    const rules = role.rules.map(rule => wrapped(printable(ruleText(rule)), indent))
    return `${wrapped(printable(head), { first: '', rest: '  ' })}${rules.length === 0 ? '    nothing\n' : rules.join('')}`
  })
  const deadLines = dead.map(({ binding, reason, what = [] }) =>
    wrapped(printable(`${bindingText({ binding })}: ${deadText(binding, what)}, for ${deadReasons[reason]}`), indent),
  )
  return [
    wrapped(`${colors.bold(printable(asker.id))} is in ${printable(asker.groups.join(', ')) || 'no group'}`, {
      first: '',
      rest: '  ',
    }),
    ...(place === undefined ? [] : [`Only what holds in namespace ${printable(place)}, or in the whole cluster\n`]),
    ...(isKnown ? [] : ['No binding names it, and nothing of what was read is called so.\n']),
    ...(isMaster ? [`${colors.red('system:masters may do everything')}, and no binding says so\n`] : []),
    ...bindings,
    ...(unknown.length === 0 ? [] : ['What else is given to it could not be read:\n', ...unknown.map(unknownLine)]),
    ...(deadLines.length === 0 ? [] : ['Of this nothing comes:\n', ...deadLines]),
    ...(eventually === undefined ? [] : [eventualText('What it can become or reach', eventually)]),
    problemsText(objects),
  ].join('')
}

const unknownLine = (binding: BindingObject): string =>
  wrapped(printable(`${bindingText({ binding })}: ${binding.roleRef.kind} ${binding.roleRef.name}`), {
    first: '    ',
    rest: '      ',
  })

const deadText = ({ roleRef }: BindingObject, what: readonly string[]): string =>
  what.length > 0 ? what.join(', ') : `${roleRef.kind} ${roleRef.name}`

const deadReasons: Readonly<Record<DeadGrant['reason'], string>> = {
  'no-such-role': 'there is no such role',
  'no-such-service-account': 'there is no such service account',
  'subject-without-namespace': 'the service account has no namespace',
  'no-subjects': 'nobody is named',
  'cluster-resource-in-namespace': 'that belongs to no namespace',
  'non-resource-in-namespace': 'URLs belong to no namespace',
}

function json(
  { asker, given, dead, unknown, isKnown, eventually }: Found,
  { problems, objectsSeen }: ClusterObjects,
): string {
  const bindings = given.map(({ subject, namespace, binding, role }) => ({
    subject,
    ...(namespace !== undefined && { namespace }),
    binding: reference(binding),
    role: reference(role),
    rules: role.rules,
  }))
  const without = dead.map(({ binding, reason, rule, what }) => ({ binding: reference(binding), reason, rule, what }))
  const unread = unknown.map(binding => ({ binding: reference(binding), role: binding.roleRef }))
  const { id: subject, groups } = asker
  const later = eventually === undefined ? {} : { eventually: eventualJson(eventually) }
  return jsonText({
    subject,
    groups,
    isKnown,
    bindings,
    dead: without,
    unknown: unread,
    ...later,
    objectsSeen,
    problems,
  })
}
