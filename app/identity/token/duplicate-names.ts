/**
 * Whether a name stands twice in one object of a JSON text.
 *
 * Threat: `{"sub":"robot","sub":"admin"}` is read by one parser as one and by another as the other (RFC 8725 section 2.4,
 * RFC 8259 section 4). `JSON.parse` takes the last one and says nothing.
 */

/** `text` has to be JSON: `JSON.parse` has read it. Names are compared as they are meant, escapes undone. */
export function hasDuplicateNames(text: string): boolean {
  const scanner = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g
  /** Names so far of each object around; `undefined` for a list. */
  const around: (Set<string> | undefined)[] = []
  let isName = false
  for (const [token] of text.matchAll(scanner)) {
    const names = around.at(-1)
    if (token === '{') around.push(new Set())
    else if (token === '[') around.push(undefined)
    else if (token === '}' || token === ']') around.pop()
    else if (token.startsWith('"') && isName && names !== undefined) {
      const name = JSON.parse(token) as string
      if (names.has(name)) return true
      names.add(name)
    }
    isName = token === '{' || (token === ',' && around.at(-1) !== undefined)
  }
  return false
}
