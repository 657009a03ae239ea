/** `--suppress`: what somebody accepts, and what is said of it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decoded } from '../../../../app/kubernetes/reading/decoded.ts'
import type { Finding } from '../../../../rbac/reach/finding.ts'
import { isSuppressed } from '../../../../rbac/reach/report/report.ts'
import type { Review } from '../../../../rbac/reach/review.ts'
import { readSuppressions } from '../../../../rbac/reach/suppress/read-suppressions.ts'
import { type Suppressed, suppress } from '../../../../rbac/reach/suppress/suppress.ts'
import {
  type Suppression,
  type SuppressionOutcome,
  suppressedText,
} from '../../../../rbac/reach/suppress/suppression.ts'
import { printable } from '../../../../spelling/printable.ts'
import type { Terminal } from '../../../terminal.ts'
import { wrapped } from '../wrapped.ts'

export const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

export interface SuppressionFile {
  readonly path: string
  readonly list: readonly Suppression[]
  /** Seconds since the epoch, the same for reading and deciding. */
  readonly now: number
}

/** Throws sentences where it cannot be read whole. @param now seconds since the epoch; the clock if absent */
export function suppressionsOf(
  path: string | undefined,
  { cwd }: Terminal,
  now = Date.now() / 1000,
): SuppressionFile | undefined {
  if (path === undefined) return undefined
  return { path, list: readSuppressions(decoded(readFileSync(resolve(cwd, path))), now), now }
}

export const withSuppressions = (review: Review, file: SuppressionFile | undefined): Suppressed =>
  file === undefined ? { review, outcomes: [] } : suppress(review, file.list, { now: file.now, hash: hashOf })

const mostShown = 40

const lines = (texts: readonly string[]): string[] => [
  ...texts.slice(0, mostShown).map(text => wrapped(printable(text), { first: '  ', rest: '      ' })),
  ...(texts.length > mostShown ? [`  and ${texts.length - mostShown} more: --json has all of them\n`] : []),
]

/** What is accepted of what is shown, each with its reason. Empty where nothing is. */
export function acceptedText(findings: readonly Finding[]): string {
  const accepted = findings.filter(isSuppressed)
  if (accepted.length === 0) return ''
  return [
    `Accepted, and folded: ${accepted.length}\n`,
    ...lines(accepted.map(({ id, suppressed }) => `${id} until ${suppressed?.expires}: ${suppressed?.reason}`)),
  ].join('')
}

/** Those that fold nothing. Empty where each holds. */
export function brokenText(outcomes: readonly SuppressionOutcome[], path: string): string {
  const broken = outcomes.filter(({ state }) => state !== 'applies')
  if (broken.length === 0) return ''
  return [
    `Suppressions that do not hold: ${broken.length} of ${outcomes.length}\n`,
    ...lines(
      broken.map(
        ({ suppression: { line, of }, state, message }) =>
          `${path}:${line} ${suppressedText(of)}: ${message} [${state}]`,
      ),
    ),
  ].join('')
}

/** As the JSON document has it. */
export const outcomeEntry = ({ suppression, state, findings, message }: SuppressionOutcome): object => {
  const { of, reason, until, line } = suppression
  return {
    ...of,
    line,
    reason,
    expires: until,
    state,
    findings,
    ...(state !== 'applies' && { message }),
  }
}
