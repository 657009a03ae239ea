/** What every reader is given. */
import type { Reading } from '../../../rbac/reach/reading/reading.ts'

export interface Reader {
  readonly reading: Reading
  /** How far it is; called often. */
  readonly progress: (text: () => string) => void
}
