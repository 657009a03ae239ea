/** A setting that can be given as itself or as the file that holds it is given once. */
import { getIn, type Path, type Tree } from './tree.ts'

/** What is wrong with settings that each are right: where, and how it reads. */
export interface CrossFinding {
  readonly path: Path
  readonly message: string
}

export function checkSecretForms(tree: Tree, section: Path, name: string, isRequired: boolean): CrossFinding[] {
  const path = [...section, name]
  const inFile = [...section, `${name}File`]
  const hasValue = getIn(tree, path) !== undefined
  const hasFile = getIn(tree, inFile) !== undefined
  if (hasValue && hasFile) return [{ path: inFile, message: `expected ${name} or ${name}File, got both` }]
  if (isRequired && !hasValue && !hasFile) {
    return [{ path, message: `is missing: expected ${name}File with the name of a file, or ${name}` }]
  }
  return []
}
