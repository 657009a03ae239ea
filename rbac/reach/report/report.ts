/** What a review says, as data: the JSON of `sallyport kube review`, and what every other output is made of. */
import { type Edit, type Finding, type NodeId, type Severity, type Step, severities } from '../finding.ts'
import { groupsOf } from '../findings/findings.ts'
import { groupEdits } from '../findings/group-edits.ts'
import { objectText } from '../moves/facts.ts'
import { moveOf } from '../moves/table.ts'
import type { ReadingProblem } from '../objects.ts'
import { membersOfGroup } from '../people/read-users.ts'
import { membersOf, type Review } from '../review.ts'

export const reportVersion = 1

export interface ReportStep {
  readonly from: NodeId
  readonly to: NodeId
  readonly move: string
  readonly namespace?: string
}

export interface ReportGrant {
  readonly binding: string
  readonly role: string
  /** 1-based. */
  readonly rule: number
  readonly subject: string
}

export interface ReportFinding {
  readonly id: string
  readonly move: string
  readonly title: string
  readonly severity: Severity
  readonly subject: string
  /** null: in the whole cluster. */
  readonly namespace: string | null
  readonly targets: readonly NodeId[]
  readonly perhaps: readonly NodeId[]
  readonly grants: readonly ReportGrant[]
  readonly path: readonly ReportStep[]
  readonly isExpected: boolean
  /** Id of the finding that says this and more; null: none. */
  readonly within: string | null
  /** Why somebody accepts it, and until when; null: nobody does. */
  readonly suppressed: { readonly reason: string; readonly expires: string } | null
  readonly sentence: string
}

export interface ReportGroup {
  readonly findings: readonly string[]
  readonly edits: readonly Edit[]
}

export interface Report {
  readonly version: number
  readonly summary: {
    /** Findings that are neither expected, nor suppressed, nor within another. */
    readonly findings: Readonly<Record<Severity, number>>
    readonly expected: number
    readonly within: number
    readonly suppressed: number
    readonly subjects: number
    readonly serverVersion: string | null
    readonly objectsSeen: number
  }
  readonly findings: readonly ReportFinding[]
  /** Findings that one edit closes: those of one role, each finding in one group. */
  readonly groups: readonly ReportGroup[]
  /** Who is in the sets that findings name: `service-accounts:payments` and so on; and in groups, as far as somebody said. */
  readonly sets: Readonly<Record<string, readonly NodeId[]>>
  readonly problems: readonly ReadingProblem[]
}

export const countBySeverity = (findings: readonly Finding[]): Record<Severity, number> =>
  Object.fromEntries(
    severities.map(severity => [severity, findings.filter(one => one.severity === severity).length]),
  ) as Record<Severity, number>

export const isAtLeast = (one: Severity, least: Severity): boolean =>
  severities.indexOf(one) >= severities.indexOf(least)

type Folding = Pick<Finding, 'isExpected' | 'suppressed' | 'within'>

/** Neither expected, nor accepted, nor said by another: what somebody has to look at. */
export const isOpen = ({ isExpected, suppressed, within }: Folding): boolean =>
  !isExpected && suppressed === undefined && within === undefined

export const isSuppressed = ({ isExpected, suppressed }: Folding): boolean => !isExpected && suppressed !== undefined

export const isWithin = ({ isExpected, suppressed, within }: Folding): boolean =>
  !isExpected && suppressed === undefined && within !== undefined

/** @param findings of the review, all of them or those that were asked for */
export function reportOf(review: Review, findings: readonly Finding[] = review.findings): Report {
  return {
    version: reportVersion,
    summary: summaryOf(review, findings),
    findings: findings.map(findingEntry),
    groups: groupsOf(findings).map(({ findings: same }) => ({
      findings: same.map(({ id }) => id),
      edits: groupEdits(same),
    })),
    sets: setsIn(review, findings),
    problems: review.facts.objects.problems,
  }
}

/** Counts alone: the rest of a report is made of every finding, which takes its time. */
export const summaryOf = ({ facts }: Review, findings: readonly Finding[]): Report['summary'] => ({
  findings: countBySeverity(findings.filter(isOpen)),
  expected: findings.filter(({ isExpected }) => isExpected).length,
  within: findings.filter(isWithin).length,
  suppressed: findings.filter(isSuppressed).length,
  subjects: facts.grants.subjects.length,
  serverVersion: facts.serverVersion ?? null,
  objectsSeen: facts.objects.objectsSeen,
})

export const findingEntry = (finding: Finding): ReportFinding => ({
  id: finding.id,
  move: finding.move,
  title: moveOf(finding.move)?.title ?? finding.move,
  severity: finding.severity,
  subject: finding.subject,
  namespace: finding.namespace ?? null,
  targets: finding.targets,
  perhaps: finding.perhaps,
  grants: finding.grants.map(({ binding, role, ruleIndex, subject }) => ({
    binding: objectText(binding),
    role: objectText(role),
    rule: ruleIndex + 1,
    subject,
  })),
  path: finding.path.map(stepEntry),
  isExpected: finding.isExpected,
  within: finding.within ?? null,
  suppressed: finding.suppressed ?? null,
  sentence: finding.sentence,
})

export const stepEntry = ({ from, to, move, namespace }: Step): ReportStep => ({
  from,
  to,
  move,
  ...(namespace !== undefined && { namespace }),
})

function setsIn(review: Review, findings: readonly Finding[]): Record<string, readonly NodeId[]> {
  const named = new Set(findings.flatMap(({ targets, perhaps }) => [...targets, ...perhaps]))
  const { memberships = new Map() } = review.facts.options
  const groups = [...new Set(findings.map(({ subject }) => subject))].filter(id => id.startsWith('group:')).sort()
  const people = groups.flatMap(id => {
    const members = membersOfGroup(memberships, id.slice('group:'.length))
    return members.length === 0 ? [] : [[id, members] as const]
  })
  return Object.fromEntries([
    ...people,
    ...[...named].sort().flatMap(node => {
      const members = membersOf(review, node)
      return members === undefined ? [] : [[node, members] as const]
    }),
  ])
}
