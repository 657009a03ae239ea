/** A review as SARIF 2.1.0 (OASIS Standard), for code scanning: a rule is a move, a result is a finding. */
import { type Finding, type MoveId, type Severity, severities } from '../finding.ts'
import { nodeText, stepText, toldSteps } from '../findings/words.ts'
import { objectText } from '../moves/facts.ts'
import { docsPageOf } from '../moves/move.ts'
import { moveOf } from '../moves/table.ts'
import type { ReadingProblem } from '../objects.ts'
import type { Review } from '../review.ts'
import { type SuppressionOutcome, suppressedText } from '../suppress/suppression.ts'
import { type Baseline, baselineStateOf, type FormerFinding } from './baseline.ts'
import { type Placed, type Placing, placesIn } from './places.ts'
import { isOpen, isSuppressed, isWithin } from './report.ts'

export interface SarifInput {
  /** All that were asked for. */
  readonly findings: readonly Finding[]
  readonly review: Review
  /** Expected ones and those within others as results too, suppressed; else they are counted in the properties of the run. */
  readonly isAll: boolean
  /** Each result says then what it was. */
  readonly baseline?: Baseline | undefined
  /** Those that do not hold are notifications. */
  readonly suppressions?: readonly SuppressionOutcome[] | undefined
}

const levels = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const

/** As code scanning reads `security-severity`: over 9 critical, over 7 high, over 4 medium. */
const scores = { critical: '9.5', high: '8.0', medium: '5.5', low: '2.0' } as const

export function sarifOf({ review, findings, isAll, baseline, suppressions = [] }: SarifInput): object {
  const { problems } = review.facts.objects
  const shown = isAll ? findings : findings.filter(one => isOpen(one) || isSuppressed(one))
  const absent = baseline === undefined ? [] : absentOf(baseline, findings)
  const moves = [...new Set([...shown, ...absent].map(({ move }) => move))].sort()
  const placed = placesIn(review)
  const expected = findings.filter(({ isExpected }) => isExpected).length
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'sallyport kube review', rules: moves.map(move => ruleOf(move, shown)) } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: [
              ...problems.map(notificationOf),
              ...suppressions.filter(({ state }) => state !== 'applies').map(suppressionNotification),
            ],
          },
        ],
        results: [
          ...shown.map(finding => ({
            ...resultOf(finding, moves.indexOf(finding.move), placed),
            ...(baseline !== undefined && { baselineState: baselineStateOf(finding, baseline) }),
          })),
          ...absent.map(former => absentResult(former, moves.indexOf(former.move))),
        ],
        properties: {
          findings: findings.length,
          expected,
          within: findings.filter(isWithin).length,
          suppressed: findings.filter(isSuppressed).length,
        },
      },
    ],
  }
}

function ruleOf(id: MoveId, findings: readonly Finding[]): object {
  const move = moveOf(id)
  const worst = worstOf(findings.filter(one => one.move === id))
  const [source] = move?.sources ?? []
  const close = `${move?.close ?? ''} (${docsPageOf(id)})`
  return {
    id,
    shortDescription: { text: move?.title ?? id },
    fullDescription: { text: move?.why ?? id },
    help: { text: close },
    ...(source !== undefined && { helpUri: source }),
    defaultConfiguration: { level: levels[worst] },
    // Code scanning reads the score of a rule alone, so that it is that of its worst finding.
    properties: { 'security-severity': scores[worst], tags: ['security', 'kubernetes', 'rbac'] },
  }
}

const worstOf = (findings: readonly Finding[]): Severity =>
  severities[Math.max(0, ...findings.map(({ severity }) => severities.indexOf(severity)))] ?? 'low'

function resultOf(finding: Finding, ruleIndex: number, placed: Placing): object {
  const { id, move, severity, subject, namespace, grants } = finding
  return {
    ruleId: move,
    ruleIndex,
    level: levels[severity],
    message: { text: literal(messageOf(finding)) },
    locations: (grants[0] === undefined ? placed(finding) : [grants[0].binding]).map(locationOf),
    relatedLocations: grants.map(({ role, ruleIndex: at }, index) => ({
      id: index,
      ...locationOf(role),
      message: { text: literal(`rule ${at + 1} of ${objectText(role)}`) },
    })),
    partialFingerprints: { 'findingId/v1': id },
    ...(!isOpen(finding) && { suppressions: [{ kind: 'external', justification: reasonOf(finding) }] }),
    properties: { severity, 'security-severity': scores[severity], subject, namespace: namespace ?? null },
  }
}

/** What was open and is not there any more: without a place, since there is none. */
const absentOf = ({ findings: before }: Baseline, findings: readonly Finding[]): readonly FormerFinding[] => {
  const there = new Set(findings.map(({ id }) => id))
  return [...before.values()].filter(one => one.isOpen && !there.has(one.id))
}

const absentResult = (
  { id, move, severity, subject, namespace, sentence }: FormerFinding,
  ruleIndex: number,
): object => ({
  ruleId: move,
  ruleIndex,
  level: levels[severity],
  message: { text: literal(sentence) },
  partialFingerprints: { 'findingId/v1': id },
  baselineState: 'absent',
  properties: { severity, 'security-severity': scores[severity], subject, namespace: namespace ?? null },
})

function reasonOf({ isExpected, suppressed, within = '' }: Finding): string {
  if (isExpected) return 'Kubernetes itself ships and expects it'
  if (suppressed !== undefined) return `${suppressed.reason} (until ${suppressed.expires})`
  return `another finding says this and more: ${within}`
}

function messageOf({ sentence, path, edits }: Finding): string {
  const [first] = path
  const way = first === undefined ? [] : [nodeText(first.from), ...toldSteps(path).map(stepText)]
  return [
    sentence,
    ...(way.length === 0 ? [] : [`Way: ${way.join(' — ')}.`]),
    ...edits.slice(0, 2).map(({ object, sentence: what }) => `${object}: ${what}.`),
  ].join(' ')
}

/**
 * Threat: names are chosen by others, and a message takes `[text](address)` for a link and `{0}` for a placeholder
 * (3.11.5 and 3.11.6).
 */
const literal = (text: string): string => text.replace(/[\\[\]]/g, '\\$&').replace(/[{}]/g, '$&$&')

/** A file has a line; what an API server answered has a name alone. */
function locationOf(object: Placed): object {
  const { source, line } = object.place
  const { kind, namespace, name } = object
  const physicalLocation = { artifactLocation: { uri: uriOf(source) }, region: { startLine: line } }
  return {
    ...(line !== undefined && { physicalLocation }),
    logicalLocations: [
      { name, fullyQualifiedName: [kind, namespace, name].filter(Boolean).join('/'), kind: 'resource' },
    ],
  }
}

/** Relative stays relative: to the checkout that was reviewed. Threat: a file called `javascript:x` is no address. */
function uriOf(source: string): string {
  if (source === '-') return 'stdin'
  const path = source.split('/').map(encodeURIComponent).join('/')
  return source.startsWith('/') ? `file://${path}` : path
}

function notificationOf({ code, place, object, message }: ReadingProblem): object {
  const { source, line } = place
  const where = line === undefined ? source : `${source}:${line}`
  return {
    level: 'warning',
    descriptor: { id: code },
    message: { text: literal([`${where}:`, ...(object === undefined ? [] : [`${object}:`]), message].join(' ')) },
  }
}

const suppressionNotification = ({ suppression, state, message }: SuppressionOutcome): object => ({
  level: 'warning',
  descriptor: { id: `suppression-${state}` },
  message: {
    text: literal(
      `Suppression of line ${suppression.line} (${suppressedText(suppression.of)}) does not hold: ${message}`,
    ),
  },
})
