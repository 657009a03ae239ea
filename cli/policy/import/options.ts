/** What every reader of foreign rules is given. */
import type { PathOptions } from './paths.ts'
import type { Report } from './report.ts'
import type { ConditionNames } from './rows.ts'
import type { SubjectOptions } from './subjects.ts'

export interface ImportOptions extends SubjectOptions, PathOptions {
  readonly names: ConditionNames
  readonly report: Report
}

export interface FormatOptions extends ImportOptions {
  /** Canonical hosts that it stands before, where its file does not name them. */
  readonly hosts: readonly string[]
  /** Text of another file that the original names; `undefined` when it is not there. */
  readonly readBeside: (name: string) => string | undefined
}
