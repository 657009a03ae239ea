/** The known name nearest to a mistyped one, for messages about settings and about policy files. */

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}

const fold = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '')

/** `undefined` when nothing known is near enough to be what was meant. Case and separators do not count. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  // A pasted paragraph is nobody's typing error, and the distance costs its length.
  if (name.length > 100) return undefined
  const wanted = fold(name)
  const ranked = known
    .map(candidate => ({ candidate, distance: editDistance(wanted, fold(candidate)) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, wanted.length / 3) ? best.candidate : undefined
}

/** `; did you mean "x"?`, or nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}
