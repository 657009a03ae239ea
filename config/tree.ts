/** The configuration as read, before it is typed: plain objects, and the paths into them. */

export type Path = readonly (string | number)[]
export type Tree = Record<string, unknown>

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function getIn(tree: unknown, path: Path): unknown {
  let node = tree
  for (const step of path) {
    if (Array.isArray(node) && typeof step === 'number') node = node[step]
    else if (isTree(node) && typeof step === 'string' && Object.hasOwn(node, step)) node = node[step]
    else return undefined
  }
  return node
}

/** The text there; `undefined` for nothing and for anything else. */
export const textAt = (tree: Tree, path: Path): string | undefined => {
  const value = getIn(tree, path)
  return typeof value === 'string' ? value : undefined
}

/** Sets a value, making the objects and lists on the way. Leaves the tree alone where something else is in the way. */
export function setIn(tree: Tree, path: Path, value: unknown): void {
  let node: unknown = tree
  path.forEach((step, index) => {
    const isLast = index === path.length - 1
    const fresh = typeof path[index + 1] === 'number' ? [] : {}
    if (Array.isArray(node) && typeof step === 'number') node = node[step] = isLast ? value : (node[step] ?? fresh)
    else if (isTree(node) && typeof step === 'string') node = node[step] = isLast ? value : (node[step] ?? fresh)
  })
}

export function deleteIn(tree: Tree, path: Path): void {
  const parent = getIn(tree, path.slice(0, -1))
  const last = path.at(-1)
  if (isTree(parent) && typeof last === 'string') delete parent[last]
}

/** `providers[0].claims.groups` */
export const formatPath = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('')
