/** The shape of a value that somebody else has sent, for the log: what it is, and never what it says. */

const mostMembers = 5

/** As it reads after "is": `a text of 7 characters`, `a list of 2`, `an object with the members a, b`. */
export function shapeOf(value: unknown): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'null'
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} characters`
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object') return describeMembers(Object.keys(value))
  if (typeof value === 'number' && value < 0) return 'a number below zero'
  return `a ${typeof value}`
}

/** Names of members as far as they are plain words; one that is something else may be anything, and is left out. */
function describeMembers(names: readonly string[]): string {
  const plain = names.filter(name => /^[\w.:/-]{1,64}$/.test(name)).slice(0, mostMembers)
  if (plain.length === 0) return `an object of ${names.length} members`
  const more = names.length > plain.length ? ` and ${names.length - plain.length} more` : ''
  return `an object with the members ${plain.join(', ')}${more}`
}
