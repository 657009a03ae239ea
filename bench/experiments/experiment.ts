/** What an experiment gets; what it gives back is a report. */
import type { ChildProcess } from 'node:child_process'
import type { MeasureOptions } from '../measure.ts'
import type { CaseReport } from '../report.ts'
import type { Resources } from '../resources.ts'

export interface ExperimentContext extends MeasureOptions {
  readonly load: ChildProcess
  /** Ended when the experiment is over. */
  readonly resources: Resources
  /** Absent: the sizes of the target. */
  readonly sizes?: readonly number[]
  readonly onProgress: (text: string) => void
}

export type Experiment = (context: ExperimentContext) => Promise<CaseReport>
