/** Two reviews of one cluster: what is new, what is gone. */
import { type Finding, type Severity, severities } from '../finding.ts'
import { isAtLeast, isOpen } from './report.ts'

/** A finding of before, as much of it as is compared or told of. */
export interface FormerFinding extends Pick<Finding, 'id' | 'move' | 'severity' | 'subject' | 'namespace' | 'targets'> {
  readonly sentence: string
  readonly isOpen: boolean
}

/** What a review was asked for, where that was not all. */
export interface Asked {
  readonly subject?: string
  readonly namespace?: string
}

export interface Baseline {
  /** By id: those that were folded as well. */
  readonly findings: ReadonlyMap<string, FormerFinding>
  readonly asked: Asked
}

export interface Changes {
  /** Open now, and not open before, or less bad then. */
  readonly new: readonly string[]
  /** Open before, and not there now. */
  readonly gone: readonly string[]
  /** Open before, and still there: expected, accepted, or within another now. */
  readonly folded: readonly string[]
  readonly unchanged: number
}

/**
 * @param text what `--json` printed
 * @throws Error with a sentence. Threat: a baseline that is read in part lets pass what nobody has seen
 */
export function readBaseline(text: string): Baseline {
  let report: { readonly version?: unknown; readonly findings?: unknown; readonly asked?: unknown } | null
  try {
    report = JSON.parse(text)
  } catch {
    throw new Error('the baseline is no JSON: make it with kube review --json')
  }
  const asked = askedOf(report?.asked)
  if (
    report?.version !== 1 ||
    !Array.isArray(report.findings) ||
    !report.findings.every(isEntry) ||
    asked === undefined
  )
    throw new Error('the baseline is no review: make it with kube review --json')
  return { findings: new Map(report.findings.map(entry => [entry.id, formerOf(entry)])), asked }
}

interface Entry {
  readonly id: string
  readonly move: string
  readonly severity: Severity
  readonly subject: string
  readonly namespace: string | null
  readonly targets: readonly string[]
  readonly sentence: string
  readonly isExpected: boolean
  readonly within: string | null
  /** Not in reviews of before there was any. */
  readonly suppressed?: object | null
}

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string'

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { id, move, severity, subject, namespace, targets, sentence, isExpected, within } = value as Record<
    string,
    unknown
  >
  return (
    [id, move, subject, sentence].every(text => typeof text === 'string') &&
    severities.some(one => one === severity) &&
    Array.isArray(targets) &&
    targets.every(target => typeof target === 'string') &&
    typeof isExpected === 'boolean' &&
    isTextOrNull(namespace) &&
    isTextOrNull(within)
  )
}

function formerOf({ isExpected, within, suppressed, namespace, ...entry }: Entry): FormerFinding {
  const { id, move, severity, subject, targets, sentence } = entry
  const wasOpen = !isExpected && within === null && (suppressed ?? null) === null
  const scope = namespace === null ? {} : { namespace }
  return { id, move, severity, subject, targets, sentence, ...scope, isOpen: wasOpen }
}

/** Absent in a review that was asked for everything. */
function askedOf(value: unknown = {}): Asked | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { subject, namespace } = value as Record<string, unknown>
  if ([subject, namespace].some(text => text !== undefined && typeof text !== 'string')) return undefined
  return value as Asked
}

/** A finding that has become worse is new: somebody accepted less. */
export function isNew({ id, severity }: Pick<Finding, 'id' | 'severity'>, { findings }: Baseline): boolean {
  const before = findings.get(id)
  return before === undefined || !before.isOpen || !isAtLeast(before.severity, severity)
}

export function changesOf(findings: readonly Finding[], baseline: Baseline): Changes {
  const open = findings.filter(isOpen)
  const [isOpenNow, isThere] = [open, findings].map(list => new Set(list.map(({ id }) => id)))
  const fresh = open.filter(one => isNew(one, baseline)).map(({ id }) => id)
  const closed = [...baseline.findings.values()].filter(one => one.isOpen && isOpenNow?.has(one.id) !== true)
  return {
    new: fresh,
    gone: closed.filter(({ id }) => isThere?.has(id) !== true).map(({ id }) => id),
    folded: closed.filter(({ id }) => isThere?.has(id) === true).map(({ id }) => id),
    unchanged: open.length - fresh.length,
  }
}

/** As SARIF names it (3.27.24). What was folded before and is open now is new, as it is for `--fail-on`. */
export type BaselineState = 'new' | 'unchanged' | 'updated'

export function baselineStateOf(finding: Finding, { findings }: Baseline): BaselineState {
  const before = findings.get(finding.id)
  if (before === undefined || (isOpen(finding) && !before.isOpen)) return 'new'
  return before.severity === finding.severity && before.isOpen === isOpen(finding) ? 'unchanged' : 'updated'
}
