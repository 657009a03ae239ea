/** `--baseline`: the review of before, and what is said of it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decoded } from '../../../app/kubernetes/reading/decoded.ts'
import { type Asked, type Baseline, type Changes, readBaseline } from '../../../rbac/reach/report/baseline.ts'
import { printable } from '../../../spelling/printable.ts'
import type { Terminal } from '../../terminal.ts'
import { filtered } from './review-names.ts'

/**
 * As much of it as is asked for now: what is filtered away is not gone.
 *
 * Throws a sentence where it cannot be read, is none, or was asked for less than this review.
 */
export function baselineOf(path: string | undefined, asked: Asked, { cwd }: Terminal): Baseline | undefined {
  if (path === undefined) return undefined
  const baseline = readBaseline(decoded(readFileSync(resolve(cwd, path))))
  const differs = (['subject', 'namespace'] as const).find(
    name => baseline.asked[name] !== undefined && baseline.asked[name] !== asked[name],
  )
  // Everything outside of it would be new, and nothing of that would be.
  if (differs !== undefined)
    throw new Error(
      `the baseline is of --${differs} ${baseline.asked[differs]} alone: ask for the same, or make a whole one`,
    )
  const findings = filtered([...baseline.findings.values()], asked)
  return { ...baseline, findings: new Map(findings.map(one => [one.id, one])) }
}

/** @param isPartial something was not read: what seems gone may be there */
export function changesText({ new: fresh, gone, folded, unchanged }: Changes, isPartial: boolean): string {
  const listed = (sign: string, ids: readonly string[]): string[] => ids.map(id => `  ${sign} ${printable(id)}\n`)
  const now = folded.length === 0 ? '' : `, ${folded.length} folded now`
  return [
    `Since the baseline: ${fresh.length} new, ${gone.length} gone${now}, ${unchanged} unchanged\n`,
    ...listed('+', fresh),
    ...listed('-', gone),
    ...listed('~', folded),
    ...(isPartial && gone.length > 0 ? ['  What is gone may only not have been read: see above\n'] : []),
  ].join('')
}
