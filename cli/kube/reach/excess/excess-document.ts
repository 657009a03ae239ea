/** Excess as one JSON document; docs/inventory.md describes its fields. */
import {
  type Excess,
  type IdentityExcess,
  type RightCounts,
  unusedShare,
} from '../../../../rbac/reach/excess/excess.ts'
import type { RoleProposal } from '../../../../rbac/reach/excess/proposals.ts'
import type { ClusterObjects } from '../../../../rbac/reach/objects.ts'
import { bindingKey } from '../../../../rbac/reach/usage/reason.ts'
import { daysCovered, type UsageReading } from '../usage-input.ts'
import { jsonPatch } from './objects-yaml.ts'

interface Shown {
  readonly objects: ClusterObjects
  readonly reading: UsageReading
  readonly excess: Excess
  readonly shown: readonly IdentityExcess[]
}

export function excessDocument({ objects, reading, excess, shown }: Shown, proposals: readonly RoleProposal[]): object {
  const { usage, logs, received } = reading
  return {
    schema: 'sallyport.dev/kube-excess/v1',
    log: {
      ...timesOf(usage),
      days: daysCovered(usage),
      counts: usage.counts,
      sources: logs,
      ...(received !== undefined && { received }),
    },
    reasons: excess.reasons,
    identities: shown.map(identityDocument),
    roles: proposals.map(({ role, subjects, rules, unseen, leftAlone }) => ({
      ...objectName(role),
      place: role.place,
      subjects,
      ...(leftAlone !== undefined ? { leftAlone } : { rules, unseen, patch: jsonPatch(role.rules, rules) }),
    })),
    unexplained: excess.unexplained.map(({ asker, question, right }) => ({
      subject: asker.id,
      question,
      count: right.count,
      last: instant(right.last),
    })),
    problems: objects.problems,
  }
}

const timesOf = ({ first, last }: UsageReading['usage']): object =>
  first === undefined || last === undefined ? {} : { first: instant(first), last: instant(last) }

const instant = (seconds: number): string => new Date(seconds * 1000).toISOString()

const objectName = ({ kind, namespace, name }: { kind: string; namespace?: string; name: string }): object => ({
  kind,
  ...(namespace !== undefined && { namespace }),
  name,
})

const countsOf = (counts: RightCounts) => ({
  granted: counts.granted,
  used: counts.used,
  unseen: counts.unseen,
  unusedShare: Math.round(unusedShare(counts) * 1000) / 1000,
})

const identityDocument = (one: IdentityExcess): object => ({
  subject: one.subject,
  ...countsOf(one),
  calls: one.calls,
  impersonated: one.impersonated,
  denied: one.denied,
  ...(one.lastSeen !== undefined && { lastSeen: instant(one.lastSeen) }),
  bindings: one.bindings.map(({ binding, rules, by, lastUsed, ...counts }) => ({
    binding: bindingKey(binding),
    role: binding.roleRef,
    place: binding.place,
    ...countsOf(counts),
    by,
    ...(lastUsed !== undefined && { lastUsed: instant(lastUsed) }),
    rules: rules.map(({ grant, uses, ...own }) => ({
      rule: grant.ruleIndex,
      ...grant.rule,
      ...countsOf(own),
      used: [...new Set(uses.map(({ right: { kind } }) => JSON.stringify(kind)))].map(
        kind => JSON.parse(kind) as object,
      ),
    })),
  })),
})
