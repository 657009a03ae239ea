/** What the checks for insecure settings find. */

import type { Path } from '../tree.ts'
import type { InsecureSetting } from './insecure.ts'

/** One insecure setting, or (without `name`) a remark that needs no flag. */
export interface SecurityFinding {
  readonly name?: InsecureSetting
  readonly path: Path
  readonly message: string
}

/** The address that a text is; `undefined` for any other text. */
export const urlOf = (text: string | undefined): URL | undefined =>
  text !== undefined && URL.canParse(text) ? new URL(text) : undefined
