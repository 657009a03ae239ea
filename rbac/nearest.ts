/** The known name nearest to a mistyped one, for messages about policy files. */

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

/** `undefined` when nothing known is near enough to be what was meant. Case does not count. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  // A pasted paragraph is nobody's typing error, and the distance costs its length.
  if (name.length > 100) return undefined
  const wanted = name.toLowerCase()
  const ranked = known
    .map(candidate => ({ candidate, distance: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, wanted.length / 3) ? best.candidate : undefined
}

/** `unknown <what> "<name>"`, with the nearest known name or else, when they are few, all of them. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  const said = `unknown ${what} "${shortened(name)}"`
  if (nearest !== undefined) return `${said}; did you mean "${nearest}"?`
  return known.length > 0 && known.length <= 12 ? `${said}; known: ${known.join(', ')}` : said
}

/** What a message shows of a text that somebody wrote. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
