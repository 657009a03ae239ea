/** What the checks for insecure settings find, and how they read a tree that may hold anything. */
import type { InsecureSetting } from './insecure.ts'
import { getIn, type Path, type Tree } from './tree.ts'

/** One insecure setting, or (without `name`) a remark that needs no flag. */
export interface SecurityFinding {
  readonly name?: InsecureSetting
  readonly path: Path
  readonly message: string
}

export const textAt = (tree: Tree, path: Path): string | undefined => {
  const value = getIn(tree, path)
  return typeof value === 'string' ? value : undefined
}

export const urlOf = (text: string | undefined): URL | undefined =>
  text !== undefined && URL.canParse(text) ? new URL(text) : undefined
