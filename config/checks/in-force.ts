/** What holds: what was written, or the default. */
import { settingAt } from '../schema/settings.ts'
import { getIn, type Path, type Tree } from '../tree.ts'

export const inForceAt = (tree: Tree, path: Path): unknown => getIn(tree, path) ?? settingAt(path)?.default
