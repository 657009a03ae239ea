/**
 * All that gives a move, as one text that is the same as long as nothing of it changes; its hash is kept with a suppression.
 * Threat: what was accepted of a small role is not accepted of what somebody makes of it later. So the roles are here whole,
 * as aggregation fills them, and not the rule alone that makes the move; and the bindings with each of their subjects.
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { Grant } from '../grant.ts'
import type { DirectMove } from '../moves/direct.ts'
import type { BindingObject, RoleObject } from '../objects.ts'

/** One text of several moves, whatever their order. */
export const roleText = (moves: readonly DirectMove[]): string =>
  ['sallyport.dev/suppression/v1', ...moves.map(moveText).sort()].join('\n')

const moveText = ({ move, subject, namespace, to, maybe, seen, grants }: DirectMove): string =>
  JSON.stringify([
    move,
    subject,
    namespace ?? null,
    sorted(to),
    sorted(maybe),
    seen === undefined ? null : [seen.object, seen.detail],
    sorted(grants.map(grantText)),
  ])

const grantText = ({ subject, namespace, binding, role }: Grant): string =>
  JSON.stringify([subject, namespace ?? null, bindingText(binding), roleOnlyText(role)])

const bindingText = ({ kind, namespace, name, roleRef, subjects }: BindingObject): string =>
  JSON.stringify([
    kind,
    namespace ?? null,
    name,
    roleRef.kind,
    roleRef.name,
    sorted(subjects.map(one => JSON.stringify([one.kind, one.name, one.namespace ?? null]))),
  ])

const roleOnlyText = ({ kind, namespace, name, rules }: RoleObject): string =>
  JSON.stringify([kind, namespace ?? null, name, sorted(rules.map(ruleText))])

/** Lists of a rule are sets: their order says nothing. No name at all is every name, and an empty one is a name. */
const ruleText = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): string =>
  JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs].map(list => sorted(list ?? [])))

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort()
