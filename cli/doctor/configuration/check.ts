/** What is looked at of a configuration, beside its text. */
import type { Outcome } from '../probes/probe.ts'

export interface Check {
  /** A section of docs/doctor.md. */
  readonly name: string
  /** What holds when it passes. */
  readonly title: string
  readonly run: () => Promise<Outcome>
}

export const passed = (why: string): Outcome => ({ status: 'pass', why })
export const failed = (why: string, fix: string): Outcome => ({ status: 'fail', why, fix })
export const notApplicable = (why: string): Outcome => ({ status: 'not-applicable', why })
