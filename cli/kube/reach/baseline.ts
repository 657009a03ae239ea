/** `--baseline`: the review of before, and what is said of it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Baseline, type Changes, readBaseline } from '../../../rbac/reach/report/baseline.ts'
import { printable } from '../../policy/printable.ts'
import type { Terminal } from '../../terminal.ts'

/** Throws a sentence where it cannot be read, or is none. */
export const baselineOf = (path: string | undefined, { cwd }: Terminal): Baseline | undefined =>
  path === undefined ? undefined : readBaseline(readFileSync(resolve(cwd, path), 'utf8'))

/** @param isPartial something was not read: what seems gone may be there */
export function changesText({ new: fresh, gone, unchanged }: Changes, isPartial: boolean): string {
  const listed = (sign: string, ids: readonly string[]): string[] => ids.map(id => `  ${sign} ${printable(id)}\n`)
  return [
    `Since the baseline: ${fresh.length} new, ${gone.length} gone, ${unchanged} unchanged\n`,
    ...listed('+', fresh),
    ...listed('-', gone),
    ...(isPartial && gone.length > 0 ? ['  What is gone may only not have been read: see above\n'] : []),
  ].join('')
}
