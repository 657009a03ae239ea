/** Two reviews of one cluster: what is new, what is gone. */
import { type Finding, type Severity, severities } from '../finding.ts'
import { isAtLeast, isOpen } from './report.ts'

/** Ids of what was open, with how bad it was. */
export type Baseline = ReadonlyMap<string, Severity>

export interface Changes {
  /** Open now, and not open before, or less bad then. */
  readonly new: readonly string[]
  /** Open before, and not now: closed, folded, or not asked for. */
  readonly gone: readonly string[]
  readonly unchanged: number
}

interface Entry {
  readonly id: string
  readonly severity: Severity
  readonly isExpected: boolean
  readonly within: string | null
  readonly suppressed?: object | null
}

/**
 * @param text what `--json` printed
 * @throws Error with a sentence. Threat: a baseline that is read in part lets pass what nobody has seen
 */
export function readBaseline(text: string): Baseline {
  let report: { readonly version?: unknown; readonly findings?: unknown } | null
  try {
    report = JSON.parse(text)
  } catch {
    throw new Error('the baseline is no JSON: make it with kube review --json')
  }
  if (report?.version !== 1 || !Array.isArray(report.findings) || !report.findings.every(isEntry))
    throw new Error('the baseline is no review: make it with kube review --json')
  const open = report.findings.filter(
    ({ isExpected, within, suppressed = null }) => !isExpected && within === null && suppressed === null,
  )
  return new Map(open.map(({ id, severity }) => [id, severity]))
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { id, severity, isExpected, within } = value as Record<string, unknown>
  return (
    typeof id === 'string' &&
    severities.some(one => one === severity) &&
    typeof isExpected === 'boolean' &&
    (within === null || typeof within === 'string')
  )
}

/** A finding that has become worse is new: somebody accepted less. */
export function isNew({ id, severity }: Finding, baseline: Baseline): boolean {
  const before = baseline.get(id)
  return before === undefined || !isAtLeast(before, severity)
}

export function changesOf(findings: readonly Finding[], baseline: Baseline): Changes {
  const open = findings.filter(isOpen)
  const now = new Set(open.map(({ id }) => id))
  const fresh = open.filter(one => isNew(one, baseline)).map(({ id }) => id)
  return {
    new: fresh,
    gone: [...baseline.keys()].filter(id => !now.has(id)),
    unchanged: open.length - fresh.length,
  }
}
